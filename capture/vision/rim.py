"""Whether what is taken for the rim of a round field is one: beyond it nothing of the slide is seen.

A half-closed diaphragm out of focus, or a bright spot of the condenser, darkens a field towards its corners in a disc,
too. There cells are seen on both sides of the edge.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Image

_SMALL_PX: Final = 480
_BLUR: Final = 0.012  # of the longer side: coarser than a red cell's edge, finer than a shade
_FAINT: Final = 0.04  # of the brightness within: where nothing but glass is seen, noise beyond is no cell
_BRIGHT_PERCENT: Final = 98
_PERCENT: Final = 80  # cells are seen on a fifth of a field and more
_WITHIN, _BEYOND = 0.85, 1.2  # of the radius: neither the rim nor its shade
_LEAST_BEYOND: Final = 0.02  # of the picture; with less of it nothing can be told


def detail_beyond(bgr: Image, centre_xy_px: tuple[float, float], radius_px: float) -> float | None:
    """Return how much detail is seen beyond a circle, by that within it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    centre_xy_px, radius_px
        The circle.

    Returns
    -------
    float or None
        None where too little lies beyond.
    """
    shrink = min(1.0, _SMALL_PX / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    rows, columns = np.indices(small.shape[:2])
    far = np.hypot(columns - centre_xy_px[0] * shrink, rows - centre_xy_px[1] * shrink) / (radius_px * shrink)
    within, beyond = far < _WITHIN, far > _BEYOND
    if beyond.mean() < _LEAST_BEYOND or not within.any():
        return None
    light = small[..., 1].astype(np.float32)
    detail: npt.NDArray[np.float32] = np.abs(light - cv2.GaussianBlur(light, (0, 0), _BLUR * max(small.shape[:2])))
    beyond_it, within_it = (float(np.percentile(detail[part], _PERCENT)) for part in (beyond, within))
    return beyond_it / max(within_it, _FAINT * float(np.percentile(light[within], _BRIGHT_PERCENT)), 1e-6)
