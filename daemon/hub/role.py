"""The hub as a child process: locks, opens, binds, turns, closes."""

import time
from contextlib import ExitStack

from smearwatch.daemon.anchoring import Anchoring
from smearwatch.daemon.hub.doors import group_doors, net_door
from smearwatch.daemon.hub.hub import Hub
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.opening import opened
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.open_files import raise_limit
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import EXIT_NEXT, EXIT_STOPPED, Role
from smearwatch.daemon.process.runtime_lock import RuntimeLock
from smearwatch.daemon.record.anchors import short_id
from smearwatch.daemon.record.description import describe
from smearwatch.daemon.record.earlier import Earlier, earlier_than, follows
from smearwatch.daemon.record.events import Described
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.settings_used import note_settings
from smearwatch.daemon.wire.codec import MAX_HEADER_BYTES
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.sockets import context

# What a message may carry besides the frame itself: crops of a crowded field and their thumbnails.
_SLACK_BYTES = 512 * 1024 * 1024

_STEP_S = 2.0  # of the processor; a disk, or another program that holds the ledger, may take longer


def main(plan: RunPlan, role: Role) -> int:
    """Run the hub until nothing is left to do, or the parent or a client asks for the end; returns its exit code."""
    settings = plan.settings
    with ExitStack() as stack:
        runtime_dir = private_dir(settings.runtime_dir, passable=settings.has_groups)
        stack.enter_context(RuntimeLock(runtime_dir))
        ledger = stack.enter_context(Ledger.open(session_folder(settings.state_dir, plan.session)))
        if (signed := ledger.signature()) is not None:
            raise SessionSigned(plan.session, signed)
        earlier = _earlier(plan, ledger)
        raise_limit()  # each connection takes a file, a stranger's too until it is refused
        owner = stack.enter_context(context())
        max_bytes = settings.max_frame_bytes + _SLACK_BYTES
        part_bytes = max(settings.max_frame_bytes, MAX_HEADER_BYTES)
        groups, net = group_doors(settings, runtime_dir), net_door(settings)
        endpoints = Endpoints.under(runtime_dir)
        sockets = HubSockets(owner, endpoints, max_bytes=max_bytes, max_part_bytes=part_bytes, groups=groups, net=net)
        stack.callback(sockets.close)
        journal = Journal(ledger, sockets)
        journal.commit(opened(plan, ledger), *_described(plan, ledger))
        hub = Hub(plan, journal, sockets, earlier=earlier)
        get_logger().info(
            _greeting(journal),
            session=plan.session,
            record=short_id(ledger),
            epoch=ledger.epoch,
            runtime_dir=str(runtime_dir),
        )
        if (reached := _reached(plan, journal)) is not None:
            get_logger().info(reached)
        note_settings(plan)
        anchoring = Anchoring(ledger, settings.anchor_s, time.monotonic)
        anchoring.anchor("opened")
        role.ask(_STEP_S, waits=True)
        worked_before = journal.committed
        while not role.stopping and hub.state != "done" and not hub.stopped:
            hub.turn()
            anchoring.turn()
            role.beat()
            if journal.committed != worked_before:
                worked_before = journal.committed
                role.got_on()
        # One of many subfolders' sessions is never the end of it; only the subfolder scheduler knows when all is done.
        done = role.finishing or (hub.state == "done" and plan.subfolder is None)
        hub.close(stopping=not done)
        anchoring.anchor("closed")
        return EXIT_NEXT if hub.next_begins else EXIT_STOPPED if hub.stopped else 0


def _earlier(plan: RunPlan, ledger: Ledger) -> Earlier:
    """Return what is of the specimens before this one, and none of its."""
    before = plan.follows or follows(ledger)
    return earlier_than(plan.settings.state_dir, plan.session, before, without_missing=plan.carry_on)


def _greeting(journal: Journal) -> str:
    """Return that the session is a new one, or how far it was before."""
    if journal.ledger.epoch == 1:
        return "session begun"
    frames, cells = journal.fold.frames["seen"], journal.fold.cells
    return (
        f"session continued: {frames} {'frame' if frames == 1 else 'frames'}, "
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
