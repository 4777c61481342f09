"""Find a picture's empty background, through which its light is measured."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Image
from smearwatch.capture.vision.surface import Surfaces

_BLOCKS_LONG_SIDE = 10
_BACKGROUND_PERCENTILE = 90.0
_FLANK_SHARE = 0.3
_FLANK_BINS = 5  # of 0.01 log units
_MIN_BACKGROUND_SHARE = 0.01


def find_background(green: Image, surfaces: Surfaces, degree: int, seen: Flags | None = None) -> Flags:
    """Find the pixels that show empty background, by green light: haemoglobin and stain both absorb it.

    A first surface goes through the bright end of each block; what lies close to the resulting ridge of the
    histogram is background, and the surface is drawn again through it.

    Parameters
    ----------
    green
        uint8 [height, width], a small picture of the field.
    surfaces
        Of its size and degree.
    degree
        How many bends the background's surface may have.
    seen
        bool [height, width], where the field is seen; None: everywhere.

    Returns
    -------
    numpy.ndarray
        bool [height, width].
    """
    level = np.log(cv2.GaussianBlur(green.astype(np.float64) + 1.0, (0, 0), 0.7))
    surface = _bright_surface(level, min(degree, 2))
    background = np.ones(level.shape, dtype=bool)
    for tolerance in (0.06, 0.04, 0.03, 0.03):
        residual = level - surface
        ridge = _ridge(residual if seen is None else residual[seen])
        background = np.abs(residual - ridge) < tolerance
        if seen is not None:
            background &= seen
        if background.mean() < _MIN_BACKGROUND_SHARE:
            bright = residual >= np.percentile(residual if seen is None else residual[seen], _BACKGROUND_PERCENTILE)
            return bright if seen is None else bright & seen
        surface = surfaces.through(level, background.astype(np.float64))
    return background


def _bright_surface(level: Doubles, degree: int) -> Doubles:
    """Fit a surface through the bright percentile of each block; blocks without background count little."""
    height, width = level.shape
    block = max(4, max(height, width) // _BLOCKS_LONG_SIDE)
    step_y, step_x = min(block, height), min(block, width)
    rows, columns = height // step_y, width // step_x
    cut = level[: rows * step_y, : columns * step_x]
    tiles = cut.reshape(rows, step_y, columns, step_x).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    bright = np.percentile(tiles, _BACKGROUND_PERCENTILE, axis=2)
    if degree == 0 or min(rows, columns) <= degree:
        return np.full(level.shape, np.percentile(level, _BACKGROUND_PERCENTILE))
    surfaces = Surfaces(rows, columns, degree)
    weight = np.ones(bright.shape)
    surface = bright
    for _ in range(5):
        surface = surfaces.through(bright, weight)
        residual = bright - surface
        # A block below the surface holds few empty pixels; one above it counts in full.
        weight = np.where(residual < 0.0, 1.0 / (1.0 + (residual / 0.04) ** 2), 1.0)
    grown = cv2.resize(surface, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, dtype=np.float64)


def _ridge(residual: Doubles) -> float:
    """Find the background's level among the residuals (log units): the peak, or else the shoulder, at the bright end.

    In a crowded field most pixels are pale red cells and empty background is only the bright shoulder of their
    peak; so the bright flank is found first, and a peak counts only where it stands at that flank.
    """
    least, greatest, bins = -0.6, 0.2, 80
    counts = cv2.calcHist([residual.astype(np.float32)], [0], None, [bins], [least, greatest]).ravel()
    smooth = np.convolve(counts, np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0, mode="same")
    flank = int(np.flatnonzero(smooth >= _FLANK_SHARE * smooth.max())[-1])
    near = smooth[max(0, flank - _FLANK_BINS) : flank + 1]
    inside = near.size > 2 and 0 < int(near.argmax()) < near.size - 1
    index = flank - near.size + 1 + int(near.argmax()) if inside else flank - 2
    return least + (index + 0.5) * (greatest - least) / bins
