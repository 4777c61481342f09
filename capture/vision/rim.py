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
_SHADE: Final = 1.25  # of the radius, from where on the rim's own shade is none of what is seen
_BLACK: Final = 5.0  # grey steps; darker is plainly black
_FINE_PX, _CELL_PX, _LIGHT_PX = 1.0, 1.5, 7.0  # of the small copy: noise, cells and their edges, light
_LEAST_SEEN: Final = 0.6  # grey steps; of made lights with corners of a tenth and more 0.65, of black grounds 0.46
_LEAST_TO_NOISE: Final = 0.4  # of what varies from pixel to pixel; noise alone has 0.36
_LEAST_TO_WITHIN: Final = 0.45  # of what is seen within, each by its light; of even grounds 0.34, of made lights 0.53


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


def faintly_seen(bgr: Image, centre_xy_px: tuple[float, float], radius_px: float) -> float:
    """Return the share of a picture that lies beyond a circle, if it is darker there, and cells are seen all the same.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    centre_xy_px, radius_px
        The circle.

    Returns
    -------
    float
        0 where nothing but an even ground, black or noise is seen there. What counts is how strongly it varies over the
        size of a cell's edge, by its own light, and by how much it varies within.
    """
    shrink = min(1.0, _SMALL_PX / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)[..., 1].astype(np.float32)
    rows, columns = np.indices(small.shape)
    far = np.hypot(columns - centre_xy_px[0] * shrink, rows - centre_xy_px[1] * shrink) / (radius_px * shrink)
    within, beyond = far < _WITHIN, far > _SHADE
    if beyond.mean() < _LEAST_BEYOND or not within.any():
        return 0.0
    noise = np.abs(small - cv2.GaussianBlur(small, (0, 0), _FINE_PX))
    seen = np.abs(cv2.GaussianBlur(small, (0, 0), _CELL_PX) - cv2.GaussianBlur(small, (0, 0), _LIGHT_PX))
    seen_beyond, seen_within, noise_beyond = (
        float(np.percentile(each[part], _PERCENT)) for each, part in ((seen, beyond), (seen, within), (noise, beyond))
    )
    level = float(np.median(small[beyond]))
    contrast_within = seen_within / max(float(np.median(small[within])), 1.0)
    is_seen = (
        level >= _BLACK
        and seen_beyond >= max(_LEAST_SEEN, _LEAST_TO_NOISE * noise_beyond)
        and seen_beyond / level >= _LEAST_TO_WITHIN * contrast_within
    )
    return float((far > 1.0).mean()) if is_seen else 0.0
