"""Estimate a picture's scale from its red cells: normal ones measure 7.2 to 7.8 um across."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import flatten_field
from smearwatch.capture.red_cells import RedCellField

RED_CELL_UM = 7.5
"""Middle of the normal range."""

SINGLE_MEASURES = 0.95
"""What `RedCellField` measures on single cells, as a share of `RED_CELL_UM`: round ones that lie alone are cut at
half the depth of their edge. Chosen on pictures of two laboratories with known scale (0.095 and 0.07 um/px)."""

CLUMP_MEASURES = 0.83
"""The same for discs that fit into clumps, whose cells overlap and are squeezed; chosen on the same pictures."""

_LONG_SIDE = 900
_LEAST_SINGLES = 3
_ENOUGH_SINGLES = 8
_GREATEST_DISAGREEMENT = 0.2  # log units
_LEAST_IN_CLUMPS = 4

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScaleEstimate:
    """A scale measured on red cells.

    Attributes
    ----------
    um_per_px
        Scale of the picture that was given.
    red_cells
        How many red cells it rests on.
    spread
        Median absolute deviation of their diameters, as a share of the median.
    """

    um_per_px: float
    red_cells: int
    spread: float


def estimate_um_per_px(bgr: Image) -> ScaleEstimate | None:
    """Measure red cells and compare them with their known size.

    Single round cells are preferred; where few lie alone, the widths of clumps check or replace them.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as photographed.

    Returns
    -------
    ScaleEstimate or None
        None where too few things of about one size are seen.
    """
    height, width = bgr.shape[:2]
    shrink = min(1.0, _LONG_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    field = RedCellField(flatten_field(small, None).bgr)
    measured = _measured(field)
    if measured is None:
        return None
    middle = float(np.median(measured))
    spread = float(np.median(np.abs(measured - middle))) / middle
    return ScaleEstimate(RED_CELL_UM / middle * size[0] / width, len(measured), round(spread, 4))


def _measured(field: RedCellField) -> Floats | None:
    """Diameters in pixels of the small picture, corrected for how they were measured.

    A few round things that lie alone may all be platelets or pale centres; the clumps then say otherwise, and are
    believed.
    """
    singles = field.single_diameters_px() / SINGLE_MEASURES
    if len(singles) >= _ENOUGH_SINGLES:
        return singles
    clumps = field.clump_diameters_px() / CLUMP_MEASURES
    if len(singles) < _LEAST_SINGLES:
        return clumps if len(clumps) >= _LEAST_IN_CLUMPS else None
    if len(clumps) < _LEAST_IN_CLUMPS:
        return singles
    apart = abs(float(np.log(np.median(singles) / np.median(clumps))))
    return clumps if apart > _GREATEST_DISAGREEMENT else singles
