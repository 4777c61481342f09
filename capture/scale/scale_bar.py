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
_EVEN = 12.0  # grey steps within the bar


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
    if len(found) > 1 and max(found[1][2:]) > 0.5 * max(found[0][2:]):
        raise BarNotFound(f"{len(found)} strokes that could be the scale bar", "cut the picture down to the one")
    x, y, width, height = found[0]
    return ScaleBar((x, y, width, height), max(width, height))


def _strokes(bgr: Image) -> list[tuple[int, int, int, int]]:
    """Find lying strokes of one colour: x, y, width, height of each."""
    hsv = cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)
    masks = (
        bgr.max(axis=2) < _DARK,
        bgr.min(axis=2) > _BRIGHT,
        (hsv[..., 1] > _SATURATION) & (hsv[..., 2] > _VALUE),
    )
    return [stroke for mask in masks for stroke in _strokes_of(bgr, mask.astype(np.uint8))]


def _strokes_of(bgr: Image, mask: Image) -> list[tuple[int, int, int, int]]:
    height, width = mask.shape
    least = max(12, round(_LEAST_LENGTH_SHARE * width)) | 1  # an even kernel moves what it opens
    # Only what is a run of at least the least length stays: letters and cells go, ticks too.
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, least), dtype=np.uint8))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(runs, connectivity=4)
    found = []
    for x, y, w, h, area in boxes[1:].tolist():
        at_border = x <= 0 or y <= 0 or x + w >= width or y + h >= height
        if at_border or w > _GREATEST_LENGTH_SHARE * width or w < _LEAST_SLENDERNESS * h or h < 2:
            continue
        inside = bgr[y : y + h, x : x + w]
        rows = runs[y : y + h, x : x + w].sum(axis=1)
        is_bar = area >= 0.9 * w * h and (rows >= _FULL_ROW * w).mean() > 0.7
        if is_bar and float(inside.reshape(-1, 3).std(axis=0).max()) <= _EVEN:
            found.append((x, y, w, h))
    return found
