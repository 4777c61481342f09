"""Appearance features: seven numbers with a physical meaning, of a cell and its surroundings before normalisation.

The networks see every stain brought to one standard, so their answers do not show how far a picture is from those that
they were trained on. These numbers do.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.models.manifest import LookRange
from smearwatch.models.preprocess import WHITE

MEASURES: Final = (
    "red_cells_green",
    "red_cells_blue_green",
    "red_cells_red_green",
    "nucleus_green",
    "nucleus_blue_green",
    "nucleus_red_green",
    "sharpness",
)
"""Optical density of the red cells around and of the darkest of the nucleus in green; their blue and red beside green;
and how steep edges are over one pixel beside over four, root mean squares."""

TAIL: Final = 0.02
"""Share of the cells trained on that may lie beyond each limit."""

_FEWEST_TO_RANGE: Final = 30

_COARSE_PX = 44  # the whole crop is averaged to so many pixels a side, 0.75 um each
_MIDDLE = slice(10, 34)  # where the cell stands, 18 um
_CELL_RADIUS_PX = 10.7  # 8 um: beyond it stand the cells around
_DARKEST_SHARE = 0.97
_FAINTEST = 0.12  # optical density of a nucleus below which a channel is not divided by it
_RED_MEAN, _RED_GREEN = 0.12, 0.75  # density beside the nucleus's: red cells above the one on average, below in green
_FEWEST_RED_PX = 12
_FAINT = 0.02  # optical density below which a ratio of two means nothing
_COARSE_STEP_UM = 0.75
_DECIMALS = 4

_DENSITY = (-np.log(np.maximum(np.arange(256), 2) / WHITE)).astype(np.float32)
_from_middle_px = np.arange(_COARSE_PX) - (_COARSE_PX - 1) / 2
_AROUND = np.hypot(_from_middle_px[:, None], _from_middle_px[None, :]) > _CELL_RADIUS_PX


def appearance_features(field_bgr: NDArray[np.uint8], um_per_px: float) -> dict[str, float]:
    """Measure one cell and what surrounds it.

    Parameters
    ----------
    field_bgr : uint8 array of shape [field_px, field_px, 3]
        A crop as `smearwatch.models.preprocess.shrink` gives it: light flattened, stain as photographed.
    um_per_px
        Its scale.

    Returns
    -------
    dict
        By name in `MEASURES`, none below 0, four decimals. What cannot be measured is missing.
    """
    density = cv2.LUT(field_bgr, _DENSITY)
    coarse = cv2.resize(density, (_COARSE_PX, _COARSE_PX), interpolation=cv2.INTER_AREA)
    middle = coarse[_MIDDLE, _MIDDLE].reshape(-1, 3)
    index = int(_DARKEST_SHARE * len(middle))
    nucleus = np.partition(middle, index, axis=0)[index]
    around = coarse[_AROUND]
    beside = around / np.maximum(nucleus, _FAINTEST)
    red = around[(beside.mean(axis=1) > _RED_MEAN) & (beside[:, 1] < _RED_GREEN)]
    found = _colour("nucleus", nucleus)
    if len(red) >= _FEWEST_RED_PX:
        found |= _colour("red_cells", np.median(red, axis=0))
    steepness = _steepness(np.ascontiguousarray(density[..., 1]), max(2, round(_COARSE_STEP_UM / um_per_px)))
    if steepness is not None:
        found["sharpness"] = steepness
    return {name: round(value, _DECIMALS) for name, value in found.items()}


def range_of(name: str, features: Sequence[Mapping[str, float]]) -> LookRange | None:
    """Return the limits between which nearly all cells of one kind of pictures lie; None for fewer than 30 cells."""
    if len(features) < _FEWEST_TO_RANGE:
        return None
    limits = {}
    for measure in MEASURES:
        values = [each[measure] for each in features if measure in each]
        if len(values) >= _FEWEST_TO_RANGE:
            low, high = (max(float(each), 10.0**-_DECIMALS) for each in np.quantile(values, (TAIL, 1 - TAIL)))
            limits[measure] = (round(low, _DECIMALS), round(high, _DECIMALS))
    return LookRange(name=name, cells=len(features), limits=limits)


def is_unfamiliar(look: Mapping[str, float], ranges: Sequence[LookRange], beyond: float) -> bool:
    """Return whether a cell looks unlike every kind of pictures that was trained on.

    Parameters
    ----------
    look
        Its measures by name; one that is missing says nothing.
    ranges
        Each kind of pictures; none at all makes no cell unfamiliar.
    beyond
        It is unlike a kind where at least one measure lies beyond a limit by more than this factor, 1 or more.
    """
    return bool(ranges) and all(_is_unlike(look, kind, beyond) for kind in ranges)


def _is_unlike(look: Mapping[str, float], kind: LookRange, beyond: float) -> bool:
    return any(
        look[measure] < low / beyond or look[measure] > high * beyond
        for measure, (low, high) in kind.limits.items()
        if measure in look
    )


def _colour(what: str, density_bgr: NDArray[np.float32]) -> dict[str, float]:
    blue, green, red = (max(float(value), 0.0) for value in density_bgr)
    found = {f"{what}_green": green}
    if green >= _FAINT:
        found |= {f"{what}_blue_green": blue / green, f"{what}_red_green": red / green}
    return found


def _steepness(plane: NDArray[np.float32], step: int) -> float | None:
    """Divide differences over one pixel by those over several, root mean squares: lower with blur, in any stain."""
    fine, coarse = (_squares(plane, each) for each in (1, step))
    return float(np.sqrt(fine / coarse)) if coarse > 0 else None


def _squares(plane: NDArray[np.float32], step: int) -> float:
    across, down = plane[:, step:] - plane[:, :-step], plane[step:] - plane[:-step]
    return float(np.square(across).mean() + np.square(down).mean())
