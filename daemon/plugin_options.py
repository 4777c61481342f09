"""The options of a plug-in, typed as ``key=value``, validated by the plug-in's own model of them."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plain_words import in_plain_words


class Options(BaseModel):
    """Common ancestor of a plug-in's options: a field for each, with its limits; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


OptionsT = TypeVar("OptionsT", bound=Options)


class OptionUnusable(Hinted, ValueError):
    """An option that a plug-in cannot use."""


def validated_options(
    model: type[OptionsT],
    given: Mapping[str, Any],
    *,
    whose: str,
    option: str,
    error: type[OptionUnusable] = OptionUnusable,
) -> OptionsT:
    """Read the options that were given to a plug-in.

    Parameters
    ----------
    model
        The options that it has.
    given
        What was typed, by key.
    whose
        What it is: ``source 'slide'``.
    option
        How an option is typed on the command line.
    error
        What is raised.

    Raises
    ------
    OptionUnusable
        Naming the first option that is missing, unknown or outside its limits.
    """
    try:
        return model.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    known = " ".join(model.model_fields) or "none"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, model.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"its options: {known}"
        raise error(f"{whose} has no option {key!r}", hint)
    if first["type"] == "missing":
        raise error(f"{whose} needs the option {key!r}", f"add {option} {key}=...")
    value = given.get(key)
    why = first["msg"].removeprefix("Value error, ")
    why = in_plain_words(why, "it") or why
    where = f"option {key} = {value!r}" if key else "options"
    raise error(f"{whose}: {where}: {why}", f"correct {key}" if key else f"options: {known}")
