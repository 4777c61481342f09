"""Find nuclei in stain maps: strong, thick stain, with the lobes of one nucleus brought together."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.stain import Plane, StainMaps

_THICKNESS_UM = 1.5  # thinner structures (rims of red cells, fibres) are no nuclei
_FLOOR = 0.20
_SPREADS_ABOVE_FIELD = 3.5  # of the median absolute deviation, scaled to a normal distribution's
_OWN_SHARE = 0.5
_LEAST_PEAK = 0.28
_LEAST_LOBE_UM2 = 3.0
_LEAST_LOBE_RADIUS_UM = 0.75  # refractile red cells have coloured rims up to 1.2 um half-width
_LEAST_NUCLEUS_RADIUS_UM = 1.2
_GREATEST_NUCLEUS_UM2 = 350.0
_LEAST_NUCLEUS_UM2 = 13.0
_LEAST_AT_EDGE_UM2 = 6.0
_LOBE_GAP_UM = 2.6
_BRIDGED_GAP_UM = 0.9
_WHOLE_NUCLEUS_UM2 = 26.0
_LARGEST_LOBED_UM2 = 110.0
_GREATEST_SPAN_UM = 17.0
_ABSORBING = 0.12  # green optical density of what is no empty background; most of it is red cells
_TIMES_RED_CELLS = 1.7  # where two violet red cells overlap, their stain adds up to nearly twice one's
_SURELY_NUCLEAR = 0.34  # mean stain that no overlap of red cells was seen to reach

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Nuclei:
    """Nuclei of one field.

    Attributes
    ----------
    labels
        int32 [h, w], 0 elsewhere, 1..count inside the nuclei.
    areas_um2
        Area of each nucleus, in label order.
    strengths
        Mean nuclear stain of each, in label order.
    """

    labels: Labels
    areas_um2: tuple[float, ...]
    strengths: tuple[float, ...]


def find_nuclei(maps: StainMaps) -> Nuclei:
    """Find the nuclei of leukocytes.

    Parameters
    ----------
    maps
        The stain maps of one field.

    Returns
    -------
    Nuclei
        Platelets, thin rims and pale things are left out; lobes less than 2.6 um apart make one nucleus, unless
        both are as large as nuclei of their own.
    """
    um = maps.um_per_px
    thick = _opened(maps.nuclear, _THICKNESS_UM / um)
    threshold = _threshold(thick)
    candidates = ((thick > threshold) & (maps.nuclear > threshold)).astype(np.uint8)
    lobes = _sharpened(candidates, maps.nuclear, thick, threshold, um)
    groups = _grouped(lobes, um)
    return _kept(groups, maps, um)


def _opened(plane: Plane, diameter_px: float) -> Plane:
    size = max(3, round(diameter_px) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_OPEN, element), dtype=np.float32)


def _threshold(thick: Plane) -> float:
    """Stain level above this field's own red cells and background, never below a floor."""
    sample = thick[::2, ::2]
    middle = float(np.median(sample))
    spread = float(np.median(np.abs(sample - middle))) * 1.4826
    return max(_FLOOR, middle + _SPREADS_ABOVE_FIELD * spread)


def _sharpened(candidates: Mask, nuclear: Plane, thick: Plane, threshold: float, um: float) -> Mask:
    """Within each candidate keep what is stained at least half as strongly as its core.

    Pale cytoplasm of a strongly stained cell passes the field's threshold, a weakly stained nucleus barely does;
    the candidate's own core tells which is which.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
    kept = np.zeros_like(candidates)
    for index in range(1, count):
        x, y, width, height, area = (int(v) for v in stats[index])
        if area * um * um < _LEAST_LOBE_UM2:
            continue
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == index
        core = _upper(thick[window][own])
        if core < _LEAST_PEAK:
            continue
        own &= nuclear[window] > max(threshold, _OWN_SHARE * core)
        kept[window] |= own
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    return np.asarray(cv2.morphologyEx(_thick_parts(kept, um), cv2.MORPH_OPEN, element), dtype=np.uint8)


def _upper(values: Plane) -> float:
    """Give the value that one in ten exceeds; a percentile without its overhead, for there are many candidates."""
    place = len(values) * 9 // 10
    return float(np.partition(values, place)[place])


def _thick_parts(mask: Mask, um: float) -> Mask:
    """Keep the parts that are somewhere as thick as a lobe."""
    count, found = cv2.connectedComponents(mask, connectivity=8)
    labels = np.asarray(found, dtype=np.int32)
    thickest = np.zeros(count, dtype=np.float32)
    inside = mask > 0
    np.maximum.at(thickest, labels[inside], _inner_distance(mask)[inside] * um)
    return (thickest >= _LEAST_LOBE_RADIUS_UM)[labels].astype(np.uint8)


def _inner_distance(mask: Mask) -> Plane:
    """Distance in pixels to the mask's outline; a window's border is no outline."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], dtype=np.float32)


def _grouped(lobes: Mask, um: float) -> Labels:
    """Label lobes so that those of one nucleus share a label."""
    count, found, measured, _ = cv2.connectedComponentsWithStats(lobes, connectivity=8)
    labels, stats = np.asarray(found, dtype=np.int32), np.asarray(measured, dtype=np.int32)
    areas = stats[:, cv2.CC_STAT_AREA] * um * um
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for gap, first, second in _close_pairs(labels, stats, um):
        a, b = root(first), root(second)
        if a == b:
            continue
        in_a = [i for i in range(1, count) if root(i) == a]
        in_b = [i for i in range(1, count) if root(i) == b]
        if _belong_together(gap, float(areas[in_a].sum()), float(areas[in_b].sum())) and (
            _span_um(stats, in_a + in_b, um) <= _GREATEST_SPAN_UM
        ):
            parent[b] = a
    table = np.array([0] + [root(i) for i in range(1, count)], dtype=np.int32)
    return np.asarray(table[labels], dtype=np.int32)


def _belong_together(gap_um: float, area_a_um2: float, area_b_um2: float) -> bool:
    """Tell lobes of one nucleus from two nuclei: two large ones must all but touch."""
    if min(area_a_um2, area_b_um2) < _WHOLE_NUCLEUS_UM2:
        return gap_um <= _LOBE_GAP_UM
    return gap_um <= _BRIDGED_GAP_UM and area_a_um2 + area_b_um2 <= _LARGEST_LOBED_UM2


def _span_um(stats: npt.NDArray[np.int32], members: list[int], um: float) -> float:
    boxes = stats[members]
    width = int((boxes[:, 0] + boxes[:, 2]).max() - boxes[:, 0].min())
    height = int((boxes[:, 1] + boxes[:, 3]).max() - boxes[:, 1].min())
    return max(width, height) * um


def _close_pairs(labels: Labels, stats: npt.NDArray[np.int32], um: float) -> list[tuple[float, int, int]]:
    """Pairs of lobes with their gap in um, closest first; pairs with far boxes are not looked at."""
    reach = _LOBE_GAP_UM / um
    pairs = []
    points: dict[int, npt.NDArray[np.float32]] = {}
    for first in range(1, len(stats)):
        for second in range(first + 1, len(stats)):
            if _box_gap(stats[first], stats[second]) > reach:
                continue
            for index in (first, second):
                if index not in points:
                    points[index] = _outline(labels, stats[index], index)
            a, b = points[first], points[second]
            squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
            pairs.append((float(np.sqrt(squared.min())) * um, first, second))
    return sorted(pairs)


def _box_gap(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]) -> float:
    across = max(int(a[0]) - int(b[0] + b[2]), int(b[0]) - int(a[0] + a[2]), 0)
    down = max(int(a[1]) - int(b[1] + b[3]), int(b[1]) - int(a[1] + a[3]), 0)
    return float(np.hypot(across, down))


def _outline(labels: Labels, box: npt.NDArray[np.int32], index: int) -> npt.NDArray[np.float32]:
    x, y, width, height = (int(v) for v in box[:4])
    own = (labels[y : y + height, x : x + width] == index).astype(np.uint8)
    contours, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.concatenate(contours).reshape(-1, 2).astype(np.float32) + np.array([x, y], dtype=np.float32)


def _red_cell_level(maps: StainMaps) -> float:
    """Nuclear stain of this field's red cells: about 0, but well above it where the stain turns them violet."""
    absorbing = maps.nuclear[maps.absorbed > _ABSORBING]
    return max(0.0, float(np.median(absorbing))) if absorbing.size else 0.0


def _kept(groups: Labels, maps: StainMaps, um: float) -> Nuclei:
    """Leave out what is too small for a nucleus or no darker than overlapping red cells; number the rest from 1."""
    inside = groups > 0
    own = groups[inside]
    counts = np.bincount(own, minlength=1)
    sums = np.bincount(own, weights=maps.nuclear[inside].astype(np.float64), minlength=1)
    border = set(np.unique(np.concatenate([groups[0], groups[-1], groups[:, 0], groups[:, -1]])).tolist())
    radii = np.zeros(len(counts))
    np.maximum.at(radii, own, _inner_distance(inside.astype(np.uint8))[inside] * um)
    table = np.zeros(len(counts), dtype=np.int32)
    areas, strengths = [], []
    least_strength = min(_SURELY_NUCLEAR, _TIMES_RED_CELLS * _red_cell_level(maps))
    for index in np.flatnonzero(counts[1:] > 0) + 1:
        area = float(counts[index]) * um * um
        if sums[index] < least_strength * counts[index]:
            continue
        least = _LEAST_AT_EDGE_UM2 if int(index) in border else _LEAST_NUCLEUS_UM2
        if not least <= area <= _GREATEST_NUCLEUS_UM2 or radii[index] < _LEAST_NUCLEUS_RADIUS_UM:
            continue
        areas.append(area)
        strengths.append(float(sums[index] / counts[index]))
        table[index] = len(areas)
    return Nuclei(np.asarray(table[groups], dtype=np.int32), tuple(areas), tuple(strengths))
