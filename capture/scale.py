"""Estimate a picture's scale from its red cells: normal ones measure 7.2 to 7.8 um across."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import flatten_field
from smearwatch.capture.red_cells import red_cell_diameters_px

RED_CELL_UM = 7.5
"""Middle of the normal range."""

MEASURES = 0.97
"""What `red_cell_diameters_px` measures, as a share of `RED_CELL_UM`; chosen on pictures of two laboratories with known
scale (0.095 and 0.07 um/px; of the latter every other one) and on the simulated slide."""

_LONG_SIDE = 900
_LEAST_CELLS = 1

Image = npt.NDArray[np.uint8]


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
    measured = red_cell_diameters_px(flatten_field(small, None))
    if len(measured) < _LEAST_CELLS:
        return None
    middle = float(np.median(measured))
    spread = float(np.median(np.abs(measured - middle))) / middle
    return ScaleEstimate(MEASURES * RED_CELL_UM / middle * size[0] / width, len(measured), round(spread, 4))
