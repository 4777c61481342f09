"""Measure the nuclei of a field in pixels, before its scale is known.

The search for leukocytes asks for thickness and gaps in micrometres. Here they are shares of the picture or of the
nucleus itself, which is too rough to find every leukocyte, but enough for a second witness about the scale.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Labels, Mask, PixelPoints, Plane
from smearwatch.capture.vision.lobes import label_components

_LEAST_RADIUS_SHARE = 0.008  # of the picture's longer side
_LEAST_AREA_SHARE = 0.0003  # of its square
_FLOOR, _CEILING, _SPREADS_ABOVE_FIELD = 0.20, 0.60, 3.5
_LEAST_PEAK = 0.28
_OWN_SHARE = 0.5
_LARGE, _OF_DARKEST = 0.3, 0.65
_LOBE_GAP = 0.8  # of the thicker lobe's radius
_MOST_LOBES = 40


@dataclass(frozen=True, slots=True)
class NucleusPx:
    """One nucleus, its lobes together, in pixels of the picture that was measured.

    Attributes
    ----------
    centre_xy
        Middle of the smallest circle around it.
    reach
        Radius of that circle.
    diameter
        Of a circle of the same area.
    at_edge
        True where the border may cut it.
    """

    centre_xy: tuple[float, float]
    reach: float
    diameter: float
    at_edge: bool


def measure_nuclei_px(stain: Plane) -> tuple[list[NucleusPx], Mask]:
    """Find what is stained as strongly and thickly as a nucleus.

    Parameters
    ----------
    stain
        float32 [height, width], red + green / 2 - blue density of a flattened field.

    Returns
    -------
    list of NucleusPx
        The largest first. Some are platelets, or dirt.
    numpy.ndarray
        uint8 [height, width], 1 inside them.
    """
    kept = _keep_cores(stain)
    labels, stats = label_components(kept)
    padded = cv2.copyMakeBorder(kept, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    radii = np.zeros(len(stats), dtype=np.float32)
    np.maximum.at(radii, labels[kept > 0], inside[kept > 0])
    least = _LEAST_RADIUS_SHARE * max(stain.shape)
    lobes = [int(i) for i in np.argsort(-radii)[:_MOST_LOBES] if radii[i] > least]
    outlines = {lobe: _outline(labels, stats[lobe], lobe) for lobe in lobes}
    nuclei = [_measure(group, outlines, stats, stain.shape) for group in _group(lobes, outlines, radii)]
    return sorted(nuclei, key=lambda nucleus: -nucleus.diameter), kept


def _keep_cores(stain: Plane) -> Mask:
    """Keep in each thick, stained component what is stained at least half as strongly as its core."""
    sample = stain[::2, ::2]
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle)))
    level = max(_FLOOR, middle, min(middle + _SPREADS_ABOVE_FIELD * spread, _CEILING))
    long_side = max(stain.shape)
    size = max(3, int(_LEAST_RADIUS_SHARE * long_side) | 1)
    thick = cv2.morphologyEx(stain, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    labels, stats = label_components((thick > level).astype(np.uint8))
    cores: list[tuple[int, float, Flags]] = []
    windows: list[tuple[slice, slice]] = []
    for label in range(1, len(stats)):
        x, y, width, height, area = (int(v) for v in stats[label])
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == label
        if area < _LEAST_AREA_SHARE * long_side**2:
            continue
        core = float(np.quantile(thick[window][own], 0.9))
        if core >= _LEAST_PEAK:
            cores.append((area, core, own & (stain[window] > max(level, _OWN_SHARE * core))))
            windows.append(window)
    kept = np.zeros(stain.shape, dtype=np.uint8)
    large = [core for area, core, _ in cores if area >= _LARGE * max(area for area, _, _ in cores)]
    for (_, core, own), window in zip(cores, windows, strict=True):
        # Where the stain turns red cells violet, they pass the field's level, but not this.
        if core >= _OF_DARKEST * max(large):
            kept[window] |= own.astype(np.uint8)
    return kept


def _outline(labels: Labels, stats: Labels, label: int) -> PixelPoints:
    x, y, width, height, _ = (int(v) for v in stats)
    own = (labels[y : y + height, x : x + width] == label).astype(np.uint8)
    contours, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    return np.concatenate([np.asarray(contour, dtype=np.int32)[:, 0] for contour in contours])


def _group(lobes: list[int], outlines: dict[int, PixelPoints], radii: Plane) -> list[list[int]]:
    """Bring lobes together that lie closer than most of the thicker one's radius, the thickest first."""
    groups: list[list[int]] = []
    for lobe in lobes:
        near = [
            group for group in groups if any(_gap(outlines[lobe], outlines[o]) < _LOBE_GAP * radii[o] for o in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([lobe, *(each for group in near for each in group)])
    return groups


def _gap(first: PixelPoints, second: PixelPoints) -> float:
    away = first[::2, None].astype(np.float32) - second[None, ::2]
    return float(np.sqrt((away**2).sum(axis=2).min()))


def _measure(group: list[int], outlines: dict[int, PixelPoints], stats: Labels, shape: tuple[int, ...]) -> NucleusPx:
    points = np.concatenate([outlines[lobe] for lobe in group])
    (x, y), reach = cv2.minEnclosingCircle(points.astype(np.float32))
    area = float(sum(stats[lobe][cv2.CC_STAT_AREA] for lobe in group))
    at_edge = bool(points.min() <= 1 or points[:, 0].max() >= shape[1] - 2 or points[:, 1].max() >= shape[0] - 2)
    return NucleusPx((float(x), float(y)), float(reach), float(2.0 * np.sqrt(area / np.pi)), at_edge)
