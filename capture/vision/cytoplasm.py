"""Grow nuclei to whole leukocytes through their cytoplasm, without swallowing neighbouring red cells.

Cytoplasm is tinged with azure, if weakly, where red cells are not; but where the stain turns red cells violet, or their
rims break the light, the tinge alone runs over into them. A leukocyte is round, so its outline is sought as one closed
line around the nucleus: of all lines that change their distance from its middle but slowly, the one that has most
tinged and least untinged area inside.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Floats, Indices, Labels, PixelPoints, Plane
from smearwatch.capture.vision.lobes import find_pixels
from smearwatch.capture.vision.nuclei import Nuclei
from smearwatch.capture.vision.stain import StainMaps

_REACH_UM = 5.0
_RIM_UM = 0.5
_TINGE = 0.08
_TINGE_SHARE = 0.35
_SPREADS = 1.2
_GREATEST_HULL = 2.2
_SURELY = 0.03  # tinge above or below the level that leaves no doubt
_ANGLES = 40
_TURN = np.arange(_ANGLES) * (2.0 * np.pi / _ANGLES)
_STEP_UM = 0.22
_RADII_UM = np.arange(0.3, 13.0, _STEP_UM, dtype=np.float32)
_STEP_COST_UM2 = 0.35  # of tinged area, for moving the line by one step from one angle to the next


def grow_cells(maps: StainMaps, nuclei: Nuclei) -> Labels:
    """Assign every pixel of cytoplasm to its nucleus.

    Parameters
    ----------
    maps
        Stain maps of the field.
    nuclei
        The nuclei found in them.

    Returns
    -------
    numpy.ndarray
        int32 [h, w], 0 outside, otherwise the nucleus' label; every nucleus lies inside its cell.
    """
    cells = np.zeros_like(nuclei.labels)
    if len(nuclei.areas_um2) == 0:
        return cells
    tinge = np.asarray(cv2.GaussianBlur(maps.nuclear, (0, 0), 0.25 / maps.um_per_px), dtype=np.float32)
    field_level = _field_level(maps.sample(tinge, 3))
    around = _surroundings(nuclei, maps.um_per_px)
    gain = np.stack([_gain(nucleus, tinge, field_level, maps.um_per_px) for nucleus in around])
    # An outline is worth the gain inside it; a ring's share of an angle grows with its radius.
    ring_um2 = _RADII_UM * np.float32(_STEP_UM * 2.0 * np.pi / _ANGLES)
    outlines = find_closed_outlines(np.cumsum(gain * ring_um2, axis=2), most_step=2, step_cost=_STEP_COST_UM2)
    for nucleus, reach in zip(around, outlines, strict=True):
        reach_px = _RADII_UM[reach] / maps.um_per_px
        line = np.stack([np.cos(_TURN) * reach_px, np.sin(_TURN) * reach_px], axis=1) + nucleus.middle_px
        inside = np.zeros(nucleus.labels.shape, dtype=np.uint8)
        cv2.fillPoly(inside, [np.rint(line).astype(np.int32)], 1)
        cells[nucleus.window][(inside > 0) & (nucleus.territory == nucleus.label)] = nucleus.label
    columns, rows = find_pixels(nuclei.labels).T
    cells[rows, columns] = nuclei.labels[rows, columns]
    return cells


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """One nucleus and what lies around it as far as its cell can reach.

    Attributes
    ----------
    label, strength
        Its number and its mean stain.
    window
        Rows and columns of the field.
    labels, territory
        int32 [rows, columns]: the nuclei, and which one is nearest.
    away_um
        How far that one is away.
    hull
        bool [rows, columns], its convex hull, for what lies between a nucleus' lobes is its own cell.
    middle_px
        Middle of the hull, x and y in the window.
    """

    label: int
    strength: float
    window: tuple[slice, slice]
    labels: Labels
    territory: Labels
    away_um: Plane
    hull: Flags
    middle_px: Doubles


def _surroundings(nuclei: Nuclei, um_per_px: float) -> list[_Surroundings]:
    inside = find_pixels(nuclei.labels)
    owners = nuclei.labels[inside[:, 1], inside[:, 0]]
    margin = int(np.ceil(2.0 * _REACH_UM / um_per_px))
    around = []
    for label, strength in enumerate(nuclei.strengths, start=1):
        points = inside[owners == label]
        left, top = np.maximum(points.min(axis=0) - margin, 0)
        right, bottom = points.max(axis=0) + margin + 1
        window = (slice(int(top), int(bottom)), slice(int(left), int(right)))
        labels = nuclei.labels[window]
        territory, away_um = _territories(labels, um_per_px)
        hull, middle_px = _hull(points - np.array([left, top], dtype=np.int32), labels, label)
        around.append(_Surroundings(label, strength, window, labels, territory, away_um, hull, middle_px))
    return around


def _territories(labels: Labels, um_per_px: float) -> tuple[Labels, Plane]:
    """Find which nucleus is nearest to each pixel, int32 [h, w], and how far away in um."""
    inside = labels > 0
    distance, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
    owner[nearest[inside]] = labels[inside]
    return owner[nearest], np.asarray(distance * um_per_px, dtype=np.float32)


def _hull(points: PixelPoints, labels: Labels, label: int) -> tuple[Flags, Doubles]:
    """Draw the convex hull of a nucleus in its window, as far as it holds no other's; return it and its middle."""
    drawn = np.zeros(labels.shape, dtype=np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(points), 1)
    moments = cv2.moments(drawn, binaryImage=True)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    if int(drawn.sum()) > _GREATEST_HULL * len(points):
        return labels == label, middle
    return (labels == label) | ((drawn > 0) & (labels == 0)), middle


def _gain(nucleus: _Surroundings, tinge: Plane, field_level: float, um_per_px: float) -> Floats:
    """Weigh each position around a nucleus as part of its cell: float32 [angles, radii], -1 to 3."""
    columns = nucleus.middle_px[0] + np.cos(_TURN)[:, None] * _RADII_UM / um_per_px
    rows = nucleus.middle_px[1] + np.sin(_TURN)[:, None] * _RADII_UM / um_per_px
    top, left = nucleus.window[0].start, nucleus.window[1].start
    inside_field = (columns > -0.5 - left) & (columns < tinge.shape[1] - 0.5 - left)
    inside_field &= (rows > -0.5 - top) & (rows < tinge.shape[0] - 0.5 - top)
    height, width = nucleus.labels.shape
    at = (np.clip(np.rint(rows), 0, height - 1).astype(int), np.clip(np.rint(columns), 0, width - 1).astype(int))
    level = float(np.clip(field_level, _TINGE, max(_TINGE, _TINGE_SHARE * nucleus.strength)))
    gain = np.clip((tinge[nucleus.window][at] - level) / _SURELY, -1.0, 1.0)
    away_um = nucleus.away_um[at]
    gain = np.where(nucleus.hull[at] | (away_um <= _RIM_UM), np.maximum(gain, 0.6), gain)
    gain = np.where((away_um > _REACH_UM) | (nucleus.territory[at] != nucleus.label), -1.0, gain)
    gain = np.where(nucleus.labels[at] == nucleus.label, 3.0, gain)
    # Beyond the field's border, where nothing is seen, a line is neither better nor worse.
    return np.where(inside_field, gain, 0.0).astype(np.float32)


def _field_level(sample: Plane) -> float:
    """Measure the tinge that the field's own red cells and background seldom reach."""
    middle = float(np.median(sample))
    return middle + _SPREADS * 1.4826 * float(np.median(np.abs(sample - middle)))


def find_closed_outlines(worth: Floats, *, most_step: int, step_cost: float) -> Indices:
    """Choose one radius for every angle, so that the line is worth most and closes.

    The line is followed for a turn and a half, so that the turn in their middle knows nothing of where it began.

    Parameters
    ----------
    worth
        float32 [n, angles, radii], what passing at each radius is worth; all n lines are found at once.
    most_step
        By how many radii the line may move from one angle to the next.
    step_cost
        What each of these steps costs.

    Returns
    -------
    numpy.ndarray
        intp [n, angles], the number of the radius.
    """
    count, angles, radii = worth.shape
    margin = angles // 4
    turns = np.concatenate([worth[:, angles - margin :], worth, worth[:, :margin]], axis=1)
    length = turns.shape[1]
    score = np.full((count, radii + 2 * most_step), -np.inf, dtype=np.float32)
    inner = slice(most_step, most_step + radii)
    score[:, inner] = turns[:, 0]
    chosen = np.zeros((length, count, radii), dtype=np.int8)
    for angle in range(1, length):
        best, step = score[:, inner].copy(), chosen[angle]
        for by in range(1, most_step + 1):
            for offset in (-by, by):
                other = score[:, most_step + offset : most_step + offset + radii] - np.float32(step_cost * by)
                better = other > best
                np.copyto(best, other, where=better)
                step[better] = offset
        score[:, inner] = best + turns[:, angle]
    radius = np.zeros((count, length), dtype=np.intp)
    radius[:, -1] = score[:, inner].argmax(axis=1)
    every = np.arange(count)
    for angle in range(length - 1, 0, -1):
        radius[:, angle - 1] = radius[:, angle] + chosen[angle, every, radius[:, angle]]
    return radius[:, margin : margin + angles]
