"""What decides a session's results, and is the hub's to say: whoever joins it goes by its terms."""

from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.weights import manifest_mark
from smearwatch.daemon.wire.messages import Terms, Welcome

SETTINGS: Final = (
    "field_um",
    "max_frame_bytes",
    "max_frame_pixels",
    "um_per_px",
    "scale_from",
    "search_stain",
    "judged_view",
)
"""The settings that are among the terms, by their names."""


class TermsDiffer(Hinted):
    """Who joins was told otherwise than the hub in what decides a result."""


def terms_of(plan: RunPlan) -> Terms:
    """Return the terms of the session that a plan counts."""
    said = {name: getattr(plan.settings, name) for name in SETTINGS}
    return Terms(
        **(said | {"um_per_px": plan.um_per_px}),
        weights_manifest=manifest_mark(plan.settings.weights) or "",
        until_idle_s=plan.until_idle_s,
        carry_on=plan.carry_on,
        count_again=plan.count_again,
    )


def under_terms(plan: RunPlan, welcome: Welcome) -> RunPlan:
    """Return the plan of somebody who joins, as the hub has it.

    Raises
    ------
    TermsDiffer
        It was told something else in what decides a result.
    """
    terms = welcome.terms
    theirs = {name: getattr(terms, name) for name in SETTINGS} | {"um_per_px": terms.um_per_px or "auto"}
    for name in SETTINGS:
        ours = getattr(plan.settings, name)
        if name in plan.told and ours != theirs[name]:
            raise TermsDiffer(
                f"the hub counts session {welcome.session} with {name} = {theirs[name]}, and here it is {ours}",
                f"say {name} where the hub is started, and leave it out here",
            )
    changes = {
        "settings": plan.settings.model_copy(update=theirs),
        "session": welcome.session,
        "until_idle_s": terms.until_idle_s,
        "carry_on": terms.carry_on,
        "count_again": terms.count_again,
    }
    return plan.model_copy(update=changes)
