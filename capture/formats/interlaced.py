"""Two frames in one picture, in turn row by row or column by column, as an interlaced camera or a torn buffer gives.

In a photograph a row is more like the next one than like the one after that. Where rows are of two frames in turn, the
one after that is of the same frame, and is more like it.
"""

from typing import Final

import numpy as np

from smearwatch.capture.arrays import Floats, Image

_SAMPLES: Final = 160  # of each row, more or less
_WIDEST: Final = 4  # rows of one frame in a row; seams show wider ones
_FEWEST_PX: Final = 48  # of either side
_TIMES: Final = 1.2  # 1.00 at most in real fields, 1.36 at least in mixed ones
_LEAST_UNLIKE: Final = 0.5  # grey steps; of a flat picture nothing can be said


def flaw_of_stripes(bgr: Image) -> str | None:
    """Return how two frames are mixed in a picture; None where nothing speaks for it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    green = bgr[..., 1]
    height, width = green.shape
    if min(height, width) < _FEWEST_PX:
        return None
    across, down = max(1, width // _SAMPLES), max(1, height // _SAMPLES)
    for lines, what in ((green[:, ::across], "rows"), (green[::down].T, "columns")):
        if wide := _stripes(lines.astype(np.float32)):
            each = f"every second one of its {what} is" if wide == 1 else f"stripes of {wide} {what} are"
            return f"{each} of another picture: two frames are mixed; set the camera to progressive, not interlaced"
    return None


def _stripes(lines: Floats) -> int:
    """Return how many lines of one frame are followed by as many of another, 0 where lines are of one."""
    lines = lines - lines.mean(axis=1, keepdims=True)  # a sensor's every second row may be brighter
    for wide in range(1, _WIDEST + 1):
        beside = float(np.abs(lines[wide:] - lines[:-wide]).mean())
        beyond = float(np.abs(lines[2 * wide :] - lines[: -2 * wide]).mean())
        if beside > _TIMES * max(beyond, _LEAST_UNLIKE):
            return wide
    return 0
