"""A picture that is two: down to one row, or to one column, it is one, and from there on another, or itself moved.

A camera whose memory was read while it was written gives such a picture, a file over which another one was copied in
part, a transfer that lost some of its rows. Cells at the seam are halves, and those on one side are of another field.

A cell that a seam cuts ends there on a straight line: in many columns the picture changes from one row to the next by
more than it does anywhere beside these, a few rows away.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Doubles, Image, Indices

Levels = npt.NDArray[np.int16]
"""(height, width), grey steps of green that may be subtracted."""

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
_LETTERS, _UNLIKE, _ONE_COLOUR = 8, 25, 0.4
"""Letters are of one colour within so many grey steps, far from the row's, in so many of the columns that are cut."""


def flaw_of_seam(bgr: Image) -> str | None:
    """Return from which row or column on a picture is another one; None where nothing speaks for it.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    green = np.ascontiguousarray(bgr[..., 1])
    for name, part in (("row", green), ("column", np.ascontiguousarray(green.T))):
        if (first := _seam(part)) is not None:
            return f"from {name} {first + 1} of {len(part)} on it is another picture"
    return None


def _seam(green: npt.NDArray[np.uint8]) -> int | None:
    """Return the first row of the other picture."""
    if len(green) < 4 * _AROUND:
        return None
    beyond = _beyond_those_beside(green)
    mean = np.minimum(beyond, _MOST).mean(axis=1)
    cut = (beyond > _CLEAR).mean(axis=1)
    for row in (int(each) for each in np.argsort(mean)[:-4:-1]):
        times = mean[row] / _of_the_others(mean, row), cut[row] / _of_the_others(cut, row)
        stands_out = mean[row] >= _LEAST_BEYOND and cut[row] >= _LEAST_CUT
        stands_out = stands_out and times[0] >= _TIMES_BEYOND and times[1] >= _TIMES_CUT
        if not (stands_out or mean[row] >= _SURELY):
            continue
        start = max(0, row + 1 - 2 * _AROUND)
        around, first = green[start : row + 1 + 2 * _AROUND].astype(np.int16), row + 1 - start
        if not _are_photographs(around, first) or _is_written(around, first, np.flatnonzero(beyond[row] > _CLEAR)):
            continue
        alike = _still_alike(around[:first], around[first:])
        if alike < _ALIKE or (alike < _THE_SAME and min(times) >= _TIMES_IF_ALIKE):
            return row + 1
    return None


def _beyond_those_beside(green: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return by how much each step from row to row exceeds those beside it: uint8 [height - 1, width]."""
    smooth = cv2.GaussianBlur(green, (_SMOOTH_PX, 1), 1.0)
    steps = cv2.absdiff(smooth[1:], smooth[:-1])
    few = smooth[:, ::_EVERY].astype(np.int16)
    offset = np.rint(np.median(few[1:] - few[:-1], axis=1)).astype(np.int16)  # of another brightness
    for row in np.flatnonzero(offset):
        steps[row] = np.abs(smooth[row + 1].astype(np.int16) - smooth[row] - offset[row]).astype(np.uint8)
    around = cv2.dilate(steps, np.ones((2 * _BESIDE_PX + 1, 2 * _BESIDE_PX + 1), np.uint8))
    padded = cv2.copyMakeBorder(around, _AWAY, _AWAY, 0, 0, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.subtract(steps, cv2.max(padded[: -2 * _AWAY], padded[2 * _AWAY :])), dtype=np.uint8)


def _of_the_others(values: Doubles, row: int) -> float:
    return float(np.concatenate((values[: max(0, row - _NEAR)], values[row + _NEAR + 1 :])).max(initial=1e-3))


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
