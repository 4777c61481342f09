"""How a hub opens its session in the ledger: once as it starts, and once more as the place of its frames is known."""

import time
from importlib.metadata import version

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.band_rules import in_words
from smearwatch.daemon.record.earlier import follows
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.extra_classes import ExtraClass, extra_classes_of
from smearwatch.daemon.record.followed import FOLLOWS
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.weights import manifest_mark


def opened(plan: RunPlan, ledger: Ledger) -> Opened:
    """Return the event with which a hub begins to write, with the settings that decide a result."""
    weights = manifest_mark(plan.settings.weights)
    before = plan.follows or follows(ledger)
    marks = {name: mark for name, mark in (("weights_manifest", weights), (FOLLOWS, before)) if mark is not None}
    return Opened(
        epoch=ledger.epoch,
        started_at_ns=time.time_ns(),
        version=version("smearwatch"),
        session=ledger.session,
        target=plan.settings.target,
        field_um=plan.settings.field_um,
        band_rule=in_words(plan.settings.band_rule),
        settings=plan.recorded_settings() | marks,
        targets=plan.targets,
        extra_classes=_extra_classes(plan, ledger) or None,
    )


def _extra_classes(plan: RunPlan, ledger: Ledger) -> tuple[ExtraClass, ...]:
    """Return the extra classes that are set, each counting where it does in a session that knows it already."""
    ours = {each.name: each for each in plan.settings.extra_classes_as_recorded}
    all_of_it = extra_classes_of([*(each.extra_classes for each in ledger.openings()), tuple(ours.values())])
    for each in all_of_it:
        if each.name in ours and each.counts != ours[each.name].counts:
            get_logger().warning(
                "an extra class counts as it did when the session was begun",
                extra_class=each.name,
                counts=each.counts,
                hint="to count it otherwise here, set a class of another name",
            )
    return tuple(each for each in all_of_it if each.name in ours)
