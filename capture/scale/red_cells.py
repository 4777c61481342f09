"""Estimate the scale of a field from the size of its red cells."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.circles import measure_diameters_px
from smearwatch.capture.vision.light import flatten_field

RED_CELL_UM = 7.5
"""Middle of the normal range."""

MEASURED_SHARE = 0.97
"""What `measure_diameters_px` measures of a red cell, as a share of `RED_CELL_UM`; chosen on pictures of two
laboratories with known scale (0.095 and 0.07 um/px; of the latter every other one) and on the simulated slide."""

_LONG_SIDE = 900
_FEWEST_CELLS = 1


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
    measured = measure_diameters_px(flatten_field(small, None))
    if len(measured) < _FEWEST_CELLS:
        return None
    middle = float(np.median(measured))
    spread = float(np.median(np.abs(measured - middle))) / middle
    return ScaleEstimate(MEASURED_SHARE * RED_CELL_UM / middle * size[0] / width, len(measured), round(spread, 4))
