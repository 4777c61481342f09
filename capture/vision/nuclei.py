"""Find nuclei in stain maps: strong, thick stain, with the lobes of one nucleus brought together."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Labels, Mask, Plane
from smearwatch.capture.vision.haemoglobin import RedCells, leave_out_red_cells, measure_red_cells, value_at
from smearwatch.capture.vision.lobes import find_pixels, group_lobes, label_components
from smearwatch.capture.vision.stain import StainMaps
from smearwatch.capture.vision.touching import separate_touching

_THICKNESS_UM = 1.5  # thinner structures (rims of red cells, fibres) are no nuclei
_FLOOR, _CEILING = 0.20, 0.60
_SPREADS_ABOVE_FIELD = 3.5  # of the median absolute deviation, scaled to a normal distribution's
_OWN_SHARE = 0.5
_LEAST_PEAK = 0.28
_LARGEST_CORE_UM2 = 10.0
_LEAST_LOBE_UM2 = 3.0
_LEAST_LOBE_RADIUS_UM = 0.75  # refractile red cells have coloured rims up to 1.2 um half-width
_LEAST_NUCLEUS_RADIUS_UM = 1.2
_GREATEST_NUCLEUS_UM2 = 350.0
_LEAST_NUCLEUS_UM2 = 13.0
_LEAST_AT_EDGE_UM2 = 6.0
_TIMES_RED_CELLS = 1.7  # where two violet red cells overlap, their stain adds up to nearly twice one's
_SEARCHED_AGAIN_ABOVE, _PALE = 0.35, 0.28
_PALE_LEAST_UM2, _PALE_RADIUS_UM, _ROUND, _AWAY_UM = 25.0, 1.8, 0.8, 1.0
_SURELY_NUCLEAR = 0.34  # mean stain that no overlap of red cells was seen to reach


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
    speckles
        Standard deviation of each one's nuclear stain by its mean.
    """

    labels: Labels
    areas_um2: tuple[float, ...]
    strengths: tuple[float, ...]
    speckles: tuple[float, ...]


def find_nuclei(maps: StainMaps) -> Nuclei:
    """Find the nuclei of leukocytes.

    Parameters
    ----------
    maps
        The stain maps of one field.

    Returns
    -------
    Nuclei
        Platelets, thin rims, pale things and heaps of red cells are left out; lobes of one cell make one nucleus, and
        nuclei of cells that touch are apart (`smearwatch.capture.vision.lobes`, `smearwatch.capture.vision.touching`).
    """
    thick = _open(maps.nuclear, _THICKNESS_UM / maps.um_per_px)
    threshold = _threshold(maps.sample(thick, 2))
    red_cells = measure_red_cells(maps)
    found = _search(maps, thick, threshold, red_cells)
    if threshold > _SEARCHED_AGAIN_ABOVE:
        found = _search_again(found, maps, thick, red_cells)
    return _measure(separate_touching(found, maps.absorbed, maps.um_per_px), maps)


def _search(maps: StainMaps, thick: Plane, threshold: float, red_cells: RedCells) -> Labels:
    um = maps.um_per_px
    candidates = ((thick > threshold) & (maps.nuclear > threshold)).astype(np.uint8)
    labels, stats = label_components(_sharpen(candidates, maps.nuclear, thick, threshold, um))
    lobes = leave_out_red_cells(labels, stats, maps, red_cells)
    return _keep_nuclei(group_lobes(labels, stats, lobes, um), maps, red_cells)


def _search_again(found: Labels, maps: StainMaps, thick: Plane, red_cells: RedCells) -> Labels:
    """Add pale round nuclei away from those that were found, where red cells differ so much that these seem too weak.

    Only what surely has none of the red cells' blue is looked at, so their spread does not matter.
    """
    um = maps.um_per_px
    candidates = (thick > _PALE) & (maps.nuclear > _PALE) & (maps.blue < red_cells.surely_not_theirs * maps.absorbed)
    labels, stats = label_components(candidates.astype(np.uint8))
    size = 2 * round(_AWAY_UM / um) + 1
    near = cv2.dilate((found > 0).astype(np.uint8), np.ones((size, size), dtype=np.uint8))
    columns, rows = find_pixels(np.asarray(near, dtype=np.uint8)).T
    away = stats[:, cv2.CC_STAT_AREA] * um * um >= _PALE_LEAST_UM2
    away[labels[rows, columns]] = False
    away[0] = False
    if not away.any():
        return found
    pale = _sharpen(away.astype(np.uint8)[labels], maps.nuclear, thick, _PALE, um)
    return _add_round(found, pale, um)


def _add_round(found: Labels, pale: Mask, um: float) -> Labels:
    """Add those of the pale lobes that are as large, thick and round as a nucleus."""
    labels, stats = label_components(pale)
    added = found.copy()
    for index in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] * um * um >= _PALE_LEAST_UM2) + 1:
        x, y, width, height, area = (int(v) for v in stats[index])
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == index
        drawn = cv2.copyMakeBorder(own.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        hull_px = cv2.contourArea(cv2.convexHull(cv2.findNonZero(drawn)))
        thick_um = float(_inner_distance(drawn).max()) * um
        if area * um * um <= _GREATEST_NUCLEUS_UM2 and thick_um >= _PALE_RADIUS_UM and area >= _ROUND * hull_px:
            added[window][own] = added.max() + 1
    return added


def _open(plane: Plane, diameter_px: float) -> Plane:
    size = max(3, round(diameter_px) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_OPEN, element), dtype=np.float32)


def _threshold(sample: Plane) -> float:
    """Choose a stain level above the field's red cells and background, within limits that nuclei do not fall below."""
    middle = float(np.median(sample))
    spread = float(np.median(np.abs(sample - middle))) * 1.4826
    # The middle of a field lies below the ceiling, unless all of it is stain, or dark.
    return max(_FLOOR, middle, min(middle + _SPREADS_ABOVE_FIELD * spread, _CEILING))


def _sharpen(candidates: Mask, nuclear: Plane, thick: Plane, threshold: float, um: float) -> Mask:
    """Keep within each candidate what is stained at least half as strongly as its core.

    Pale cytoplasm of a strongly stained cell passes the field's threshold, a weakly stained nucleus barely does;
    the candidate's own core decides which it is.
    """
    labels, stats = label_components(candidates)
    areas = stats[:, cv2.CC_STAT_AREA]
    # The core of a candidate is a tenth of it, but no more than a small nucleus holds: the rest may be red cells.
    cores = np.minimum(areas - areas * 9 // 10, max(1, int(_LARGEST_CORE_UM2 / um**2)))
    strong = np.bincount(labels[(candidates > 0) & (thick >= _LEAST_PEAK)], minlength=len(stats))
    cored = (strong >= cores) & (areas * um * um >= _LEAST_LOBE_UM2)
    kept = np.zeros_like(candidates)
    for index in np.flatnonzero(cored[1:]) + 1:
        x, y, width, height, _ = (int(v) for v in stats[index])
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == index
        core = value_at(thick[window][own], 1.0 - cores[index] / areas[index])
        own &= nuclear[window] > max(threshold, _OWN_SHARE * core)
        kept[window] |= own
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    return np.asarray(cv2.morphologyEx(_keep_thick(kept, um), cv2.MORPH_OPEN, element), dtype=np.uint8)


def _keep_thick(mask: Mask, um: float) -> Mask:
    """Keep the parts that are somewhere as thick as a lobe."""
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    columns, rows = find_pixels(mask).T
    own = labels[rows, columns]
    thick = np.zeros(count, dtype=np.uint8)
    thick[own[_inner_distance(mask)[rows, columns] * um >= _LEAST_LOBE_RADIUS_UM]] = 1
    parts = np.zeros_like(mask)
    parts[rows, columns] = thick[own]
    return parts


def _inner_distance(mask: Mask) -> Plane:
    """Measure the distance in pixels to the mask's outline; a window's border is no outline."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], dtype=np.float32)


def _keep_nuclei(groups: Labels, maps: StainMaps, red_cells: RedCells) -> Labels:
    """Leave out what is too small for a nucleus or no darker than overlapping red cells; number the rest from 1."""
    um = maps.um_per_px
    columns, rows = find_pixels(groups).T
    own = groups[rows, columns]
    counts = np.bincount(own, minlength=1)
    sums = np.bincount(own, weights=maps.nuclear[rows, columns].astype(np.float64), minlength=1)
    at_border = np.zeros(len(counts), dtype=np.bool_)
    for side in (groups[0], groups[-1], groups[:, 0], groups[:, -1]):
        at_border[side] = True
    thick = np.zeros(len(counts), dtype=np.bool_)
    inner_um = _inner_distance((groups > 0).astype(np.uint8))[rows, columns] * um
    thick[own[inner_um >= _LEAST_NUCLEUS_RADIUS_UM]] = True
    areas_um2 = counts * um * um
    least_um2 = np.where(at_border, _LEAST_AT_EDGE_UM2, _LEAST_NUCLEUS_UM2)
    absorbed, blue = (
        np.bincount(own, weights=plane[rows, columns].astype(np.float64), minlength=1)
        for plane in (maps.absorbed, maps.blue)
    )
    least_strength = min(_SURELY_NUCLEAR, _TIMES_RED_CELLS * red_cells.stain)
    stained = (sums >= least_strength * counts) | (blue <= red_cells.surely_not_theirs * absorbed)
    good = thick & stained & (areas_um2 >= least_um2) & (areas_um2 <= _GREATEST_NUCLEUS_UM2)
    chosen = np.flatnonzero(good)
    table = np.zeros(len(counts), dtype=np.int32)
    table[chosen] = np.arange(1, len(chosen) + 1)
    labels = np.zeros_like(groups)
    labels[rows, columns] = table[own]
    return labels


def _measure(labels: Labels, maps: StainMaps) -> Nuclei:
    columns, rows = find_pixels(labels).T
    own, stain = labels[rows, columns], maps.nuclear[rows, columns].astype(np.float64)
    counts = np.bincount(own, minlength=1)[1:]
    means = np.bincount(own, weights=stain, minlength=1)[1:] / counts
    squares = np.bincount(own, weights=stain * stain, minlength=1)[1:] / counts
    speckles = np.sqrt(np.maximum(squares - means**2, 0.0)) / means
    areas_um2 = counts * maps.um_per_px**2
    return Nuclei(labels, tuple(areas_um2.tolist()), tuple(means.tolist()), tuple(speckles.tolist()))
