"""Estimate the scale of a field from the size of its red cells, and say whether that can be trusted."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.agreement import Agreement, find_agreement, keep_red_cells
from smearwatch.capture.scale.circles import fit_circles
from smearwatch.capture.scale.nucleus import measure_nuclei_px
from smearwatch.capture.vision.light import WHITE, flatten_field

_LONG_SIDE = 900
_WIDE_PX = 1800  # from here on, half of it still has as many pixels as are looked at
_DARK_OFFSET = 4.0
_ENOUGH_RED_CELLS = 4
_DENSITY = -np.log((np.arange(256, dtype=np.float32) + _DARK_OFFSET) / (WHITE + _DARK_OFFSET))


@dataclass(frozen=True, slots=True)
class ScaleEstimate:
    """A scale measured on red cells.

    Attributes
    ----------
    um_per_px
        Scale of the picture that was given.
    red_cells
        How many round, well seen red cells it rests on.
    spread
        Median absolute deviation of their diameters, as a share of the median.
    is_sure
        Whether enough agree, by themselves or with the nuclei, to search a field at it.
    source
        ``red_cells_and_nuclei`` where the red cells are so few that the nuclei had a part in it.
    nucleus_um
        Diameter of the largest nucleus that lies whole in the field, at that scale; None where there is none.
    """

    um_per_px: float
    red_cells: int
    spread: float
    is_sure: bool = True
    source: Literal["red_cells", "red_cells_and_nuclei"] = "red_cells"
    nucleus_um: float | None = None


def estimate_um_per_px(bgr: Image) -> ScaleEstimate | None:
    """Measure red cells and compare them with their known size.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as photographed.

    Returns
    -------
    ScaleEstimate or None
        None where nothing round is seen.
    """
    whole = _estimate(bgr)
    if max(bgr.shape[:2]) < _WIDE_PX:
        return whole
    # A field many red cells wide shows each of them in few pixels once it is shrunken: its middle shows them better.
    height, width = bgr.shape[:2]
    middle = _estimate(bgr[height // 4 : height - height // 4, width // 4 : width - width // 4])
    if middle is None or not middle.is_sure or (whole is not None and whole.red_cells >= middle.red_cells):
        return whole
    return middle


def _estimate(bgr: Image) -> ScaleEstimate | None:
    height, width = bgr.shape[:2]
    shrink = min(1.0, _LONG_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    agreement = find_flat_agreement(flatten_field(small, None))
    if agreement is None:
        return None
    helped = agreement.red_cells < _ENOUGH_RED_CELLS and agreement.nucleus_um is not None
    return ScaleEstimate(
        agreement.um_per_px * size[0] / width,
        agreement.red_cells,
        round(agreement.spread, 4),
        agreement.is_sure,
        "red_cells_and_nuclei" if helped else "red_cells",
        agreement.nucleus_um,
    )


def find_flat_agreement(flat: Image) -> Agreement | None:
    """Measure red cells in a picture whose light is flattened already, at its own size.

    Parameters
    ----------
    flat
        uint8 [height, width, 3], BGR.

    Returns
    -------
    Agreement or None
        None where nothing round is seen.
    """
    smooth = cv2.GaussianBlur(flat, (0, 0), 1.0)
    blue, green, red = (np.asarray(cv2.LUT(each, _DENSITY), dtype=np.float32) for each in cv2.split(smooth))
    stain = red + 0.5 * green - blue
    nuclei, nuclear = measure_nuclei_px(stain)
    cells = keep_red_cells(fit_circles(green, nuclear), green, stain, nuclei, nuclear)
    return find_agreement(cells, nuclei)
