"""Find nuclei in stain maps: strong, thick stain, with the lobes of one nucleus brought together."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Labels, Mask, PixelPoints, Plane
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
_ABSORBING = 0.12  # green optical density of what is no empty background; most of it is red cells
_TIMES_RED_CELLS = 1.7  # where two violet red cells overlap, their stain adds up to nearly twice one's
_WEAK = 0.55  # mean stain that several red cells on each other may reach
_BEYOND_RED_CELLS = 1.04  # hue of nuclei by that of red cells
_LEAST_BLUE_SHARE = 0.36  # blue by green density of nuclei; of red cells it is 0.5 to 1.2, of grey shadows 0.9
_OF_RED_CELLS_BLUE = 0.75  # nuclei were seen to reach 0.66 of that of their field's red cells
_SURELY_NOT_RED = 0.5  # the same for stain that counts however weak it is
_TOO_DARK = 1.3  # green optical density where blue by green tells nothing any more
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
    um = maps.um_per_px
    thick = _open(maps.nuclear, _THICKNESS_UM / um)
    threshold = _threshold(thick)
    candidates = ((thick > threshold) & (maps.nuclear > threshold)).astype(np.uint8)
    lobes = _sharpen(candidates, maps.nuclear, thick, threshold, um)
    labels, stats = label_components(lobes)
    red_blue = _blue_of_red_cells(maps)
    others = _leave_out_red_cells(labels, stats, maps, red_blue)
    kept = _keep_nuclei(group_lobes(labels, stats, others, um), maps, red_blue)
    return _measure(separate_touching(kept, maps.absorbed, um), maps)


def _open(plane: Plane, diameter_px: float) -> Plane:
    size = max(3, round(diameter_px) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.morphologyEx(plane, cv2.MORPH_OPEN, element), dtype=np.float32)


def _threshold(thick: Plane) -> float:
    """Choose a stain level above the field's red cells and background, within limits that nuclei do not fall below."""
    sample = thick[::2, ::2]
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
        core = _value_at(thick[window][own], 1.0 - cores[index] / areas[index])
        own &= nuclear[window] > max(threshold, _OWN_SHARE * core)
        kept[window] |= own
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    return np.asarray(cv2.morphologyEx(_keep_thick(kept, um), cv2.MORPH_OPEN, element), dtype=np.uint8)


def _value_at(values: Plane, share: float) -> float:
    """Return the value that so large a share lies below; a percentile without its overhead, for lobes are many."""
    index = min(int(len(values) * share), len(values) - 1)
    return float(np.partition(values, index)[index])


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


def _red_cell_level(maps: StainMaps) -> float:
    """Measure the nuclear stain of this field's red cells: about 0, well above where the stain turns them violet."""
    absorbing = maps.nuclear[::3, ::3][maps.absorbed[::3, ::3] > _ABSORBING]
    return max(0.0, float(np.median(absorbing))) if absorbing.size else 0.0


def _blue_of_red_cells(maps: StainMaps) -> float:
    """Measure how much blue light this field's red cells absorb by green: 0.5 to 1.2; 0 where nothing absorbs."""
    absorbed = maps.absorbed[::3, ::3]
    absorbing = absorbed > _ABSORBING
    return _value_at(maps.blue[::3, ::3][absorbing] / absorbed[absorbing], 0.75) if absorbing.any() else 0.0


def _leave_out_red_cells(labels: Labels, stats: Labels, maps: StainMaps, red_blue: float) -> PixelPoints:
    """Leave out weak lobes of this field's red cells' hue: however many of these overlap, their hue stays the same.

    Returns the labels of the others, int32 [k].
    """
    absorbing = maps.absorbed[::3, ::3]
    red_cells = absorbing > _ABSORBING
    if not red_cells.any():
        return np.arange(1, len(stats), dtype=np.int32)
    blue_share = max(_LEAST_BLUE_SHARE, _OF_RED_CELLS_BLUE * red_blue)
    hues = maps.nuclear[::3, ::3][red_cells] / absorbing[red_cells]
    # Leukocytes, and red cells with something on them, are among what absorbs light; the lower quartile is red cells.
    own_hue = _BEYOND_RED_CELLS * _value_at(hues, 0.25)
    lobes = []
    for index in range(1, len(stats)):
        x, y, width, height, _ = (int(v) for v in stats[index])
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == index
        stain = maps.nuclear[window][own]
        absorbed = maps.absorbed[window][own]
        if _value_at(absorbed, 0.5) < _TOO_DARK and _value_at(maps.blue[window][own] - blue_share * absorbed, 0.5) > 0.0:
            continue
        if stain.mean() >= _WEAK or _value_at(stain - own_hue * maps.absorbed[window][own], 0.5) >= 0.0:
            lobes.append(index)
    return np.array(lobes, dtype=np.int32)


def _keep_nuclei(groups: Labels, maps: StainMaps, red_blue: float) -> Labels:
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
    least_strength = min(_SURELY_NUCLEAR, _TIMES_RED_CELLS * _red_cell_level(maps))
    stained = (sums >= least_strength * counts) | (blue <= _SURELY_NOT_RED * red_blue * absorbed)
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
