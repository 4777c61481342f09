"""Bring the red cells of a field to one optical density before it is searched, where somebody wishes so.

The search asks for stain of a certain strength, which a pale smear or a camera with little contrast does not reach
although everything is to be seen. Red cells are in every field, so they tell how pale it is. One factor for all three
colours: a factor for each colour made outlines of well stained fields slightly worse.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE

RED_CELLS_GREEN: Final = 0.21
"""Optical density in green that red cells are brought to: between those of the microscopes that were looked at."""

_FACTORS = (0.5, 3.0)
_SHRINK = 0.25
_FAINTEST = 0.05  # optical density in green of what is no empty background
_SHARE_OF_DARK = 0.35  # of what one pixel in ten exceeds: below it lie rims and background
_DARKEST_SHARE = 0.985
_TINGED_SHARE = 0.8  # of what absorbs at all; the most tinged are leukocytes and platelets
_FEWEST_PX = 50

Image = npt.NDArray[np.uint8]

_LEVELS = np.maximum(np.arange(256), 2) / WHITE
_DENSITY = (-np.log(_LEVELS)).astype(np.float32)


def restained(flat_bgr: Image) -> Image:
    """Bend a flattened field until its red cells absorb green light as usual; it stays as it is where there are none.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.light.WHITE`.

    Returns
    -------
    numpy.ndarray
        Of the same shape; optical density times one factor from 0.5 to 3.
    """
    found = red_cells_green(flat_bgr)
    if found is None:
        return flat_bgr
    factor = float(np.clip(RED_CELLS_GREEN / max(found, _FAINTEST), *_FACTORS))
    table = np.clip(np.round(WHITE * _LEVELS**factor), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(flat_bgr, table), dtype=np.uint8)


def red_cells_green(flat_bgr: Image) -> float | None:
    """Optical density in green of a flattened field's red cells, None where too little absorbs.

    The median of what absorbs, but the darkest and the most tinged of it: no single red cell has to be found.
    """
    small = cv2.resize(flat_bgr, None, fx=_SHRINK, fy=_SHRINK, interpolation=cv2.INTER_AREA)
    blue, green, red = np.moveaxis(cv2.LUT(small, _DENSITY).reshape(-1, 3), 1, 0)
    absorbs = green > max(_FAINTEST, _SHARE_OF_DARK * float(np.quantile(green, 0.9)))
    if int(absorbs.sum()) < _FEWEST_PX:
        return None
    tinge = red + 0.5 * green - blue
    plain = (
        absorbs & (green < np.quantile(green, _DARKEST_SHARE)) & (tinge < np.quantile(tinge[absorbs], _TINGED_SHARE))
    )
    return float(np.median(green[plain])) if int(plain.sum()) >= _FEWEST_PX else None
