"""How strongly each pixel is stained, at one fixed physical scale.

Light passing through stain is weakened by a factor that grows with its amount (Beer-Lambert), so the negative
logarithm of brightness over background adds up what lies in the way. Azure and eosin of a Romanowsky stain
absorb red and green; haemoglobin absorbs blue and green. Red plus half of green minus blue is therefore high in
nuclei, low in cytoplasm, and about zero in red cells, in grey rims of defocused cells and in background.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE
from smearwatch.capture.work_scale import WORK_UM_PER_PX, to_work_scale

_SMOOTH_UM = 0.18
_DARK_OFFSET = 4.0
_DEEPEST = 2.0
_NUCLEAR_OF_BGR = np.array([[-1.0, 0.5, 1.0]], dtype=np.float32)

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StainMaps:
    """Optical densities of one field at about `WORK_UM_PER_PX`.

    Attributes
    ----------
    nuclear
        float32 [h, w], red + green / 2 - blue: nuclei about 0.3-1.5, red cells about 0.
    absorbed
        float32 [h, w], green optical density: everything that is not empty background.
    um_per_px
        Scale of the maps.
    """

    nuclear: Plane
    absorbed: Plane
    um_per_px: float


def stain_maps(flat_bgr: Image, um_per_px: float) -> StainMaps:
    """Measure stain in a flattened field.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.light.WHITE`.
    um_per_px
        Scale of `flat_bgr`.

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
        um_per_px=um_per_px * flat_bgr.shape[1] / small.shape[1],
    )
