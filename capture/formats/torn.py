"""A picture that is two: down to one row, or to one column, it is one, and from there on another, or itself moved.

A camera whose memory was read while it was written gives such a picture, a file over which another one was copied in
part, a transfer that lost some of its rows. Cells at the seam are halves, and those on one side are of another field.

A cell that a seam cuts ends there on a straight line: in many columns the picture changes from one row to the next by
more than it does anywhere beside these, a few rows away.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Doubles, Image, Indices

Levels = npt.NDArray[np.int16]
"""(height, width), grey steps of green that may be subtracted."""

_Parts = tuple[tuple[int, int, float], ...]

_AROUND: Final = 24  # rows on either side that have to be of a photograph
_SMOOTH_PX, _BESIDE_PX = 5, 2  # along the rows; so far aside and up and down lies what a step is compared with
_EVERY: Final = 7  # columns show by how much a row is brighter than the one before
_AWAY: Final = 4  # rows; from two to six of them away
_MOST: Final = 30  # grey steps beyond that; one column counts no more than this
_CLEAR: Final = 8  # grey steps beyond, of a column that is cut
_LEAST_BEYOND, _LEAST_CUT = 0.6, 0.02  # the mean of all columns, and the share of those that are cut
_TIMES_BEYOND, _TIMES_CUT = 2.4, 3.0  # those of all other rows; of photographs none has both
_TIMES_IF_ALIKE: Final = 3.5  # instead of both, where the rows on either side are somewhat alike
_SURELY: Final = 4.5  # grey steps, whatever the others are
_NEAR: Final = 3  # rows that belong to one seam
_LINE_PX: Final = 16  # a line, a graticule's or one that was drawn, is no thicker: behind it the picture goes on
_GOES_ON: Final = 0.6  # of the step
_SAME_TEXTURE, _DRAWN = 4.0, 0.5  # a bar with writing is flat
_ALIKE, _THE_SAME = 0.6, 0.8  # of the likeness of rows that are as near to each other on one side
_LEAST_LIKE: Final = 0.05
_FEWEST_OTHERWISE: Final = 0.15  # of the columns that are cut: cells end at a seam, and others begin
_STRIPS: Final = 8  # of the width
_WHOLE: Final[_Parts] = ((0, _STRIPS, 1.0),)
_PARTS: Final[_Parts] = tuple(
    (first, first + wide, surer)
    for wide, surer in ((4, 2.0), (3, 2.0), (2, 2.6))
    for first in range(_STRIPS - wide + 1)
)
"""From and to which strip; in a part, a seam has to stand out by so much more."""
_FEWEST_TWICE: Final = 8  # rows
_LEVEL: Final = 16.0  # grey steps
_LETTERS, _UNLIKE, _ONE_COLOUR = 8, 25, 0.4
"""Letters are of one colour within so many grey steps, far from the row's, in so many of the columns that are cut."""


def flaw_of_seam(bgr: Image) -> str | None:
    """Return from which row or column on a picture, or a part of it, is another one; None where nothing speaks for it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    rows = np.ascontiguousarray(bgr[..., 1])
    sides = [_Side(name, part) for name, part in (("row", rows), ("column", np.asarray(cv2.transpose(rows), np.uint8)))]
    for parts in (_WHOLE, _PARTS):
        for side in sides:
            if (flaw := side.seam(parts)) is not None:
                return flaw
    if (twice := _rows_twice(rows)) is not None:
        return f"rows {twice[0] + 1} to {twice[1] + 1} of {len(bgr)} are there twice"
    return None


def _rows_twice(green: npt.NDArray[np.uint8]) -> tuple[int, int] | None:
    """Return the first and last row of some that are those from further above, to the last pixel; noise never is."""
    few = green[:, ::_EVERY].astype(np.float64)
    keys = few @ np.random.default_rng(0).integers(1, 2**30, few.shape[1]).astype(np.float64)  # sums that are exact
    order = np.argsort(keys, kind="stable")
    alike = keys[order[1:]] == keys[order[:-1]]
    if alike.sum() < _FEWEST_TWICE:
        return None
    away = np.zeros(len(green), np.intp)
    away[order[1:][alike]] = (order[1:] - order[:-1])[alike]
    last = 0
    for first in np.flatnonzero(away >= _FEWEST_TWICE).tolist():
        distance = away[first]
        if first < last or away[first : first + _FEWEST_TWICE].tolist() != [distance] * _FEWEST_TWICE:
            continue
        last = first + 1
        while last < len(green) and away[last] == distance:
            last += 1
        rows = green[first:last]
        drawn = float((rows == rows[:, :1]).mean())
        if drawn < _DRAWN and np.array_equal(rows, green[first - distance : last - distance]):
            return first, last - 1
    return None


class _Side:
    """A picture, looked at from row to row."""

    def __init__(self, name: str, green: npt.NDArray[np.uint8]) -> None:
        self._name, self._green = name, green
        self._is_large = len(green) >= 4 * _AROUND and green.shape[1] >= 4 * _AROUND
        self._may_be_one = len(green) >= 4 * _AROUND
        if not self._may_be_one:
            return
        self._beyond = beyond = _beyond_those_beside(green)
        self._ends = [round(strip * green.shape[1] / _STRIPS) for strip in range(_STRIPS + 1)]
        self._means = _sums(cv2.threshold(beyond, _MOST, 0, cv2.THRESH_TRUNC)[1], self._ends)
        self._cuts = _sums(cv2.threshold(beyond, _CLEAR, 1, cv2.THRESH_BINARY)[1], self._ends)

    def seam(self, parts: _Parts) -> str | None:
        """Return where the other picture begins, in words; parts as strips of the width, with how sure it has to be."""
        if not self._may_be_one or (parts is _PARTS and not self._is_large):
            return None
        for first, last, surer in parts:
            left, right = self._ends[first], self._ends[last]
            mean, cut = ((sums[last] - sums[first]) / (right - left) for sums in (self._means, self._cuts))
            for row in np.argsort(mean)[:-4:-1].tolist() if parts is _WHOLE else [int(mean.argmax())]:
                if self._is_seam(row, left, right, mean, cut, surer):
                    what = "it" if parts is _WHOLE else "a part of it"
                    return f"from {self._name} {row + 2} of {len(self._green)} on {what} is another picture"
        return None

    def _is_seam(self, row: int, left: int, right: int, mean: Doubles, cut: Doubles, surer: float) -> bool:
        if mean[row] < _LEAST_BEYOND:
            return False
        times, times_cut = mean[row] / _of_the_others(mean, row), cut[row] / _of_the_others(cut, row)
        stands_out = cut[row] >= _LEAST_CUT
        stands_out = stands_out and times >= surer * _TIMES_BEYOND and times_cut >= surer * _TIMES_CUT
        if not (stands_out or (surer == 1.0 and mean[row] >= _SURELY)):
            return False
        start = max(0, row + 1 - 2 * _AROUND)
        around = self._green[start : row + 1 + 2 * _AROUND, left:right].astype(np.int16)
        first, columns = row + 1 - start, np.flatnonzero(self._beyond[row, left:right] > _CLEAR)
        if not _are_photographs(around, first) or _is_written(around, first, columns):
            return False
        alike = _still_alike(around[:first], around[first:])
        if surer > 1.0:
            return alike < _ALIKE and self._is_level(row, left, right)
        return alike < _ALIKE or (alike < _THE_SAME and min(times, times_cut) >= _TIMES_IF_ALIKE)

    def _is_level(self, row: int, left: int, right: int) -> bool:
        """Return whether a part is as bright as before, and so is the row: no plate, shade or line begins there."""
        step = self._green[row + 1].astype(np.int16) - self._green[row]
        return max(abs(float(np.median(each))) for each in (step, step[left:right])) <= _LEVEL


def _sums(values: cv2.typing.MatLike, ends: list[int]) -> Doubles:
    """Return the sum of each row's values left of each of some columns: float64 [columns, height]."""
    strips = [
        cv2.reduce(values[:, left:right], 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0] for left, right in pairwise(ends)
    ]
    return np.cumsum([np.zeros(len(values)), *strips], axis=0, dtype=np.float64)


def _beyond_those_beside(green: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return by how much each step from row to row exceeds those beside it: uint8 [height - 1, width]."""
    smooth = np.asarray(cv2.GaussianBlur(green, (_SMOOTH_PX, 1), 1.0), dtype=np.uint8)
    steps = cv2.absdiff(smooth[1:], smooth[:-1])
    for row, offset in _offsets(np.ascontiguousarray(smooth[:, ::_EVERY])):
        steps[row] = np.abs(smooth[row + 1].astype(np.int16) - smooth[row] - offset).astype(np.uint8)
    around = cv2.dilate(steps, np.ones((2 * _BESIDE_PX + 1, 2 * _BESIDE_PX + 1), np.uint8))
    padded = cv2.copyMakeBorder(around, _AWAY, _AWAY, 0, 0, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.subtract(steps, cv2.max(padded[: -2 * _AWAY], padded[2 * _AWAY :])), dtype=np.uint8)


def _offsets(few: npt.NDArray[np.uint8]) -> Iterator[tuple[int, np.int16]]:
    """Yield the rows that are brighter or darker than the one before by a median of a grey step or more."""
    half = (few.shape[1] - 1) // 2
    brighter, darker = (
        cv2.reduce(cv2.compare(few[1:], few[:-1], how), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0] // 255
        for how in (cv2.CMP_GT, cv2.CMP_LT)
    )
    rows = np.flatnonzero((brighter > half) | (darker > half))  # of all others the median is 0
    if rows.size:
        offsets = np.rint(np.median(few[rows + 1].astype(np.int16) - few[rows], axis=1)).astype(np.int16)
        yield from ((int(row), offset) for row, offset in zip(rows, offsets, strict=True) if offset)


def _of_the_others(values: Doubles, row: int) -> float:
    before, behind = values[: max(0, row - _NEAR)], values[row + _NEAR + 1 :]
    return float(max(before.max(initial=1e-3), behind.max(initial=1e-3)))


def _are_photographs(green: Levels, first: int) -> bool:
    """Return whether both sides of a step are of one texture, neither is drawn, and no line lies there."""
    if not _AROUND <= first <= len(green) - _AROUND:
        return False
    above, below = green[first - _AROUND : first], green[first : first + _AROUND]
    textures = [float(np.median(np.abs(np.diff(side, axis=0)).mean(axis=1))) for side in (above, below)]
    drawn = [float((np.diff(side, axis=1) == 0).mean()) for side in (above, below)]
    return max(textures) <= _SAME_TEXTURE * min(textures) and max(drawn) < _DRAWN and not _is_line(green, first)


def _is_written(green: Levels, first: int, columns: Indices) -> bool:
    """Return whether it is letters that end there: all darker than what follows, or all brighter, or of one colour."""
    if columns.size == 0:
        return False
    rises = float((green[first, columns] > green[first - 1, columns]).mean())
    if min(rises, 1.0 - rises) < _FEWEST_OTHERWISE:
        return True
    for at in range(max(0, first - 3), min(first + 3, len(green))):
        within = np.convolve(np.bincount(green[at, columns], minlength=256), np.ones(_LETTERS), mode="same")
        colour = int(within.argmax())
        unlike = abs(colour - float(np.median(green[at]))) > _UNLIKE
        if unlike and within[colour] >= _ONE_COLOUR * columns.size:
            return True
    return False


def _still_alike(above: Levels, below: Levels) -> float:
    """Return how alike the edges above and below are, by how alike they are a few rows away on one side.

    Beneath a plate that is seen through, and where a sensor's halves differ, it is one picture.
    """
    profiles = [_edges(rows) for rows in (above[-6:-3], above[-3:], below[:3], below[3:6])]
    within = min(_likeness(*profiles[:2]), _likeness(*profiles[2:]))
    return _likeness(profiles[1], profiles[2]) / max(within, _LEAST_LIKE)


def _edges(rows: Levels) -> Doubles:
    profile = cv2.GaussianBlur(rows.mean(axis=0)[None, :].astype(np.float64), (0, 0), 2.0)[0]
    return np.asarray(np.diff(profile))


def _likeness(first: Doubles, second: Doubles) -> float:
    return float((first * second).sum() / max(np.sqrt((first * first).sum() * (second * second).sum()), 1e-9))


def _is_line(green: Levels, first: int) -> bool:
    """Return whether a line begins or ends there, behind or before which the picture goes on."""
    step = float(np.abs(green[first] - green[first - 1]).mean())
    for near, far in (
        (green[first - 1], green[first : first + 1 + _LINE_PX]),
        (green[first], green[first - 1 :: -1][: 1 + _LINE_PX]),
    ):
        away = np.abs(far[1:] - near).mean(axis=1)
        if away.size and away.min() < _GOES_ON * step:
            line = far[: 1 + int(away.argmin())]
            if np.abs(np.diff(line, axis=1)).mean() < _GOES_ON * np.abs(np.diff(near)).mean():
                return True
    return False
