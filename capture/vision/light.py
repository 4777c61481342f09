"""Divide vignetting and colour cast out of a picture, so that empty background becomes one fixed white.

The same core serves whole fields (a smooth surface per channel) and single-cell pictures (one colour per channel);
training, classification and the live pipeline all call it, so that a cell looks the same to the networks
wherever it came from.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Floats, Image, Indices
from smearwatch.capture.vision.background import find_background
from smearwatch.capture.vision.surface import Surfaces

WHITE = 235
"""Grey value that empty background is brought to; 20 steps of head room for noise and bright cell rims."""

_GRID_LONG_SIDE = 160
_WIDE_FIELD_UM = 90.0
_MIN_GAIN, _MAX_GAIN = 0.7, 8.0
_UNSEEN_WEIGHT = 0.002  # of what fills the surround of a round field: so much that the light does not run away there


WORK_UM_PER_PX = 0.22
"""Scale at which fields are searched: a nuclear lobe is some ten pixels wide, a field is small."""


@dataclass(frozen=True, slots=True)
class FieldLight:
    """The light of one picture: what its empty background looks like, everywhere.

    Attributes
    ----------
    gain_grid
        float32 [rows, columns, 3]: by how much each channel is to be multiplied, on a coarse grid over the picture.
    background_bgr
        Mean background colour, 0-255.
    vignetting
        1 - darkest / brightest background in the picture (green channel): 0 is evenly lit.
    """

    gain_grid: Floats
    background_bgr: tuple[float, float, float]
    vignetting: float

    def flat(self, bgr: Image) -> Image:
        """Take the light out of the whole picture, or of a smaller or larger copy of it.

        Parameters
        ----------
        bgr
            uint8 [height, width, 3].

        Returns
        -------
        numpy.ndarray
            Same shape, its background at `WHITE`.
        """
        if np.ptp(self.gain_grid, axis=(0, 1)).max() == 0.0:
            table = np.clip(np.arange(256.0)[:, None] * self.gain_grid[0, 0][None, :] + 0.5, 0, 255).astype(np.uint8)
            return np.asarray(cv2.LUT(bgr, table[None]), dtype=np.uint8)
        full = cv2.resize(self.gain_grid, (bgr.shape[1], bgr.shape[0]), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(bgr, full, dtype=cv2.CV_8U), dtype=np.uint8)

    def flat_window(self, bgr: Image, rows: slice, columns: slice) -> Image:
        """Take the light out of a part of the picture, as `flat` does, at the cost of that part.

        Parameters
        ----------
        bgr
            uint8 [height, width, 3], the whole picture.
        rows, columns
            The part, inside the picture.

        Returns
        -------
        numpy.ndarray
            uint8 [rows, columns, 3].
        """
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return np.zeros((max(rows.stop - rows.start, 0), max(columns.stop - columns.start, 0), 3), dtype=np.uint8)
        height, width = bgr.shape[:2]
        across = _Between.of(self.gain_grid.shape[1], width, columns)
        used = slice(int(across.first[0]), int(across.second[-1]) + 1)
        down = _Between.of(self.gain_grid.shape[0], height, rows).interpolate(self.gain_grid[:, used], axis=0)
        gain = across.within(used).interpolate(down, axis=1)
        return np.asarray(cv2.multiply(bgr[rows, columns], gain, dtype=cv2.CV_8U), dtype=np.uint8)


def measure_light(bgr: Image, um_per_px: float | None, *, seen: Flags | None = None) -> FieldLight:
    """Fit a smooth surface through a field's background, channel by channel.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    um_per_px
        Scale; it decides how many bends the surface may have, so that one large cell in a small field is not
        mistaken for a shadow. None where it is not yet known (the number of bends for a small field is taken).
    seen
        bool [height, width], where the field is seen, by whose background alone it is measured; None: everywhere.

    Returns
    -------
    FieldLight
    """
    wide = um_per_px is not None and max(bgr.shape[:2]) * um_per_px >= _WIDE_FIELD_UM
    return _measure(bgr if um_per_px is None else to_work_scale(bgr, um_per_px), degree=4 if wide else 2, seen=seen)


def at_work_scale(
    bgr: Image, um_per_px: float, *, seen: Callable[[Image], Flags | None] = lambda _: None
) -> tuple[Image, float, FieldLight]:
    """Return a field's reduced picture with the light taken out, its scale, and the light of the field.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as photographed.
    um_per_px
        Its scale.
    seen
        Tells where of a smaller or larger copy of it the field is seen, as of `measure_light`.
    """
    work = to_work_scale(bgr, um_per_px)
    work_um_per_px = um_per_px * bgr.shape[1] / work.shape[1]
    light = measure_light(work, work_um_per_px, seen=seen(work))
    return light.flat(work), work_um_per_px, light


def flatten_field(bgr: Image, um_per_px: float | None) -> Image:
    """Divide a field by a smooth surface fitted through its background, channel by channel.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    um_per_px
        See `measure_light`.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], background at `WHITE`.
    """
    return measure_light(bgr, um_per_px).flat(bgr)


def flatten_cell(bgr: Image) -> Image:
    """Divide a single-cell picture by its background colour; no surface, for there is too little background.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], a cell with some background around it.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], background at `WHITE`.
    """
    return _measure(bgr, degree=0).flat(bgr)


def _measure(bgr: Image, degree: int, seen: Flags | None = None) -> FieldLight:
    height, width = bgr.shape[:2]
    shrink = min(1.0, _GRID_LONG_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    grid = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    surfaces = Surfaces(size[1], size[0], degree)
    shown = (
        None if seen is None else np.asarray(cv2.resize(seen.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0)
    )
    background = find_background(grid[..., 1], surfaces, degree, shown)
    weight = background.astype(np.float64)
    if shown is not None:
        weight[~shown] = _UNSEEN_WEIGHT
    surface = surfaces.through(np.log(np.arange(256.0) + 1.0)[grid], weight)
    surface = np.clip(np.exp(surface) - 1.0, WHITE / _MAX_GAIN, WHITE / _MIN_GAIN)
    green = surface[..., 1]
    mean = surface.reshape(-1, 3).mean(axis=0)
    return FieldLight(
        gain_grid=(WHITE / surface).astype(np.float32),
        background_bgr=(float(mean[0]), float(mean[1]), float(mean[2])),
        vignetting=float(1.0 - green.min() / green.max()),
    )


@dataclass(frozen=True, slots=True)
class _Between:
    """Between which rows (or columns) of a grid some of a picture's lie, and how far from the first to the second.

    The grid covers the picture, pixel centres on pixel centres.
    """

    first: Indices
    second: Indices
    share: Floats

    @classmethod
    def of(cls, points: int, size: int, part: slice) -> "_Between":
        position = (np.arange(part.start, part.stop, dtype=np.float64) + 0.5) * (points / size) - 0.5
        first = np.clip(np.floor(position).astype(int), 0, points - 1)
        share = np.clip(position - first, 0.0, 1.0).astype(np.float32)
        return cls(first, np.minimum(first + 1, points - 1), share)

    def within(self, used: slice) -> "_Between":
        """Return the same for a grid of which only some rows (or columns) are left."""
        return _Between(self.first - used.start, self.second - used.start, self.share)

    def interpolate(self, grid: Floats, *, axis: int) -> Floats:
        share = self.share[:, None, None] if axis == 0 else self.share[:, None]
        first, second = (np.take(grid, each, axis=axis) for each in (self.first, self.second))
        return np.asarray(first * (1.0 - share) + second * share, dtype=np.float32)


def to_work_scale(bgr: Image, um_per_px: float) -> Image:
    """Shrink a picture to the working scale by averaging areas, or grow a coarser one.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    um_per_px
        Its scale.

    Returns
    -------
    numpy.ndarray
        uint8 [h, w, 3] at about `WORK_UM_PER_PX`; the picture itself where it has that size already.
    """
    height, width = bgr.shape[:2]
    factor = um_per_px / WORK_UM_PER_PX
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return bgr
    if factor >= 1.0:
        return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    # Averaging whole pixels is several times quicker than averaging fractions of them, of which little is then left.
    whole = max(1, min(width // size[0], height // size[1]))
    if whole > 1:
        bgr = bgr[: height // whole * whole, : width // whole * whole]
        bgr = np.asarray(
            cv2.resize(bgr, (width // whole, height // whole), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
