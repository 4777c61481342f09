"""The one reduced picture in which fields are judged and searched."""

import cv2
import numpy as np
import numpy.typing as npt

WORK_UM_PER_PX = 0.22
"""Scale at which fields are searched: a nuclear lobe is some ten pixels wide, a field is small."""

Image = npt.NDArray[np.uint8]


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
