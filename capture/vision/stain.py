"""How strongly each pixel is stained, at one fixed physical scale.

Light passing through stain is weakened by a factor that grows with its amount (Beer-Lambert), so the negative
logarithm of brightness over background adds up what lies in the way. Azure and eosin of a Romanowsky stain
absorb red and green; haemoglobin absorbs blue and green. Red plus half of green minus blue is therefore high in
nuclei, low in cytoplasm, and about zero in red cells, in grey rims of defocused cells and in background.

The search asks for stain of a certain strength, which a pale smear or a camera with little contrast does not reach.
On request a field's red cells are first brought to one optical density: they are in every field, so they show how
pale it is. One factor serves all three colours; one for each made outlines of well stained fields worse.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image, Plane
from smearwatch.capture.vision.light import WHITE, WORK_UM_PER_PX, to_work_scale

_SMOOTH_UM = 0.18
_DARK_OFFSET = 4.0
_DEEPEST = 2.0
_NUCLEAR_OF_BGR = np.array([[-1.0, 0.5, 1.0]], dtype=np.float32)


RED_CELLS_GREEN: Final = 0.21
"""Optical density in green that red cells are brought to: between those of the microscopes that were measured."""

_FACTORS = (0.5, 3.0)
_SHRINK = 0.25
_FAINTEST = 0.05  # optical density in green of what is no empty background
_SHARE_OF_DARK = 0.35  # of what one pixel in ten exceeds: below it lie rims and background
_DARKEST_SHARE = 0.985
_TINGED_SHARE = 0.8  # of what absorbs at all; the most tinged are leukocytes and platelets
_FEWEST_PX = 50

_LEVELS = np.maximum(np.arange(256), 2) / WHITE
_DENSITY = (-np.log(_LEVELS)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class StainMaps:
    """Optical densities of one field at about `WORK_UM_PER_PX`.

    Attributes
    ----------
    nuclear
        float32 [h, w], red + green / 2 - blue: nuclei about 0.3-1.5, red cells about 0.
    absorbed
        float32 [h, w], green optical density: everything that is not empty background.
    blue
        float32 [h, w], blue optical density: haemoglobin absorbs blue light strongly, stained nuclei do not.
    um_per_px
        Scale of the maps.
    seen
        bool [h, w], where the field is seen, of which alone its levels are measured; None where that is everywhere.
    """

    nuclear: Plane
    absorbed: Plane
    blue: Plane
    um_per_px: float
    seen: Flags | None = None

    def sample(self, plane: Plane, step: int) -> Plane:
        """Return every so many-th pixel of one of the maps, of what is seen of the field."""
        every = plane[::step, ::step]
        return every if self.seen is None else every[self.seen[::step, ::step]]


def stain_maps(flat_bgr: Image, um_per_px: float, *, seen: Flags | None = None) -> StainMaps:
    """Measure stain in a flattened field.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.vision.light.WHITE`.
    um_per_px
        Scale of `flat_bgr`.
    seen
        bool [height, width], where the field is seen; None: everywhere.

    Returns
    -------
    StainMaps
        The maps cover the same field; a picture finer than the working scale is shrunk to it, a coarser one grown.
    """
    small = to_work_scale(flat_bgr, um_per_px)
    smooth = cv2.GaussianBlur(small, (0, 0), _SMOOTH_UM / WORK_UM_PER_PX)
    levels = np.arange(256, dtype=np.float64) + _DARK_OFFSET
    table = np.clip(-np.log(levels / (WHITE + _DARK_OFFSET)), -0.1, _DEEPEST).astype(np.float32)
    density_bgr = cv2.LUT(smooth, table)
    return StainMaps(
        nuclear=np.asarray(cv2.transform(density_bgr, _NUCLEAR_OF_BGR), dtype=np.float32),
        absorbed=np.asarray(cv2.extractChannel(density_bgr, 1), dtype=np.float32),
        blue=np.asarray(cv2.extractChannel(density_bgr, 0), dtype=np.float32),
        um_per_px=um_per_px * flat_bgr.shape[1] / small.shape[1],
        seen=None if seen is None else _of_size(seen, small),
    )


def _of_size(seen: Flags, picture: Image) -> Flags:
    size = picture.shape[1::-1]
    return np.asarray(cv2.resize(seen.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


def restain_field(flat_bgr: Image, seen: Flags | None = None) -> Image:
    """Bend a flattened field until its red cells absorb green light as usual; it stays as it is where there are none.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.vision.light.WHITE`.
    seen
        bool [height, width], where the field is seen, of which alone its red cells are measured; None: everywhere.

    Returns
    -------
    numpy.ndarray
        Of the same shape; optical density times one factor from 0.5 to 3.
    """
    found = measure_red_cells_green(flat_bgr, seen)
    if found is None:
        return flat_bgr
    factor = float(np.clip(RED_CELLS_GREEN / max(found, _FAINTEST), *_FACTORS))
    table = np.clip(np.round(WHITE * _LEVELS**factor), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(flat_bgr, table), dtype=np.uint8)


def measure_red_cells_green(flat_bgr: Image, seen: Flags | None = None) -> float | None:
    """Measure the optical density in green of a flattened field's red cells, None where too little absorbs.

    The median of what absorbs, but the darkest and the most tinged of it: no single red cell has to be found.
    """
    small = np.asarray(cv2.resize(flat_bgr, None, fx=_SHRINK, fy=_SHRINK, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    pixels = small.reshape(-1, 3) if seen is None else small[_of_size(seen, small)]
    blue, green, red = np.moveaxis(cv2.LUT(pixels, _DENSITY).reshape(-1, 3), 1, 0)
    absorbs = green > max(_FAINTEST, _SHARE_OF_DARK * float(np.quantile(green, 0.9)))
    if int(absorbs.sum()) < _FEWEST_PX:
        return None
    tinge = red + 0.5 * green - blue
    plain = (
        absorbs & (green < np.quantile(green, _DARKEST_SHARE)) & (tinge < np.quantile(tinge[absorbs], _TINGED_SHARE))
    )
    return float(np.median(green[plain])) if int(plain.sum()) >= _FEWEST_PX else None
