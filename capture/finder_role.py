"""The finder as a child process: leases frames, finds their leukocytes, answers with cells and crops."""

import time
from dataclasses import asdict
from functools import partial

import numpy as np

from smearwatch.capture.find import FieldFound, FieldRejected, find
from smearwatch.capture.placing.desk import PlacingDesks
from smearwatch.capture.placing.slide_map import Placed
from smearwatch.daemon.errand import AnswerRefused, Errand
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.role import Role
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import (
    CellOnWire,
    CellsFound,
    FrameLease,
    FrameRejected,
    LeaseFailed,
    PlaceOnWire,
    Welcome,
)

# One frame in hand and one on the way, so that decoding never waits for the wire.
_CAPACITY = 2
_BETWEEN_REFUSALS = 8  # answers; the frame that was refused comes back sooner


def main(plan: RunPlan, role: Role) -> None:
    """Find leukocytes until told to stop."""
    get_logger().info("search for cells ready")
    desks = PlacingDesks(
        plan.settings.state_dir,
        max_pixels=plan.settings.max_frame_pixels,
        judges_again=plan.settings.judged_view == "best",
    )
    with Errand(plan, role, "finder", capacity=_CAPACITY) as errand:
        answered = _BETWEEN_REFUSALS
        while not role.stopping:
            try:
                leases = errand.leases(FrameLease, most=1)
            except AnswerRefused as refusal:
                if answered < _BETWEEN_REFUSALS:
                    raise
                # The ledger says otherwise than the map; read anew, they say the same, or the next refusal ends it.
                get_logger().warning("answer refused, the map is read anew", why=str(refusal))
                errand.at_work(desks.close)
                answered = 0
                continue
            for lease, buffers in leases:
                hub = errand.welcome
                assert hub is not None  # it comes before any lease
                if len(buffers) != 1:
                    errand.send(LeaseFailed(lease.lease, f"{len(buffers)} buffers instead of a frame's bytes"))
                    continue
                try:
                    answer = errand.at_work(partial(_answer, plan, lease, buffers[0], desks, hub))
                except Exception as error:  # noqa: BLE001  # one frame must not end its finder
                    detail = f"{type(error).__name__}: {error}"[:400]
                    get_logger().error("frame failed", frame=lease.frame, error=detail)
                    errand.send(LeaseFailed(lease.lease, detail))
                    continue
                errand.send(*answer)
                answered += 1
        errand.at_work(desks.close)


def _answer(
    plan: RunPlan, lease: FrameLease, data: memoryview, desks: PlacingDesks, hub: Welcome
) -> tuple[CellsFound | FrameRejected, list[Buffer]]:
    result = find(
        data,
        um_per_px=lease.um_per_px,
        um_per_px_source=lease.um_per_px_source,
        session_estimates=lease.session_estimates,
        field_um=plan.settings.field_um,
        max_pixels=plan.settings.max_frame_pixels,
        restain=plan.settings.search_stain == "red_cells",
    )
    if isinstance(result, FieldRejected):
        rejected = FrameRejected(
            lease=lease.lease,
            frame=lease.frame,
            reason=result.reason,
            detail=result.detail,
            value=result.value,
            um_per_px=result.um_per_px,
            stages_ms=dict(result.stages_ms),
        )
        return rejected, []
    began_ns = time.perf_counter_ns()
    placed = desks.of(hub.session, hub.epoch).place(lease.frame, result)
    place_ms = round((time.perf_counter_ns() - began_ns) / 1e6, 3)
    return cells_found(lease, result, placed, {**result.stages_ms, "place": place_ms})


def cells_found(
    lease: FrameLease, result: FieldFound, placed: Placed, stages_ms: dict[str, float]
) -> tuple[CellsFound, list[Buffer]]:
    """Spell a field's cells for the wire: the message, then the crops that are wanted and every cell's thumbnail.

    Parameters
    ----------
    lease
        What was asked for; cells that it knows need no crop.
    result
        What was found.
    placed
        Where the field lies, and which of its cells were seen before and which of these better now.
    stages_ms
        How long each step took.
    """
    known = {*lease.known_cells, *(index for index in placed.same_as if index not in placed.better_than)}
    crops = [(cell.index, cell.crop_bgr) for cell in result.cells if cell.crop_bgr is not None]
    wanted = [(index, crop_bgr) for index, crop_bgr in crops if index not in known]
    message = CellsFound(
        lease=lease.lease,
        frame=lease.frame,
        width_px=result.width_px,
        height_px=result.height_px,
        um_per_px=result.um_per_px,
        um_per_px_source=result.um_per_px_source,
        um_per_px_estimate=result.um_per_px_estimate,
        focus=result.focus,
        cells=tuple(
            CellOnWire(
                index=cell.index,
                box=cell.box,
                centre_xy_px=cell.centre_xy_px,
                area_um2=cell.area_um2,
                at_edge=cell.at_edge,
                score=cell.score,
                same_as=placed.same_as.get(cell.index),
                better_than=placed.better_than.get(cell.index),
            )
            for cell in result.cells
        ),
        cropped=tuple(index for index, _ in wanted),
        stages_ms=stages_ms,
        placement=None if placed.placement is None else PlaceOnWire(**asdict(placed.placement)),
    )
    pixels: list[Buffer] = [np.ascontiguousarray(crop_bgr).data.cast("B") for _, crop_bgr in wanted]
    return message, [*pixels, *(cell.thumbnail_jpeg for cell in result.cells)]
