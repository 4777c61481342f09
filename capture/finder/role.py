"""The finder as a child process: leases frames, finds their leukocytes, answers with cells and crops."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from smearwatch.capture.finder.beside import Beside, has_another_core
from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.finder.hub_record import HubRecord, Record
from smearwatch.capture.finder.on_wire import cells_found, frame_rejected
from smearwatch.capture.finder.session_map import SessionMap, SessionMaps
from smearwatch.capture.formats.decode import describe
from smearwatch.capture.formats.header import probe
from smearwatch.capture.registration.slide_map import Registered
from smearwatch.daemon.log import frame_id, get_logger, log_step, working_on
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import hub_of
from smearwatch.daemon.process.lease_client import STEP_S, AnswerRefused, LeaseClient
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.reaching import is_elsewhere
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import CellsFound, FrameLease, FrameRejected, LeaseFailed, Welcome

# One frame in hand and one on the way, so that decoding never waits for the wire.
_CAPACITY = 2
_LONGEST_WAIT_S = 10.0
_STEP_S_PER_MEGAPIXEL = 1.0  # what a step of the search may take, of the processor
_BETWEEN_REFUSALS = 8  # answers; the frame that was refused comes back sooner


def main(plan: RunPlan, role: Role) -> None:
    """Find leukocytes until the role is stopped."""
    get_logger().info("search for cells ready")
    session_maps = SessionMaps(partial(_record, plan, role), role.beat)
    beside = Beside(in_a_thread=has_another_core())
    with LeaseClient(plan, role, "finder", capacity=_CAPACITY) as lease_client:
        answered, failed = _BETWEEN_REFUSALS, 0
        while not role.stopping:
            try:
                leases = lease_client.leases(FrameLease, most=1)
            except AnswerRefused as refusal:
                if answered < _BETWEEN_REFUSALS:
                    raise
                # Ledger and map differ. Once the map is read anew they agree, or the next refusal ends the process.
                get_logger().warning("answer refused, the map is read anew", why=str(refusal))
                lease_client.at_work(session_maps.close)
                answered = 0
                continue
            for lease, buffers in leases:
                hub = lease_client.welcome
                assert hub is not None  # it comes before any lease
                if len(buffers) != 1:
                    lease_client.send(LeaseFailed(lease.lease, f"{len(buffers)} buffers instead of a frame's bytes"))
                    continue
                try:
                    with working_on(lease.frame):
                        work = partial(_answer, lease, buffers[0], session_maps, hub, beside, role.beat)
                        answer = lease_client.at_work(work, _step_s(buffers[0]))
                except Exception as error:  # noqa: BLE001  # one frame must not end its finder
                    detail = f"{type(error).__name__}: {error}"[:400]
                    get_logger().error("frame failed", frame=frame_id(lease.frame), file=lease.name, error=detail)
                    failed += 1
                    # It may hold the field already, of which the ledger knows nothing.
                    lease_client.at_work(session_maps.close)
                    # Where it is the machine, short of memory for a moment, the next frames fail as well: not at once.
                    lease_client.at_work(partial(_pause, role, min(_LONGEST_WAIT_S, float(failed))))
                    lease_client.send(LeaseFailed(lease.lease, detail))
                    continue
                lease_client.send(*answer)
                answered, failed = answered + 1, 0
        lease_client.at_work(session_maps.close)


def _record(plan: RunPlan, role: Role, session: str) -> Record:
    """Open what a session has found before: its ledger, or where that is on another computer the hub's word."""
    if plan.joins and is_elsewhere(plan.settings):

        def stopping() -> bool:
            role.beat()  # it waits for the hub
            return role.stopping

        return HubRecord(hub_of(plan, "feed"), stopping)
    return LedgerReader.read(session_folder(plan.settings.state_dir, session))


def _pause(role: Role, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0.0 and not role.wait(min(1.0, left_s)):
        role.beat()


def _step_s(data: memoryview) -> float:
    """Return what a step of a picture's search may take, by its size."""
    header = probe(data)
    megapixels = header.width_px * header.height_px * max(1, header.pages) / 1e6
    return max(STEP_S, _STEP_S_PER_MEGAPIXEL * megapixels)


def _answer(
    lease: FrameLease,
    data: memoryview,
    session_maps: SessionMaps,
    hub: Welcome,
    beside: Beside,
    step: Callable[[], None],
) -> tuple[CellsFound | FrameRejected, list[Buffer]]:
    session_map = session_maps.of(hub, lease.turn)
    known = session_map.knows(lease.frame)  # searched once more for its crops, at the scale that it had
    # The finder's own word, and not the hub's: that one knows of the frame before only where it was quick enough.
    estimates = [] if known else session_map.kinds.estimates
    placing = _Placing(session_map, lease.frame)
    result = find(
        data,
        um_per_px=lease.um_per_px,
        um_per_px_source=lease.um_per_px_source,
        session_estimates=[estimate for estimate, _ in estimates],
        session_sizes=[size for _, size in estimates],
        given_for=None if known else session_map.kinds.first_of(lease.um_per_px, lease.um_per_px_source),
        field_um=hub.terms.field_um,
        max_pixels=hub.terms.max_frame_pixels,
        restain=hub.terms.search_stain == "red_cells",
        check_scale=not known,
        two_objectives=not known and (lease.two_objectives or session_map.two_objectives),
        wanted=placing,
        beside=beside,
        step=step,
    )
    if isinstance(result, FieldRejected):
        session_map.two_objectives |= result.reason == "scale_changed"
        log_step("frame cannot be used", reason=result.reason)
        note = describe(data).note if result.width_px else None  # which of its pages was looked at
        return frame_rejected(lease, replace(result, detail=f"{result.detail}; {note}") if note else result), []
    assert placing.registered is not None  # a field that was searched is placed
    log_step("cells found", cells=len(result.cells))
    return cells_found(lease, result, placing.registered, {**result.stages_ms, "place": placing.took_ms})


class _Placing:
    """Registers a field once its cells are known, so that only those that get a verdict are cut and measured."""

    def __init__(self, session_map: SessionMap, frame: str) -> None:
        self._session_map = session_map
        self._frame = frame
        self.registered: Registered | None = None
        self.took_ms = 0.0

    def __call__(self, field: FieldFound) -> set[int]:
        began_ns = time.perf_counter_ns()
        self.registered = self._session_map.register(self._frame, field)
        self.took_ms = round((time.perf_counter_ns() - began_ns) / 1e6, 3)
        return {cell.index for cell in field.cells} - self.registered.seen_before
