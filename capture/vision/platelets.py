"""Tell large platelets, and heaps of some, from small leukocytes: a small leukocyte's nucleus is smoother."""

import cv2
import numpy as np

from smearwatch.capture.vision.nuclei import Nuclei
from smearwatch.capture.vision.stain import StainMaps

_LEAST_WHOLE_UM2 = 30.0
_SMALL_UM2, _SPECKLED = 45.0, 0.19
_LARGEST_HEAP_UM2, _SMALL_NUCLEUS_UM2 = 65.0, 33.0
_GRAINY = 0.21
_FEWEST_INSIDE_PX = 6


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
    if whole_um2 < _LEAST_WHOLE_UM2:
        return True
    speckle = nuclei.speckles[label - 1]
    if whole_um2 < _SMALL_UM2 and speckle > _SPECKLED:
        return True
    if whole_um2 >= _LARGEST_HEAP_UM2 or nuclei.areas_um2[label - 1] >= _SMALL_NUCLEUS_UM2 or speckle <= _GRAINY:
        return False
    # A lobed nucleus may be as speckled as a heap: its lobes may differ, and are blurred at their edges.
    return _measure_grain(maps, nuclei, label) > _GRAINY


def _measure_grain(maps: StainMaps, nuclei: Nuclei, label: int) -> float:
    """Measure the standard deviation of stain by its mean, inside each lobe and a pixel away from its edge."""
    own = nuclei.labels == label
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    padded = cv2.copyMakeBorder(own[window].astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    count, lobes = cv2.connectedComponents(cv2.erode(padded, element)[1:-1, 1:-1])
    stain = maps.nuclear[window]
    squares, pixels = 0.0, 0
    for lobe in range(1, count):
        inside = stain[lobes == lobe]
        if len(inside) >= _FEWEST_INSIDE_PX:
            squares += len(inside) * float(inside.var() / inside.mean() ** 2)
            pixels += len(inside)
    return float(np.sqrt(squares / pixels)) if pixels else 0.0
