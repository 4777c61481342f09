"""Tell large platelets, and heaps of some, from small leukocytes: a small leukocyte's nucleus is smoother."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Mask, Plane
from smearwatch.capture.vision.nuclei import Nuclei
from smearwatch.capture.vision.stain import StainMaps

_LEAST_WHOLE_UM2 = 30.0
_LEAST_SMOOTH_UM2, _SMOOTH = 26.0, 0.09  # a small lymphocyte, or the scale is a little off
_SMALL_UM2, _SPECKLED = 45.0, 0.19
_LARGEST_HEAP_UM2, _SMALL_NUCLEUS_UM2 = 65.0, 33.0
_GRAINY = 0.21
_CLEAR_SHARE = 0.33  # of the absorption of its parts; cytoplasm between lobes was seen to reach 0.35 and more
_LEAST_BETWEEN_UM2 = 1.0
_FEWEST_INSIDE_PX = 6
_PIXEL_AROUND = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


def are_platelets(maps: StainMaps, nuclei: Nuclei, label: int, whole_um2: float) -> bool:
    """Return whether what was taken for one leukocyte is a large platelet, or a heap of some.

    Parameters
    ----------
    maps
        Stain maps of the field.
    nuclei
        What was found in them.
    label
        The number of the nucleus.
    whole_um2
        Area of the whole cell around it.
    """
    speckle = nuclei.speckles[label - 1]
    if whole_um2 < _LEAST_WHOLE_UM2:
        own, window = _cut_out(nuclei, label)
        smooth = whole_um2 >= _LEAST_SMOOTH_UM2 and speckle <= _SPECKLED
        return not (smooth and _measure_grain(own, maps.nuclear[window]) <= _SMOOTH)
    if whole_um2 < _SMALL_UM2 and speckle > _SPECKLED:
        return True
    if whole_um2 >= _LARGEST_HEAP_UM2 or nuclei.areas_um2[label - 1] >= _SMALL_NUCLEUS_UM2 or speckle <= _GRAINY:
        return False
    own, window = _cut_out(nuclei, label)
    # A lobed nucleus may be as speckled as a heap: its lobes may differ, and are blurred at their edges.
    return _measure_grain(own, maps.nuclear[window]) > _GRAINY or _is_clear_between(own, maps, window)


def _cut_out(nuclei: Nuclei, label: int) -> tuple[Mask, tuple[slice, slice]]:
    """Return a nucleus in its box with a pixel around it where the field goes on: uint8 [h, w], rows and columns."""
    own = nuclei.labels == label
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    window = (slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2))
    return own[window].astype(np.uint8), window


def _measure_grain(own: Mask, stain: Plane) -> float:
    """Measure the standard deviation of stain by its mean, inside each lobe and a pixel away from its edge."""
    count, lobes = cv2.connectedComponents(cv2.erode(own, _PIXEL_AROUND))
    squares, pixels = 0.0, 0
    for lobe in range(1, count):
        inside = stain[lobes == lobe]
        if len(inside) >= _FEWEST_INSIDE_PX:
            squares += len(inside) * float(inside.var() / inside.mean() ** 2)
            pixels += len(inside)
    return float(np.sqrt(squares / pixels)) if pixels else 0.0


def _is_clear_between(own: Mask, maps: StainMaps, window: tuple[slice, slice]) -> bool:
    """Return whether glass shows between the parts: platelets lie on glass, the lobes of a nucleus in cytoplasm."""
    hull = np.zeros_like(own)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(own)), 1)
    between = (hull > 0) & (cv2.dilate(own, np.ones((3, 3), dtype=np.uint8)) == 0)
    if between.sum() * maps.um_per_px**2 < _LEAST_BETWEEN_UM2:
        return False
    absorbed = maps.absorbed[window]
    return float(np.median(absorbed[between])) < _CLEAR_SHARE * float(np.median(absorbed[own > 0]))
