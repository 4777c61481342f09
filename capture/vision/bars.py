"""Even bars at a picture's border: black ones above and below a film, those of a window or a page around a picture."""

from typing import Final

import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Doubles, Image

Box = tuple[int, int, int, int]
"""Left, top, width, height, in pixels."""

_FEWEST_PX: Final = 8
_EVEN, _NEAR = 3, 12  # grey steps from the bar's colour; near its edge JPEG blurs it into the picture
_IN_BAR: Final = 0.95  # of a row's pixels; a window's bar may have a word in it
_IN_PICTURE: Final = 0.5  # at most so many of a row's pixels are of the bar's colour
_EDGE_PX: Final = 4  # so straight is its inner edge
_MOST: Final = 0.4  # of the picture on one side
_LEAST_REST: Final = 0.25  # of each side
_MOST_BARS: Final = 8
_BLACK: Final = 3
_GREY: Final = (125, 131)
"""What was never written is black, and what decoders fill in is grey: such a bar on one side alone is no bar."""


def within_bars(bgr: Image) -> Box:
    """Return the part of a picture within its even bars; all of it where it has none.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    tuple
        Left, top, width, height. What is black or grey, as what was never written is, is a bar where one is on the
        opposite side, too; what has another colour also alone.
    """
    height, width = bgr.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    for _ in range(_MOST_BARS):
        part = bgr[top:bottom, left:right]
        above, below = _pair(part)
        before, after = _pair(part.transpose(1, 0, 2))
        if not any((above, below, before, after)):
            break
        top, bottom, left, right = top + above, bottom - below, left + before, right - after
        if bottom - top < _LEAST_REST * height or right - left < _LEAST_REST * width:
            return 0, 0, width, height
    return left, top, right - left, bottom - top


def _pair(part: Image) -> tuple[int, int]:
    """Return how many rows at the beginning and at the end are bars."""
    if len(part) < 2 * _FEWEST_PX:
        return 0, 0
    first, last = _bar(part), _bar(part[::-1])
    if bool(first) != bool(last) and _may_be_missing(part[0] if first else part[-1]):
        return 0, 0
    return first, last


def _bar(part: Image) -> int:
    """Return how many rows from the first on are of one colour, to a straight edge; 0 where that is no bar."""
    colour = np.median(part[0], axis=0).astype(np.int16)
    if float(_alike(part[:1], colour, _EVEN)[0]) < _IN_BAR:
        return 0
    near = _alike(part[: int(_MOST * len(part)) + _EDGE_PX + 1], colour, _NEAR)
    others = np.flatnonzero(near < _IN_BAR)
    rows = int(others[0]) if others.size else 0
    if rows < _FEWEST_PX or rows + _EDGE_PX >= len(near) or near[rows + _EDGE_PX] > _IN_PICTURE:
        return 0
    return rows if float(_alike(part[: rows // 2], colour, _EVEN).min()) >= _IN_BAR else 0


def _alike(rows: Image, colour: npt.NDArray[np.int16], steps: int) -> Doubles:
    """Return which share of each row's pixels is at most so many grey steps from a colour."""
    return np.asarray((np.abs(rows.astype(np.int16) - colour) <= steps).all(axis=2).mean(axis=1), dtype=np.float64)


def _may_be_missing(row: Image) -> bool:
    colour = np.median(row, axis=0)
    return bool(colour.max() <= _BLACK or (_GREY[0] <= colour.min() and colour.max() <= _GREY[1]))
