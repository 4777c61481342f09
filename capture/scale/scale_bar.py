"""Measure a scale bar that was burned into a picture: one solid stroke of one colour, ticks at its ends or not."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.daemon.hinted import Hinted

_DARK, _BRIGHT = 60, 225
_SATURATION, _VALUE = 150, 110
_LEAST_LENGTH_SHARE, _GREATEST_LENGTH_SHARE = 0.04, 0.95
_LEAST_SLENDERNESS = 5.0
_FULL_ROW = 0.97  # of the longest row
_EVEN = 12.0  # grey steps along the bar
# A line of a pixel or a few: JPEG makes it paler, and uneven.
_EVEN_LINE, _THICKEST_LINE, _LINE_CONTRAST = 30.0, 6, 40
_LEAST_LINE_SHARE = 0.08  # a shorter one may be a microscope's pointer
_ANOTHER_BAR = 0.2  # of the longest stroke: what is shorter is no second bar
_SOFT_EDGE = 3  # px
_BEYOND, _ONE_GROUND = 0.12, 60.0  # of the length, for ticks and letters; grey steps


class BarNotFound(Hinted, ValueError):
    """A picture without one clear scale bar; `hint` says what to do."""


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar as it was found.

    Attributes
    ----------
    box_xywh_px
        Its stroke, without ticks.
    length_px
        From end to end.
    """

    box_xywh_px: tuple[int, int, int, int]
    length_px: int


def find_scale_bar(bgr: Image) -> ScaleBar:
    """Find the one scale bar of a picture, lying or standing.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    ScaleBar
        In pixels of the picture.

    Raises
    ------
    BarNotFound
        There is none, or there are several.
    """
    lying = _strokes(bgr)
    standing = [(y, x, h, w) for x, y, w, h in _strokes(np.ascontiguousarray(bgr.transpose(1, 0, 2)))]
    found = sorted(set(lying + standing), key=lambda box: -max(box[2:]))
    if not found:
        raise BarNotFound(
            "no scale bar", "give a picture with one solid black, white or coloured bar, clear of its border"
        )
    if len(found) > 1 and max(found[1][2:]) > _ANOTHER_BAR * max(found[0][2:]):
        lengths = ", ".join(f"{max(box[2:])} px" for box in found[:3])
        what = f"{len(found)} strokes that could be the scale bar ({lengths})"
        raise BarNotFound(what, "cut the picture down to the one")
    x, y, width, height = found[0]
    return ScaleBar((x, y, width, height), max(width, height))


def _strokes(bgr: Image) -> list[tuple[int, int, int, int]]:
    """Find lying strokes of one colour: x, y, width, height of each, the longest first, without parts of one."""
    hsv = cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)
    solid = [
        bgr.max(axis=2) < _DARK,
        bgr.min(axis=2) > _BRIGHT,
        (hsv[..., 1] > _SATURATION) & (hsv[..., 2] > _VALUE),
    ]
    found = [each for mask in solid for each in _strokes_of(bgr, mask.astype(np.uint8), _EVEN) if each[3] >= 2]
    least = _LEAST_LINE_SHARE * bgr.shape[1]
    for mask in _lines(bgr):
        lines = _strokes_of(bgr, mask, _EVEN_LINE)
        found += [each for each in lines if each[3] <= _THICKEST_LINE and each[2] >= least]
    kept: list[tuple[int, int, int, int]] = []
    for stroke in sorted(found, key=lambda each: -each[2]):
        if not any(_is_part(stroke, other) for other in kept):
            kept.append(stroke)
    return kept


def _lines(bgr: Image) -> list[Image]:
    """Return where a picture is darker, or brighter, than a little above and below, in each of its colours."""
    upright = np.ones((2 * _THICKEST_LINE + 5, 1), dtype=np.uint8)
    operations = (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
    differences = [cv2.morphologyEx(bgr[..., c], each, upright) for c in range(3) for each in operations]
    return [np.asarray(difference > _LINE_CONTRAST, dtype=np.uint8) for difference in differences]


def _strokes_of(bgr: Image, mask: Image, even: float) -> list[tuple[int, int, int, int]]:
    height, width = mask.shape
    least = max(12, round(_LEAST_LENGTH_SHARE * width)) | 1  # an even kernel moves what it opens
    # Only what is a run of at least the least length stays: letters and cells go, ticks too.
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, least), dtype=np.uint8))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(runs, connectivity=4)
    found = []
    for x, y, w, h, area in boxes[1:].tolist():
        at_border = x <= 0 or y <= 0 or x + w >= width or y + h >= height
        if at_border or w > _GREATEST_LENGTH_SHARE * width or w < _LEAST_SLENDERNESS * h:
            continue
        inside = bgr[y : y + h, x : x + w]
        rows = runs[y : y + h, x : x + w].sum(axis=1)
        is_bar = area >= 0.9 * w * h and (rows >= _FULL_ROW * w).mean() > 0.7
        is_even = float(np.median(inside, axis=0).std(axis=0).max()) <= even
        if is_bar and is_even and _stands_out(bgr, mask, (x, y, w, h)):
            found.append((x, y, w, h))
    return found


def _stands_out(bgr: Image, mask: Image, box: tuple[int, int, int, int]) -> bool:
    """Return whether a stroke ends above and below along its whole length, on one and the same ground.

    So a strip between a bar and the edge of its label, or between two lines of cells, is none.
    """
    x, y, w, h = box
    away = max(_SOFT_EDGE, h // 4)
    above, below = y - away, y + h - 1 + away
    if above < 0 or below >= len(mask):
        return False
    beyond = max(int(mask[each, x : x + w].sum()) for each in (above, below))
    grounds = [np.median(bgr[each, x : x + w], axis=0) for each in (above, below)]
    return beyond <= _BEYOND * w and float(np.abs(grounds[0] - grounds[1]).max()) <= _ONE_GROUND


def _is_part(stroke: tuple[int, int, int, int], whole: tuple[int, int, int, int]) -> bool:
    """Return whether a stroke lies on another: the same one in another colour, or a piece of it."""
    middle = abs((2 * stroke[1] + stroke[3]) - (2 * whole[1] + whole[3])) / 2
    reaches = stroke[0] >= whole[0] - _SOFT_EDGE and stroke[0] + stroke[2] <= whole[0] + whole[2] + _SOFT_EDGE
    return middle <= _SOFT_EDGE and reaches
