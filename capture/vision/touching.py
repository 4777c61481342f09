"""Separate leukocytes that touch, and join the lobes of one nucleus.

Within one cell there is cytoplasm between the lobes of its nucleus. Where two cells touch, glass shows in the notches
between them, and from notch to notch it is not far. So a nucleus, with all that absorbs light inside its convex hull,
is cut where a cut is short for what it parts; and two nuclei are one where no short cut parts what lies around them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Labels, Mask, PixelPoints, Plane
from smearwatch.capture.vision.lobes import find_close_pairs, find_pixels

_CLEAR = 0.06  # green optical density below which there is glass
_NOTCH_UM = 0.7
_LEAST_PART_UM2 = 18.0
# A cut is short if it measures less than so much of the diameter of a disc as large as the smaller part; more is
# allowed where the whole is long, for no nucleus of one cell is 20 um long.
_SPANS_UM, _SHORT = (17.0, 20.0), (0.82, 1.0)
_NOT_SHORT = 1.1
_LOBES_GAP_UM = 3.5
_LOBES_SPAN_UM = 17.0
_LARGEST_LOBE_UM2 = 62.0
_LARGEST_LOBES_UM2 = 110.0
_SURROUNDED = 0.9


def separate_touching(labels: Labels, absorbed: Plane, um_per_px: float) -> Labels:
    """Join nuclei that are lobes of one cell, and cut those that are of two cells or more.

    Parameters
    ----------
    labels
        int32 [h, w], 0 outside, 1..n inside nuclei.
    absorbed
        float32 [h, w], green optical density.
    um_per_px
        Scale.

    Returns
    -------
    numpy.ndarray
        int32 [h, w], numbered anew.
    """
    points = find_pixels(labels)
    owners = labels[points[:, 1], points[:, 0]]
    waiting = [points[owners == label] for label in range(1, int(owners.max(initial=0)) + 1)]
    nuclei = []
    while waiting:
        nucleus = waiting.pop()
        parts = _cut(nucleus, absorbed, um_per_px)
        waiting += parts or []
        nuclei += [nucleus] if parts is None else []
    return _join(nuclei, labels.shape, absorbed, um_per_px)


def _join(nuclei: list[PixelPoints], shape: tuple[int, ...], absorbed: Plane, um_per_px: float) -> Labels:
    """Join pairs of middling nuclei around which no short cut can be made, closest first, and draw all."""
    drawn = _draw(nuclei, shape)
    boxes = np.array([(0, 0, 0, 0), *(cv2.boundingRect(nucleus) for nucleus in nuclei)], dtype=np.int32)
    numbers = np.arange(1, len(nuclei) + 1, dtype=np.int32)
    joined: dict[int, PixelPoints] = dict(enumerate(nuclei, start=1))
    for gap_um, first, second in find_close_pairs(drawn, boxes, numbers, um_per_px, _LOBES_GAP_UM):
        if gap_um > _LOBES_GAP_UM or first not in joined or second not in joined:
            continue
        areas_um2 = [len(joined[label]) * um_per_px**2 for label in (first, second)]
        if max(areas_um2) > _LARGEST_LOBE_UM2 or sum(areas_um2) > _LARGEST_LOBES_UM2:
            continue
        both = np.concatenate([joined[first], joined[second]])
        if _span_px(both) * um_per_px <= _LOBES_SPAN_UM and _is_one(both, absorbed, um_per_px):
            joined[first] = both
            del joined[second]
    return drawn if len(joined) == len(nuclei) else _draw(list(joined.values()), shape)


def _draw(nuclei: list[PixelPoints], shape: tuple[int, ...]) -> Labels:
    labels = np.zeros(shape, dtype=np.int32)
    for label, nucleus in enumerate(nuclei, start=1):
        labels[nucleus[:, 1], nucleus[:, 0]] = label
    return labels


def _is_one(nucleus: PixelPoints, absorbed: Plane, um_per_px: float) -> bool:
    mask, seen, _ = _window(nucleus, absorbed)
    outline = _outline_filled(mask, seen)
    inside = np.zeros_like(mask)
    cv2.fillPoly(inside, [outline], 1)
    if int((inside & mask).sum()) < _SURROUNDED * len(nucleus):
        return False
    cut = find_best_cut(mask, seen, um_per_px)
    return cut is None or cut.shortness > _NOT_SHORT


def _cut(nucleus: PixelPoints, absorbed: Plane, um_per_px: float) -> list[PixelPoints] | None:
    """Cut a nucleus in two where a short cut can be made."""
    mask, seen, corner = _window(nucleus, absorbed)
    cut = find_best_cut(mask, seen, um_per_px)
    if cut is None or cut.shortness > np.interp(_span_px(nucleus) * um_per_px, _SPANS_UM, _SHORT):
        return None
    side = np.zeros_like(mask)
    cv2.fillPoly(side, [cut.first], 1)
    first = side[nucleus[:, 1] - corner[1], nucleus[:, 0] - corner[0]] > 0
    parts = [nucleus[first], nucleus[~first]]
    return parts if min(map(len, parts)) * um_per_px**2 >= _LEAST_PART_UM2 else None


def _window(nucleus: PixelPoints, absorbed: Plane) -> tuple[Mask, Plane, PixelPoints]:
    """Return a nucleus and its surroundings in its box, and the box's corner."""
    left, top, width, height = cv2.boundingRect(nucleus)
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[nucleus[:, 1] - top, nucleus[:, 0] - left] = 1
    return mask, absorbed[top : top + height, left : left + width], np.array([left, top], dtype=np.int32)


def _span_px(nucleus: PixelPoints) -> float:
    """Measure the longer side of the smallest rectangle around a nucleus."""
    return float(max(cv2.minAreaRect(nucleus)[1])) + 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """The cut through a nucleus and its surroundings that is shortest for what it parts.

    Attributes
    ----------
    shortness
        Its length by the diameter of a disc as large as the smaller part: 1 for a disc cut in halves.
    first, second
        Outlines of both parts, int32 [n, 2], x and y in pixels.
    """

    shortness: float
    first: PixelPoints
    second: PixelPoints


def find_best_cut(nucleus: Mask, absorbed: Plane, um_per_px: float) -> Cut | None:
    """Find the shortest cut through a nucleus and what absorbs light inside its hull, from a notch onwards.

    Parameters
    ----------
    nucleus
        uint8 [h, w], 1 inside.
    absorbed
        float32 [h, w], green optical density.
    um_per_px
        Scale.

    Returns
    -------
    Cut or None
        None where there is no notch.
    """
    outline = _outline_filled(nucleus, absorbed)
    if len(outline) < 8:
        return None
    hull = np.sort(cv2.convexHull(outline, returnPoints=False).ravel())
    found = cv2.convexityDefects(outline, hull)
    if found is None:
        return None
    defects = np.asarray(found, dtype=np.int32).reshape(-1, 4)
    deep = defects[:, 3] / 256.0 * um_per_px >= _NOTCH_UM
    least_px = _LEAST_PART_UM2 / um_per_px**2
    cuts = []
    for notch in defects[deep, 2]:
        smaller = np.minimum(*_measure_parts(outline, int(notch)))
        lengths = np.hypot(*(outline - outline[notch]).T.astype(np.float64))
        shortness = np.where(smaller >= least_px, lengths / (2.0 * np.sqrt(np.maximum(smaller, 1.0) / np.pi)), np.inf)
        index = int(shortness.argmin())
        cuts.append((float(shortness[index]), min(int(notch), index), max(int(notch), index)))
    shortest, begin, end = min(cuts, default=(np.inf, 0, 0))
    if not np.isfinite(shortest):
        return None
    return Cut(shortest, outline[begin : end + 1], np.concatenate([outline[end:], outline[: begin + 1]]))


def _outline_filled(nucleus: Mask, absorbed: Plane) -> PixelPoints:
    """Return the outline of a nucleus with all that absorbs light inside its hull: int32 [n, 2]."""
    points = cv2.findNonZero(nucleus)
    hull = np.zeros_like(nucleus)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    body = nucleus | (hull & (absorbed >= _CLEAR).astype(np.uint8))
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    body = cv2.morphologyEx(body, cv2.MORPH_OPEN, element)
    contours, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2), dtype=np.int32)
    return np.asarray(max(contours, key=cv2.contourArea), dtype=np.int32).reshape(-1, 2)


def _measure_parts(outline: PixelPoints, start: int) -> tuple[Doubles, Doubles]:
    """Measure the areas on both sides of cuts from one point of an outline to every other, in px: float64 [n] each."""
    turned = np.roll(outline, -start, axis=0).astype(np.float64) - outline[start]
    x, y = turned.T
    # Twice the area of each triangle with the starting point, added up all around.
    triangles = x[:-1] * y[1:] - x[1:] * y[:-1]
    swept = np.abs(np.concatenate([[0.0], np.cumsum(triangles)])) / 2.0
    return np.roll(swept, start), np.roll(swept[-1] - swept, start)
