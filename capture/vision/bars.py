"""Even bars at a picture's border: black ones above and below a film, those of a window or a page around a picture."""

from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Image

Box = tuple[int, int, int, int]
"""Left, top, width, height, in pixels."""

_FEWEST_PX: Final = 3
_EVEN, _NEAR = 3, 12  # grey steps from the bar's colour; near its edge JPEG blurs it into the picture
_IN_BAR: Final = 0.95  # of a row's pixels; a window's bar may have a word in it
_IN_PICTURE: Final = 0.5  # at most so many of a row's pixels are of the bar's colour
_EDGE_PX: Final = 4  # so straight is its inner edge
_MOST: Final = 0.7  # of the picture on one side
_LEAST_REST: Final = 0.25  # of each side
_MOST_BARS: Final = 8
_GREY: Final = (125, 131)
"""What decoders fill rows in with: such a bar above or below alone is no bar. Black rows were refused before."""
_NOISY: Final = 28  # grey steps from a bar's colour, of a camera's noise or beside an edge that JPEG blurred
_SEEN_NOISY: Final = 0.9  # of a row's pixels; of a thin bar
_STEP, _STEP_COLUMNS = 40, 0.85  # grey steps from such a bar to the picture, in so many of the columns
_RINGS_PX: Final = 16  # so far from its edge JPEG changes it
_SMOOTH: Final = (17, 5)  # columns and rows, over which noise averages out and cells do not
_STRUCTURE: Final = 6  # grey steps that are left of noise then
_LEAST_IN_BAR: Final = 0.25  # of the pixels of a row with writing
_UNWRITTEN: Final = 0.2  # of such a bar's rows have no writing in them
_BLURRED: Final = 0.8  # of the step to the picture; rows with less are not the picture's yet
_MOST_BLURRED_PX: Final = 3
_STROKE_PX: Final = 9  # a thin stroke is narrower than half of it; cells, their nuclei and close writing are wider
_ROUND_ABOUT_PX: Final = 61  # over which light changes
_LEAST_SEEN, _TIMES_NOISE = 2.5, 5.0  # grey steps, and times what is left of noise
_EVERY, _PERHAPS_PICTURE, _PERHAPS_BAR = 16, 0.7, 0.75  # so few columns show at once that most pictures have no bar


def within_bars(bgr: Image) -> Box:
    """Return the part of a picture within its even bars; all of it where it has none.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    tuple
        Left, top, width, height. Rows of the grey that decoders fill in are a bar where one is on the opposite side,
        too; all else also alone.
    """
    height, width = bgr.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    for _ in range(_MOST_BARS):
        part = bgr[top:bottom, left:right]
        above, below = _pair(part, may_be_filled=True)
        before, after = _pair(part.transpose(1, 0, 2), may_be_filled=False)
        if not any((above, below, before, after)):
            break
        top, bottom, left, right = top + above, bottom - below, left + before, right - after
        if bottom - top < _LEAST_REST * height or right - left < _LEAST_REST * width:
            return 0, 0, width, height
    return left, top, right - left, bottom - top


def _pair(part: Image, *, may_be_filled: bool) -> tuple[int, int]:
    """Return how many rows at the beginning and at the end are bars."""
    if len(part) < 4 * _EDGE_PX:
        return 0, 0
    first, last = _bar(part), _bar(part[::-1])
    if may_be_filled and bool(first) != bool(last) and _is_filled(part[0] if first else part[-1]):
        return 0, 0
    return first, last


def _bar(part: Image) -> int:
    """Return how many rows from the first on are of one colour, to a straight edge; 0 where that is no bar."""
    colour = np.median(part[0], axis=0)
    if float((_away(part[:1], colour) <= _NOISY).mean()) < _SEEN_NOISY:
        return 0
    part = part[: int(_MOST * len(part)) + 3 * _EDGE_PX]
    if not _may_end(_away(part[:, ::_EVERY], colour)):
        return 0
    away = _away(part, colour)
    rows = _even(away) or _noisy(away, part, colour)
    if not rows:
        return 0
    return rows + _blurred(away[rows:])


def _may_end(coarse: Image) -> bool:
    """Return whether, by a part of the columns, a bar may end in these rows."""
    for steps in (_NEAR, _NOISY):
        near = (coarse <= steps).mean(axis=1)
        others = np.flatnonzero(near <= _PERHAPS_PICTURE)
        rows = int(others[0]) if others.size else 0
        if rows and float(near[: max(1, rows - 2 * _EDGE_PX)].min()) >= _PERHAPS_BAR:
            return True
    return False


def _even(away: Image) -> int:
    """Return how many rows are quite even."""
    if float((away[0] <= _EVEN).mean()) < _IN_BAR:
        return 0
    near = (away <= _NEAR).mean(axis=1)
    others = np.flatnonzero(near < _IN_BAR)
    rows = int(others[0]) if others.size else 0
    if rows < _FEWEST_PX or rows + _EDGE_PX >= len(near) or near[rows + _EDGE_PX] > _IN_PICTURE:
        return 0
    return rows if float((away[: max(1, rows // 2)] <= _EVEN).mean(axis=1).min()) >= _IN_BAR else 0


def _noisy(away: Image, part: Image, colour: Doubles) -> int:
    """Return how many rows have a camera's noise alone, or are blurred by JPEG, to a step across nearly all columns."""
    near = (away <= _NOISY).mean(axis=1)
    others = np.flatnonzero(near < _LEAST_IN_BAR)
    rows = int(others[0]) if others.size else 0
    if rows < _FEWEST_PX or rows + 2 * _EDGE_PX > len(away):
        return 0
    behind = np.median(away[rows + _EDGE_PX : rows + 2 * _EDGE_PX], axis=0)
    if float((behind >= _STEP).mean()) < _STEP_COLUMNS:
        return 0
    if rows <= _RINGS_PX + _SMOOTH[1]:
        return rows if float(near[: max(1, rows - _EDGE_PX)].min()) >= _SEEN_NOISY else 0
    smooth = np.asarray(cv2.blur(np.ascontiguousarray(part[: rows - _RINGS_PX]), _SMOOTH), dtype=np.uint8)
    unwritten = cv2.erode((near[: len(smooth)] >= _IN_BAR).astype(np.uint8), np.ones(2 * _SMOOTH[1])).ravel() > 0
    if unwritten.mean() < _UNWRITTEN:
        return 0
    even = (_away(smooth, colour) <= _STRUCTURE).mean(axis=1)
    return rows if float(even[unwritten].min()) >= _IN_BAR and not _shows_cells(part[: rows - _RINGS_PX]) else 0


def _shows_cells(rows: Image) -> bool:
    """Return whether anything wider than a letter's stroke is seen: a shade, or glass beyond a line, is no bar."""
    green = np.ascontiguousarray(rows[..., 1])
    level = cv2.medianBlur(green, _STROKE_PX)
    noise = float(np.median(cv2.absdiff(green, level))) / _STROKE_PX
    about = cv2.blur(level.astype(np.float32), (_ROUND_ABOUT_PX, _ROUND_ABOUT_PX))
    seen = np.abs(level - about) > max(_LEAST_SEEN, _TIMES_NOISE * noise)
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STROKE_PX, _STROKE_PX))
    return cv2.countNonZero(cv2.erode(seen.astype(np.uint8), wide)) > 0


def _blurred(away: Image) -> int:
    """Return how many of the rows that follow a bar are still between it and the picture, as JPEG leaves them."""
    means = away[: 3 * _EDGE_PX].mean(axis=1)
    full = float(np.median(means[_EDGE_PX:]))
    blurred = 0
    while blurred < _MOST_BLURRED_PX and means[blurred] < _BLURRED * full:
        blurred += 1
    return blurred


def _away(rows: Image, colour: Doubles) -> Image:
    """Return by how many grey steps, at the most of a pixel's colours, it differs from one: uint8 [height, width]."""
    if abs(rows.strides[0]) < abs(rows.strides[1]):  # columns: copied as they lie
        return _away(rows.transpose(1, 0, 2), colour).T
    level = np.append(np.rint(colour), 0.0)
    blue, green, red = cv2.split(cv2.absdiff(np.ascontiguousarray(rows), level))
    return np.asarray(cv2.max(cv2.max(blue, green), red), dtype=np.uint8)


def _is_filled(row: Image) -> bool:
    colour = np.median(row, axis=0)
    return bool(_GREY[0] <= colour.min() and colour.max() <= _GREY[1])
