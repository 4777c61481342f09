"""A picture that is two: down to one row it is one, and from the next row on another, or the same one moved aside.

A camera whose memory was read while it was written gives such a picture, a file over which another one was copied in
part, a transfer that lost some of its rows. Cells at the seam are halves, and those on one side are of another field.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Doubles, Image

Levels = npt.NDArray[np.int16]
"""(height, width), grey steps of green that may be subtracted."""

_AROUND: Final = 24  # rows on either side with which a step is compared
_STEP: Final = 3.0  # times the greatest of those beside it; of 480 photographs none has more than 2.3
_LEAST_STEP: Final = 1.5  # grey steps; between two fields of empty glass there is nothing to see
_LINE_PX: Final = 16  # a line, a graticule's or one that was drawn, is no thicker: behind it the picture goes on
_GOES_ON: Final = 0.6  # of the step
_SAME_LEVEL, _SAME_TEXTURE, _DRAWN = 10.0, 2.5, 0.5  # a bar with writing is of another brightness, or flat
_EVERY: Final = 2


def flaw_of_seam(bgr: Image) -> str | None:
    """Return from which row on a picture is another one; None where nothing speaks for it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    green = bgr[:, ::_EVERY, 1].astype(np.int16)
    steps = np.abs(np.diff(green, axis=0)).mean(axis=1)
    if len(steps) < 4 * _AROUND:
        return None
    for row in np.flatnonzero(_times_those_beside(steps) >= _STEP):
        first = int(row) + 1
        if steps[row] >= _LEAST_STEP and _are_photographs(green, steps, first) and not _goes_on(green, steps, first):
            return f"from row {first + 1} of {len(bgr)} on it is another picture"
    return None


def _times_those_beside(steps: Doubles) -> Doubles:
    padded = np.pad(steps, _AROUND, mode="reflect")
    beside = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1).copy()
    beside[:, _AROUND - 2 : _AROUND + 3] = 0.0
    return np.asarray(steps / np.maximum(beside.max(axis=1), 0.5))


def _are_photographs(green: Levels, steps: Doubles, first: int) -> bool:
    """Return whether both sides of a step are of one brightness and one texture, and neither is drawn."""
    if not _AROUND <= first <= len(green) - _AROUND:
        return False
    above, below = green[first - _AROUND : first], green[first : first + _AROUND]
    levels = [float(np.median(side)) for side in (above, below)]
    textures = [float(np.median(steps[at : at + _AROUND - 1])) for at in (first - _AROUND, first)]
    drawn = [float((np.diff(side, axis=1) == 0).mean()) for side in (above, below)]
    return (
        abs(levels[0] - levels[1]) <= _SAME_LEVEL
        and max(textures) <= _SAME_TEXTURE * min(textures)
        and max(drawn) < _DRAWN
    )


def _goes_on(green: Levels, steps: Doubles, first: int) -> bool:
    """Return whether the picture goes on behind a line, or before it."""
    behind = green[first + 1 : first + 1 + _LINE_PX]
    before = green[max(0, first - 1 - _LINE_PX) : first - 1]
    differences = [
        np.abs(behind - green[first - 1]).mean(axis=1).min(initial=np.inf),
        np.abs(before - green[first]).mean(axis=1).min(initial=np.inf),
    ]
    return bool(min(differences) < _GOES_ON * steps[first - 1])
