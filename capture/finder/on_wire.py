"""A field that was searched, as the finder's message: the one place where found cells become cells on the wire."""

from dataclasses import asdict

import numpy as np

from smearwatch.capture.finder.field import FieldFound, FieldRejected, FoundCell
from smearwatch.capture.registration.slide_map import Registered
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import CellsFound, FrameLease, FrameRejected
from smearwatch.daemon.wire.parts import CellOnWire, NucleusOnWire, PlaceOnWire, StainOnWire


def cells_found(
    lease: FrameLease, result: FieldFound, registered: Registered, stages_ms: dict[str, float]
) -> tuple[CellsFound, list[Buffer]]:
    """Write a field's cells for the wire: the message, then the crops that are wanted and every cell's thumbnail.

    Parameters
    ----------
    lease
        What was asked for; cells that it knows need no crop.
    result
        What was found.
    registered
        Where the field lies, and which of its cells were seen before and which of these better now.
    stages_ms
        How long each step took.
    """
    known = registered.seen_before.union(lease.known_cells)
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
        cells=tuple(cell_on_wire(cell, registered) for cell in result.cells),
        cropped=tuple(index for index, _ in wanted),
        stages_ms=stages_ms,
        placement=None if registered.placement is None else PlaceOnWire(**asdict(registered.placement)),
        scale_unsure=result.scale_unsure,
        unsearched_percent=result.unsearched_percent,
        um_per_px_own=result.um_per_px_own,
    )
    pixels: list[Buffer] = [np.ascontiguousarray(crop_bgr).data.cast("B") for _, crop_bgr in wanted]
    return message, [*pixels, *(cell.thumbnail_jpeg for cell in result.cells)]


def cell_on_wire(cell: FoundCell, registered: Registered) -> CellOnWire:
    """Write one cell for the wire; its crop and its thumbnail follow as buffers.

    Parameters
    ----------
    cell
        As it was found.
    registered
        Tells whether it was seen before.
    """
    return CellOnWire(
        index=cell.index,
        box=cell.leukocyte.box,
        centre_xy_px=cell.leukocyte.centre_xy_px,
        area_um2=cell.leukocyte.area_um2,
        at_edge=cell.leukocyte.at_edge,
        score=cell.leukocyte.score,
        same_as=registered.same_as.get(cell.index),
        better_than=registered.better_than.get(cell.index),
        stain=None if cell.stain is None else StainOnWire(**asdict(cell.stain)),
        nucleus=None if cell.leukocyte.nucleus is None else NucleusOnWire(**asdict(cell.leukocyte.nucleus)),
    )


def frame_rejected(lease: FrameLease, result: FieldRejected) -> FrameRejected:
    """Write for the wire why a field was not searched.

    Parameters
    ----------
    lease
        What was asked for.
    result
        Why it was refused.
    """
    return FrameRejected(
        lease=lease.lease,
        frame=lease.frame,
        reason=result.reason,
        detail=result.detail,
        value=result.value,
        um_per_px=result.um_per_px,
        stages_ms=dict(result.stages_ms),
    )
