"""The finder as a child process: leases frames, finds their leukocytes, answers with cells and crops."""

from functools import partial

import numpy as np

from smearwatch.capture.find import FieldFound, FieldRejected, find
from smearwatch.daemon.errand import Errand
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.role import Role
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import CellOnWire, CellsFound, FrameLease, FrameRejected, LeaseFailed

# One frame in hand and one on the way, so that decoding never waits for the wire.
_CAPACITY = 2


def main(plan: RunPlan, role: Role) -> None:
    """Find leukocytes until told to stop."""
    get_logger().info("finder ready")
    with Errand(plan, role, "finder", capacity=_CAPACITY) as errand:
        while not role.stopping:
            for lease, buffers in errand.leases(FrameLease, most=1):
                if len(buffers) != 1:
                    errand.send(LeaseFailed(lease.lease, f"{len(buffers)} buffers instead of a frame's bytes"))
                    continue
                try:
                    answer = errand.at_work(partial(_answer, plan, lease, buffers[0]))
                except Exception as error:  # noqa: BLE001  # one frame must not end its finder
                    detail = f"{type(error).__name__}: {error}"[:400]
                    get_logger().error("frame failed", frame=lease.frame, error=detail)
                    errand.send(LeaseFailed(lease.lease, detail))
                    continue
                errand.send(*answer)


def _answer(plan: RunPlan, lease: FrameLease, data: memoryview) -> tuple[CellsFound | FrameRejected, list[Buffer]]:
    result = find(
        data,
        um_per_px=lease.um_per_px,
        um_per_px_source=lease.um_per_px_source,
        session_estimates=lease.session_estimates,
        field_um=plan.settings.field_um,
        max_pixels=plan.settings.max_frame_pixels,
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
    return _found(lease, result)


def _found(lease: FrameLease, result: FieldFound) -> tuple[CellsFound, list[Buffer]]:
    known = set(lease.known_cells)
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
            CellOnWire(cell.index, cell.box, cell.centre_xy_px, cell.area_um2, cell.at_edge, cell.score)
            for cell in result.cells
        ),
        cropped=tuple(index for index, _ in wanted),
        stages_ms=dict(result.stages_ms),
    )
    pixels: list[Buffer] = [np.ascontiguousarray(crop_bgr).data.cast("B") for _, crop_bgr in wanted]
    return message, [*pixels, *(cell.thumbnail_jpeg for cell in result.cells)]
