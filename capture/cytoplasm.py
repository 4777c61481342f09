"""Grow nuclei to whole leukocytes through their cytoplasm, without swallowing neighbouring red cells."""

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.nuclei import Labels, Mask, Nuclei
from smearwatch.capture.stain import Plane, StainMaps

_REACH_UM = 5.0
_RIM_UM = 0.5
_TINGE = 0.08
_TINGE_SHARE = 0.35
_SPREADS = 1.2
_GREATEST_HULL = 2.2
_NECK_UM = 2.2
_SMOOTH_UM = 1.6


def grow_cells(maps: StainMaps, nuclei: Nuclei) -> Labels:
    """Give every pixel of cytoplasm to its nucleus.

    Cytoplasm is tinged with azure, if weakly, where red cells are not; it lies within reach of the nucleus,
    belongs to the nearest one and hangs together with it by more than a thin neck.

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
    um = maps.um_per_px
    cells = np.zeros_like(nuclei.labels)
    if not nuclei.areas_um2:
        return cells
    outside = (nuclei.labels == 0).astype(np.uint8)
    distance, nearest = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
    inside = nuclei.labels > 0
    owner[nearest[inside]] = nuclei.labels[inside]
    territory = owner[nearest]
    tinge = cv2.GaussianBlur(maps.nuclear, (0, 0), 0.25 / um)
    field_level = _field_level(np.asarray(tinge, dtype=np.float32))
    reach = int(np.ceil((_REACH_UM + 1.0) / um))
    for label in range(1, len(nuclei.areas_um2) + 1):
        window = _window(nuclei.labels == label, reach)
        nucleus = (nuclei.labels[window] == label).astype(np.uint8)
        level = float(np.clip(field_level, _TINGE, max(_TINGE, _TINGE_SHARE * nuclei.strengths[label - 1])))
        away = distance[window] * um
        own = (tinge[window] > level) & (away <= _REACH_UM) | (away <= _RIM_UM) | (_hull(nucleus) > 0)
        own &= territory[window] == label
        cell = _whole(own.astype(np.uint8), nucleus, um)
        target = cells[window]
        target[(cell > 0) & (target == 0) & (territory[window] == label)] = label
    return cells


def _field_level(tinge: Plane) -> float:
    """Tinge that the field's own red cells and background seldom reach."""
    sample = tinge[::3, ::3]
    middle = float(np.median(sample))
    return middle + _SPREADS * 1.4826 * float(np.median(np.abs(sample - middle)))


def _hull(nucleus: Mask) -> Mask:
    """Convex hull of the nucleus, for what lies between its lobes is its own cell; empty where it is far larger."""
    points = cv2.findNonZero(nucleus)
    hull = np.zeros_like(nucleus)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return hull if int(hull.sum()) <= _GREATEST_HULL * int(nucleus.sum()) else nucleus


def _window(mask: npt.NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _whole(own: Mask, nucleus: Mask, um: float) -> Mask:
    """Keep the part that hangs together with the nucleus, its outline smoothed and its vacuoles filled."""
    parted = _morph(own, cv2.MORPH_OPEN, _NECK_UM / um) | nucleus
    _, labels = cv2.connectedComponents(parted, connectivity=4)
    attached = np.unique(labels[nucleus > 0])
    joined = np.isin(labels, attached[attached > 0]).astype(np.uint8)
    smooth = _morph(joined, cv2.MORPH_CLOSE, _SMOOTH_UM / um)
    contours, _ = cv2.findContours(smooth, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(own)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled


def _morph(mask: Mask, operation: int, diameter_px: float) -> Mask:
    """Open or close, seeing neither a wall nor a void beyond the picture's border."""
    size = max(3, round(diameter_px) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    padded = cv2.copyMakeBorder(mask, size, size, size, size, cv2.BORDER_REPLICATE)
    done = cv2.morphologyEx(padded, operation, element)
    return np.asarray(done[size:-size, size:-size], dtype=np.uint8)
