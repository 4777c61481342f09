"""A source's options, typed as ``--source-option key=value``, validated by the source itself."""

from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.plugin_options import Options, OptionsT, OptionUnusable, validated_options

__all__ = ["OptionUnusable", "Options", "read_options"]


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
    return validated_options(model, plan.source_options, whose=f"source {plan.source!r}", option="--source-option")
