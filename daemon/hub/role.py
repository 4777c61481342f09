"""The hub as a child process: locks, opens, binds, turns, closes."""

import time
from contextlib import ExitStack
from importlib.metadata import version

from smearwatch.daemon.hub.hub import Hub
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import EXIT_NEXT, EXIT_STOPPED, Role
from smearwatch.daemon.process.runtime_lock import RuntimeLock
from smearwatch.daemon.record.band_rule import in_words
from smearwatch.daemon.record.description import describe
from smearwatch.daemon.record.earlier import Earlier, earlier_than, follows
from smearwatch.daemon.record.events import Described, Opened
from smearwatch.daemon.record.extra_classes import ExtraClass, extra_classes_of
from smearwatch.daemon.record.followed import FOLLOWS
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.weights import manifest_mark
from smearwatch.daemon.wire.codec import MAX_HEADER_BYTES
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.sockets import HubSockets, context

# What a message may carry besides the frame itself: crops of a crowded field and their thumbnails.
_SLACK_BYTES = 512 * 1024 * 1024


def main(plan: RunPlan, role: Role) -> int:
    """Run the hub until nothing is left to do, or the parent or a client asks for the end; returns its exit code."""
    settings = plan.settings
    with ExitStack() as stack:
        runtime_dir = private_dir(settings.runtime_dir)
        stack.enter_context(RuntimeLock(runtime_dir))
        ledger = stack.enter_context(Ledger.open(session_folder(settings.state_dir, plan.session)))
        if (signed := ledger.signature()) is not None:
            raise SessionSigned(plan.session, signed)
        earlier = _earlier(plan, ledger)
        owner = stack.enter_context(context())
        max_bytes = settings.max_frame_bytes + _SLACK_BYTES
        part_bytes = max(settings.max_frame_bytes, MAX_HEADER_BYTES)
        sockets = HubSockets(owner, Endpoints.under(runtime_dir), max_bytes=max_bytes, max_part_bytes=part_bytes)
        stack.callback(sockets.close)
        journal = Journal(ledger, sockets)
        journal.commit(_opened(plan, ledger), *_described(plan, ledger))
        hub = Hub(plan, journal, sockets, earlier=earlier.frames)
        get_logger().info(_greeting(plan, journal), epoch=ledger.epoch, runtime_dir=str(runtime_dir))
        if (reached := _reached(plan, journal)) is not None:
            get_logger().info(reached)
        while not role.stopping and hub.state != "done" and not hub.stopped:
            hub.turn()
            role.beat()
        # One of many subfolders' sessions is never the end of it; only the subfolder scheduler knows when all is done.
        done = role.finishing or (hub.state == "done" and plan.subfolder is None)
        hub.close(stopping=not done)
        return EXIT_NEXT if hub.next_begins else EXIT_STOPPED if hub.stopped else 0


def _earlier(plan: RunPlan, ledger: Ledger) -> Earlier:
    """Return what is of the specimens before this one, and none of its."""
    before = plan.follows or follows(ledger)
    return earlier_than(plan.settings.state_dir, plan.session, before, without_missing=plan.carry_on)


def _greeting(plan: RunPlan, journal: Journal) -> str:
    """Return that the session is a new one, or how far it was before."""
    if journal.ledger.epoch == 1:
        return f"session {plan.session} begun"
    frames, cells = journal.fold.frames["seen"], journal.fold.cells
    return (
        f"session {plan.session} continued: {frames} {'frame' if frames == 1 else 'frames'}, "
        f"{cells} {'cell' if cells == 1 else 'cells'} so far"
    )


def _reached(plan: RunPlan, journal: Journal) -> str | None:
    """Return why a continued session ends at once, None where there is something to count."""
    if not plan.stop_at_target or not journal.fold.target_reached:
        return None
    cells = journal.fold.cells
    counted = "1 cell is" if cells == 1 else f"{cells} cells are"
    what = "targets" if plan.targets else f"target of {plan.settings.target}"
    return f"{what} already reached: {counted} counted; nothing new was looked at"


def _described(plan: RunPlan, ledger: Ledger) -> list[Described]:
    """Return what the run was begun with; what was corrected since is not said again by a hub that is restarted."""
    before = ledger.descriptions()
    new = {name: text for name, text in plan.said.items() if all(each.said[name] != text for each in before)}
    described = describe(ledger.description(), new, by=plan.said_by, described_at_ns=time.time_ns())
    return [] if described is None else [described]


def _opened(plan: RunPlan, ledger: Ledger) -> Opened:
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
                name=each.name,
                counts=each.counts,
                hint="to count it otherwise here, set a class of another name",
            )
    return tuple(each for each in all_of_it if each.name in ours)
