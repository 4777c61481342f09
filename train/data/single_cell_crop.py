"""The crop of a picture of one cell, found and cut by the pipeline's own finder."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.cell_surroundings import measure_stain_and_size
from smearwatch.capture.finder.field import FieldFound, FieldRejected, FoundCell, find
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS
from smearwatch.capture.vision.cell_stain import CellStain
from smearwatch.capture.vision.crop import FIELD_UM
from smearwatch.train.data.samples import DataUnusable, decode_picture, middle_crop, read_file

# A small lymphocyte measures 7 um; what was cut more narrowly than this has none of its outline in it.
_SMALLEST_LEUKOCYTE_UM = 6.0

# Pictures of one cell measure 30 to 50 um; fields of a 100x objective from about 50 x 36 to 130 x 90 um.
_FIELD_SHORTER_UM, _FIELD_LONGER_UM = 2 * FIELD_UM, 80.0

# What is hardly larger than a crop was cut around something, though it be a platelet that is not searched for.
_CUT_AROUND_A_CELL_UM = 1.25 * FIELD_UM

_MIDDLE_SHARE = 0.25  # of the shorter side, from the picture's middle to the cell's


@dataclass(frozen=True, slots=True)
class SingleCell:
    """The crop of a picture of one cell.

    Attributes
    ----------
    crop_bgr
        uint8 [750, 750, 3], the light taken out. Where the cell was found, the same bytes as the pipeline's.
    not_found
        None where it was found. Else why the crop was cut around the picture's middle, in one word: "no_leukocyte"
        (none there), "at_edge" (the border may cut it, so that it would not be counted), or why the finder did not
        search, one of `smearwatch.capture.vision.quality.QualityReason`.
    frame
        SHA-256 (hex) of the picture's bytes.
    stain
        Of the crop.
    whole_cells
        The stain of each whole leukocyte of the picture by its index, as a run would record them.
    crops_bgr
        Their crops, uint8 [750, 750, 3] each.
    index
        Of the cell among them, None where it was not found.
    """

    crop_bgr: Image
    not_found: str | None
    frame: str
    stain: CellStain
    whole_cells: Mapping[int, CellStain]
    crops_bgr: Mapping[int, Image]
    index: int | None = None

    @property
    def found(self) -> bool:
        """Whether the finder found a whole leukocyte in the middle."""
        return self.not_found is None


def single_cell_crop(
    path: Path,
    um_per_px: float,
    *,
    field_um: float = FIELD_UM,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    restain: bool = False,
) -> SingleCell:
    """Cut the crop of the leukocyte in the middle of a picture, as the pipeline cuts it.

    Its box holds the middle, or its centre is not farther from it than a quarter of the shorter side. Where the finder
    has no whole leukocyte there, the crop is cut around the picture's middle.

    Parameters
    ----------
    path
        A picture file.
    um_per_px
        Its scale.
    field_um, max_pixels, restain
        As for `smearwatch.capture.finder.field.find`.

    Raises
    ------
    DataUnusable
        Where it is no picture, is too small for a leukocyte, or is a whole field: it covers far more than one crop, or
        somewhat more, and has its leukocytes elsewhere than in the middle.
    """
    data = read_file(path)
    bgr = decode_picture(path, data, max_pixels=max_pixels)
    frame = hashlib.sha256(data).hexdigest()
    _check_size(path, bgr, um_per_px)
    result = find(
        data,
        um_per_px=um_per_px,
        um_per_px_source="configured",
        field_um=field_um,
        max_pixels=max_pixels,
        restain=restain,
    )
    if isinstance(result, FieldRejected):
        return _not_found(middle_crop(bgr, um_per_px, field_um=field_um), result.reason, frame, {}, {})
    cell = _cell_in_the_middle(result)
    if cell is None and result.cells and max(bgr.shape[:2]) * um_per_px > _CUT_AROUND_A_CELL_UM:
        count = len(result.cells)
        raise _whole_field(path, bgr, um_per_px, f"{count} leukocyte{'' if count == 1 else 's'}, none in the middle")
    whole_cells = {found.index: found.stain for found in result.cells if found.stain is not None}
    crops = {found.index: found.crop_bgr for found in result.cells if found.crop_bgr is not None}
    if cell is None or cell.crop_bgr is None:
        not_found = "no_leukocyte" if cell is None else "at_edge"
        return _not_found(middle_crop(bgr, um_per_px, field_um=field_um), not_found, frame, whole_cells, crops)
    return SingleCell(cell.crop_bgr, None, frame, whole_cells[cell.index], whole_cells, crops, cell.index)


def _not_found(
    crop_bgr: Image, why: str, frame: str, whole_cells: Mapping[int, CellStain], crops_bgr: Mapping[int, Image]
) -> SingleCell:
    return SingleCell(crop_bgr, why, frame, measure_stain_and_size(crop_bgr), whole_cells, crops_bgr)


def _cell_in_the_middle(result: FieldFound) -> FoundCell | None:
    """Return the cell whose box holds the middle, or else the one nearest to it; None where none is near."""
    middle_x, middle_y = result.width_px / 2, result.height_px / 2
    near = []
    for cell in result.cells:
        x, y, width, height = cell.leukocyte.box
        holds = x <= middle_x <= x + width and y <= middle_y <= y + height
        off_px = math.dist(cell.leukocyte.centre_xy_px, (middle_x, middle_y))
        if holds or off_px <= _MIDDLE_SHARE * min(result.width_px, result.height_px):
            near.append((not holds, off_px, cell.index, cell))
    return min(near)[3] if near else None


def _check_size(path: Path, bgr: Image, um_per_px: float) -> None:
    shorter_um, longer_um = (side(bgr.shape[:2]) * um_per_px for side in (min, max))
    if shorter_um < _SMALLEST_LEUKOCYTE_UM:
        matter = f"too_small: {_size(bgr, um_per_px)}, too small for a leukocyte"
        hint = f"give a picture of at least {_SMALLEST_LEUKOCYTE_UM:g} um, or correct --um-per-px"
        raise DataUnusable(path, matter, hint, reason="too_small")
    if shorter_um > _FIELD_SHORTER_UM or longer_um > _FIELD_LONGER_UM:
        raise _whole_field(path, bgr, um_per_px, "more than a picture of one cell")


def _whole_field(path: Path, bgr: Image, um_per_px: float, seen: str) -> DataUnusable:
    hint = "use `smearwatch segment` or `smearwatch run` for whole fields, or correct --um-per-px"
    return DataUnusable(path, f"whole_field: {_size(bgr, um_per_px)}, {seen}", hint, reason="whole_field")


def _size(bgr: Image, um_per_px: float) -> str:
    height, width = bgr.shape[:2]
    size_um = f"{width * um_per_px:.3g} x {height * um_per_px:.3g} um"
    return f"{width} x {height} px at {um_per_px:g} um/px are {size_um}"
