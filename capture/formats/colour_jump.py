"""A JPEG in which all colours are off from one block on: a few bits that were changed, and nothing that a decoder sees.

Each block's brightness is written as the difference to the block before it. One that is wrong shifts all blocks that
follow, to the last. So there is a step along the upper edges of the blocks of one row from some place on, and of the
next row up to that place; no picture has one of just that form.
"""

import io
from typing import Final

import numpy as np
import simplejpeg
from PIL import Image as PillowImage

from smearwatch.capture.arrays import Doubles, Flags, Image

_STEP: Final = 6  # grey steps of a colour between one block's last row and the next one's first
_SHARE: Final = 0.6  # of the blocks on either side; of 1,000 fields none had more than 0.36, drawn or real
_ELSEWHERE: Final = 0.5  # of the blocks where none belongs: each second row of the picture is brighter
_FEWEST: Final = 4  # blocks on either side: a step along a whole row may be a bar's edge
_LEAST_BLOCKS: Final = 12
_BLOCK_PX: Final = {
    "444": (8, 8), "Gray": (8, 8), "422": (16, 8), "440": (8, 16), "420": (16, 16), "411": (32, 8),
}  # fmt: skip
_ORIENTATION, _BEFORE_PIXELS = 274, 64 * 1024


def flaw_of_colours(bgr: Image, data: bytes) -> str | None:
    """Return from which block on a JPEG's colours are off; None where nothing speaks for it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as decoded.
    data
        The JPEG's bytes. One that is turned by its EXIF is not looked at.
    """
    if _is_turned(data):
        return None
    try:
        wide, high = _BLOCK_PX[simplejpeg.decode_jpeg_header(data)[3]]
    except (KeyError, ValueError):
        return None
    upper = np.arange(high, bgr.shape[0] - 1, high)
    across = bgr.shape[1] // wide
    if across < _LEAST_BLOCKS or len(upper) < 2:
        return None
    below, above = (bgr[rows, : across * wide].astype(np.int16) for rows in (upper, upper - 1))
    steps = (below - above).reshape(len(upper), across, wide, 3).mean(axis=2)
    for colour in range(3):
        for sign in (1, -1):
            flags = sign * steps[..., colour] >= _STEP
            shares = _shares_from_on(flags)
            row, column = np.unravel_index(int(shares.argmax()), shares.shape)
            if shares[row, column] >= _SHARE and not _has_steps_elsewhere(flags, int(row), int(column) + _FEWEST):
                return f"jpeg: all colours are off from x {(column + _FEWEST) * wide}, y {upper[row]} on"
    return None


def _shares_from_on(stepped: Flags) -> Doubles:
    """Return for each block the share of blocks with a step from it on in its row, or before it in the next, if less.

    float64 [rows - 1, blocks across without the first and last few].
    """
    blocks = np.arange(stepped.shape[1])
    from_it_on = np.cumsum(stepped[:-1, ::-1], axis=1)[:, ::-1] / (len(blocks) - blocks)
    before_it = (np.cumsum(stepped[1:], axis=1) - stepped[1:]) / np.maximum(blocks, 1)
    return np.asarray(np.minimum(from_it_on, before_it)[:, _FEWEST : len(blocks) - _FEWEST], dtype=np.float64)


def _has_steps_elsewhere(stepped: Flags, row: int, column: int) -> bool:
    """Return whether the row has steps before the place as well, or the next one from it on: as all rows have then."""
    return float(np.concatenate((stepped[row, :column], stepped[row + 1, column:])).mean()) >= _ELSEWHERE


def _is_turned(data: bytes) -> bool:
    if b"Exif" not in data[:_BEFORE_PIXELS]:
        return False
    try:
        with PillowImage.open(io.BytesIO(data)) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1)) != 1
    except (SyntaxError, OSError, ValueError, TypeError):
        return False
