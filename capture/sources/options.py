"""A source's options, typed as ``--source-option key=value``, validated by the source itself."""

import difflib
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plain_words import in_plain_words
from smearwatch.daemon.plan import RunPlan


class Options(BaseModel):
    """Common ancestor of a source's options: a field for each, with its limits; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


OptionsT = TypeVar("OptionsT", bound=Options)


class OptionUnusable(Hinted, ValueError):
    """An option that a source cannot use."""


def read_options(model: type[OptionsT], plan: RunPlan) -> OptionsT:
    """Read the options that the plan has for its source.

    Parameters
    ----------
    model
        The options that the source has.
    plan
        The run.

    Raises
    ------
    OptionUnusable
        Naming the first option that is missing, unknown or outside its limits.
    """
    try:
        return model.model_validate(plan.source_options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    known = " ".join(model.model_fields) or "none"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, model.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"its options: {known}"
        raise OptionUnusable(f"source {plan.source!r} has no option {key!r}", hint)
    if first["type"] == "missing":
        hint = f"add --source-option {key}=..."
        raise OptionUnusable(f"source {plan.source!r} needs the option {key!r}", hint)
    value = plan.source_options.get(key)
    why = first["msg"].removeprefix("Value error, ")
    why = in_plain_words(why, "it") or why
    where = f"option {key} = {value!r}" if key else "options"
    raise OptionUnusable(f"source {plan.source!r}: {where}: {why}", f"correct {key}" if key else f"options: {known}")
