"""From the samples of a file to 8-bit BGR: bits, transparency, orientation. The same for every format."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Image

Alpha = Literal["none", "straight", "premultiplied"]


def to_bgr(pixels: npt.NDArray[np.generic], *, bits: int = 0, alpha: Alpha = "straight") -> Image:
    """Bring samples to 8-bit BGR.

    Parameters
    ----------
    pixels
        bool or unsigned, [height, width] or [height, width, 1-4]: grey, grey + extra, BGR, BGR + extra.
    bits
        How many bits of a sample carry something; 0 where that is not stated.
    alpha
        What the extra sample is; transparent parts become white, and `none` drops it.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], blue first.
    """
    eight = to_eight_bits(pixels, bits)
    if eight.ndim == 2:
        eight = eight[..., None]
    channels = eight.shape[2]
    colour = eight[..., :3] if channels >= 3 else np.repeat(eight[..., :1], 3, axis=2)
    if channels in (2, 4) and alpha != "none":
        opacity = eight[..., -1:].astype(np.uint16)
        if alpha == "straight":
            colour = ((colour * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
        else:
            colour = np.minimum(colour + (255 - opacity), 255).astype(np.uint8)
    return np.ascontiguousarray(colour)


def to_eight_bits(pixels: npt.NDArray[np.generic], bits: int = 0) -> Image:
    """Bring samples of 1 to 32 bits to 8 by their upper bits.

    Parameters
    ----------
    pixels
        bool or unsigned, any shape.
    bits
        How many bits of a sample carry something; 0 where that is not stated. Then, or where a value is
        greater than that allows, 16-bit samples are taken by the greatest value among them: cameras of 10 or
        12 bits write 16-bit files of which the upper bits stay empty.

    Returns
    -------
    numpy.ndarray
        uint8 of the same shape.
    """
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint8:
        eight = pixels.astype(np.uint8, copy=False)
        if not 0 < bits < 8:
            return eight
        steps = (1 << bits) - 1  # 15 for 4 bits, and 15 is white
        return np.minimum(eight.astype(np.uint16) * 255 // steps, 255).astype(np.uint8)
    whole = 8 * pixels.dtype.itemsize
    needed = int(pixels.max()).bit_length()
    if 0 < bits < whole:
        used = max(8, bits, needed)
    elif bits == 0 and whole == 16:
        used = next(width for width in (8, 10, 12, 14, 16) if width >= needed)
    else:
        used = whole
    return np.asarray(np.right_shift(pixels, used - 8), dtype=np.uint8)


def orient(bgr: Image, orientation: int) -> Image:
    """Turn and mirror a picture as the TIFF/EXIF orientation tag states.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    orientation
        1-8; anything else leaves the picture as it is.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], or [width, height, 3] for 5-8.
    """
    if orientation in (5, 6, 7, 8):
        bgr = bgr.transpose(1, 0, 2)
    flip_x = orientation in (2, 3, 6, 7)
    flip_y = orientation in (3, 4, 7, 8)
    return np.ascontiguousarray(bgr[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
