"""The stain of one cell: how strongly its nucleus, and the red cells around it, absorb blue, green and red.

Azure and eosin, the nucleus's and the red cells' dye, are in every Romanowsky smear; how much of them there is and how
a camera renders them is each laboratory's own. The median of these vectors over a session's cells describes it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Floats, Image
from smearwatch.capture.vision.light import WHITE

DECIMALS = 4
"""Of each optical density."""

_COARSE_PX = 44  # the whole crop is averaged to so many pixels a side, 0.75 um each
_COARSE_UM = 0.75
_PLENTY_PX = 176  # a picture of twice as many pixels a side is thinned out first; it is averaged to far fewer anyway
_MIDDLE_UM = 6.5
_AROUND_UM = 8.0
_NUCLEUS_SHARE = 0.12  # of the middle
_FAINTEST = 0.12  # optical density of a nucleus below which a channel is not divided by it
_RED_MEAN, _RED_GREEN = 0.12, 0.75  # density beside the nucleus's: red cells above the one on average, below in green
_FEWEST_RED_PX = 12

_DENSITY = (-np.log(np.maximum(np.arange(256), 2) / WHITE)).astype(np.float32)
_from_middle_um = (np.arange(_COARSE_PX) - (_COARSE_PX - 1) / 2) * _COARSE_UM
_distance_um = np.hypot(_from_middle_um[:, None], _from_middle_um[None, :])
_MIDDLE = _distance_um < _MIDDLE_UM
_AROUND = _distance_um > _AROUND_UM
_NUCLEUS_PX = int(_NUCLEUS_SHARE * int(_MIDDLE.sum()))


@dataclass(frozen=True, slots=True)
class CellStain:
    """Optical densities (natural logarithm) of one cell, in blue, green and red, four decimals.

    Attributes
    ----------
    nucleus_bgr
        Of the nucleus.
    red_cells_bgr
        Of the red cells around it; None where too few of them are seen.
    red_cell_um
        Their diameter by the scale at which the crop was cut; None where it was not measured or they do not agree.
    """

    nucleus_bgr: tuple[float, float, float]
    red_cells_bgr: tuple[float, float, float] | None
    red_cell_um: float | None = None


def measure_cell_stain(crop_bgr: Image) -> CellStain:
    """Measure the stain of the cell in the middle of a crop.

    Parameters
    ----------
    crop_bgr
        uint8 [side, side, 3], a crop of 33 um, or the same shrunken, at least 44 pixels a side; light flattened, stain
        as photographed, background at `smearwatch.capture.vision.light.WHITE`.
    """
    density = cv2.LUT(_thinned(crop_bgr), _DENSITY)
    coarse = cv2.resize(density, (_COARSE_PX, _COARSE_PX), interpolation=cv2.INTER_AREA)
    middle = coarse[_MIDDLE]
    absorbed = middle[:, 1] + middle[:, 2]  # nuclei are dark in green and red, granules and red cells in one of them
    darkest = np.argpartition(absorbed, len(absorbed) - _NUCLEUS_PX)[-_NUCLEUS_PX:]
    nucleus = np.median(middle[darkest], axis=0)
    around = coarse[_AROUND]
    beside = around / np.maximum(nucleus, _FAINTEST)
    red = around[(beside.mean(axis=1) > _RED_MEAN) & (beside[:, 1] < _RED_GREEN)]
    red_cells = _rounded(np.median(red, axis=0)) if len(red) >= _FEWEST_RED_PX else None
    return CellStain(_rounded(nucleus), red_cells)


def _thinned(crop_bgr: Image) -> Image:
    """Average four pixels to one, then take every second of a row and column: a third of the time of one average."""
    side = crop_bgr.shape[0] // 2
    if side < 2 * _PLENTY_PX:
        return crop_bgr
    halved = cv2.resize(crop_bgr, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(halved[::2, ::2], dtype=np.uint8)


def _rounded(density_bgr: Floats) -> tuple[float, float, float]:
    blue, green, red = (round(float(value), DECIMALS) for value in density_bgr)
    return blue, green, red
