"""The outline of the one leukocyte in the middle of a crop, drawn closely enough to take everything else away.

The segmentation that serves counting finds nuclei surely but follows the cytoplasm loosely: pale cytoplasm is left
out, and parts of touching red cells are taken in. Here it gives the nucleus and the neighbours; the cell around the
nucleus is then cut out by colour and edges (GrabCut; Rother, Kolmogorov and Blake, ACM Trans. Graph. 2004), with the
empty background and everything far from the nucleus known to be outside.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Flags, Image
from smearwatch.capture.vision.light import WHITE
from smearwatch.capture.vision.segment import NUCLEUS, Leukocyte, segment
from smearwatch.models.preprocess import CROP_PX, CROP_UM

OUTLINE_PX = 180
"""Side of an outline's picture; it covers the whole crop, at 0.18 um/px."""

OUTLINE_VERSION = 1
"""Raise it with every change by which a crop gives another outline; those kept by another one are drawn anew."""

_UM = CROP_UM / OUTLINE_PX
_MIDDLE_UM = 7.0  # a leukocyte further than this from the crop's middle is a neighbour
_LOBES_UM = 5.5  # found as two cells but both this near the middle: lobes of one nucleus
_REACH_UM = 8.0  # an eosinophil's nucleus lies at its edge, and its cytoplasm reaches this far from it
_LIKELY_UM = 2.0
_SURE_UM = 0.4
_GREATEST_HULL = 2.2
_EMPTY_DENSITY = 0.05  # green optical density below which there is nothing but background
_EMPTY_ANY_DENSITY = 0.08
_CLOSED_UM, _NECK_UM = 1.5, 3.0
_OWN_SHARE = 0.2
_INSIDE_SHARE = 0.9
_TURNS = 4
_RING_UM = (0.3, 1.3)
_COLLAPSED_RING, _COLLAPSED_GROWTH, _WHOLE_CELL_UM2 = 0.75, 1.6, 85.0


@dataclass(frozen=True, slots=True)
class _PreparedCrop:
    """A crop at the outline's scale: what is stained, the cell's nucleus, and how far (um) each pixel is from it."""

    lab: Image
    stained: Flags
    nucleus: Image
    others: Flags
    distance_um: NDArray[np.float32]


def outline_cell(crop_bgr: Image) -> Image | None:
    """Outline the leukocyte nearest to a crop's middle.

    Parameters
    ----------
    crop_bgr : uint8 array of shape [750, 750, 3]
        Light flattened.

    Returns
    -------
    uint8 array of shape [180, 180], 1 inside the cell and 0 outside; None where no leukocyte is in the middle
    """
    prepared = _prepare(crop_bgr)
    if prepared is None:
        return None
    inside = _cut(prepared, _LIKELY_UM, _SURE_UM)
    if _has_collapsed(inside, prepared):
        # The colours of the nucleus alone were learnt, and all cytoplasm taken for surroundings: begin further out.
        inside = _cut(prepared, _LIKELY_UM + 1.0, _SURE_UM + 0.6)
    return _tidy(inside, prepared)


def _prepare(crop_bgr: Image) -> _PreparedCrop | None:
    found = segment(crop_bgr, CROP_UM / CROP_PX)
    away_um = [_from_middle_um(cell) for cell in found.cells]
    if not away_um or min(away_um) > _MIDDLE_UM:
        return None
    nearest = int(np.argmin(away_um))
    stain = _shrink(found.mask() == NUCLEUS)
    boxes = np.zeros_like(stain, dtype=bool)
    for number, cell in enumerate(found.cells):
        if number == nearest or away_um[number] < _LOBES_UM:
            boxes[_box(cell)] = True
    nucleus, others = _own_nucleus(stain, boxes)
    if not nucleus.any():
        return None
    small = cv2.resize(crop_bgr, (OUTLINE_PX, OUTLINE_PX), interpolation=cv2.INTER_AREA)
    soft = cv2.bilateralFilter(cv2.GaussianBlur(small, (0, 0), 1.0), 7, 25, 4)
    density = -np.log((soft.astype(np.float32) + 4.0) / (WHITE + 4.0))
    return _PreparedCrop(
        lab=np.asarray(cv2.cvtColor(soft, cv2.COLOR_BGR2LAB), dtype=np.uint8),
        stained=np.asarray((density[..., 1] > _EMPTY_DENSITY) | (density.max(axis=2) > _EMPTY_ANY_DENSITY)),
        nucleus=nucleus,
        others=others,
        distance_um=_distance_um(nucleus),
    )


def _from_middle_um(cell: Leukocyte) -> float:
    x, y = cell.centre_xy_px
    return float(np.hypot(x - CROP_PX / 2, y - CROP_PX / 2)) * CROP_UM / CROP_PX


def _box(cell: Leukocyte) -> tuple[slice, slice]:
    """Return rows and columns of a cell's box at the outline's scale."""
    x, y, width, height = (side * OUTLINE_PX / CROP_PX for side in cell.box)
    return slice(int(y), math.ceil(y + height)), slice(int(x), math.ceil(x + width))


def _own_nucleus(stain: Image, boxes: Flags) -> tuple[Image, Flags]:
    """Divide nuclear stain into the cell's own nucleus and that of others.

    A piece that leaves the cell's box is a neighbour's. A small piece apart from the largest may be a lobe or a
    platelet beside the cell: it is counted for neither, and the cut decides.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(stain, connectivity=8)
    inside = np.bincount(labels[boxes], minlength=len(stats))
    areas = stats[:, cv2.CC_STAT_AREA]
    whole = inside >= _INSIDE_SHARE * areas
    whole[0] = False
    small = areas < _OWN_SHARE * areas[whole].sum()
    return np.isin(labels, np.flatnonzero(whole & ~small)).astype(np.uint8), (labels > 0) & ~whole[labels]


def _shrink(flags: Flags) -> Image:
    grey = cv2.resize(flags.astype(np.uint8) * 255, (OUTLINE_PX, OUTLINE_PX), interpolation=cv2.INTER_AREA)
    return (np.asarray(grey) > 127).astype(np.uint8)


def _distance_um(inside: Image) -> NDArray[np.float32]:
    """Return the distance of every pixel from a shape, 0 within it."""
    return np.asarray(cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5), dtype=np.float32) * np.float32(_UM)


def _cut(prepared: _PreparedCrop, likely_um: float, sure_um: float) -> Image:
    """Run one GrabCut; `likely_um` and `sure_um` from the nucleus, what is stained is likely and surely the cell's."""
    near = prepared.stained & (prepared.distance_um < _REACH_UM)
    state = np.full(prepared.nucleus.shape, cv2.GC_BGD, dtype=np.uint8)
    state[near] = cv2.GC_PR_BGD
    state[prepared.stained & (prepared.distance_um < likely_um)] = cv2.GC_PR_FGD
    hull = np.zeros_like(prepared.nucleus)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(prepared.nucleus)), 1)
    if int(hull.sum()) < _GREATEST_HULL * int(prepared.nucleus.sum()):
        state[(hull > 0) & prepared.stained] = cv2.GC_FGD
    state[prepared.stained & (prepared.distance_um < sure_um)] = cv2.GC_FGD
    state[prepared.others] = cv2.GC_BGD
    cv2.setRNGSeed(1)  # its clustering draws at random; the same crop must give the same outline
    cv2.grabCut(prepared.lab, state, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), _TURNS, cv2.GC_INIT_WITH_MASK)
    return (np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)) | (prepared.nucleus > 0)).astype(np.uint8)


def _has_collapsed(inside: Image, prepared: _PreparedCrop) -> bool:
    """Return whether hardly more than the nucleus was cut out, though stain goes on all around it.

    A nucleus as large as a cell is one: a basophil's granules hide where it ends.
    """
    if float(prepared.nucleus.sum()) * _UM**2 > _WHOLE_CELL_UM2:
        return False
    away_um = _distance_um(inside)
    ring = (away_um > _RING_UM[0]) & (away_um < _RING_UM[1]) & ~prepared.others
    growth = inside.sum() / max(1, int((prepared.distance_um < 0.5).sum()))
    return bool(ring.any() and prepared.stained[ring].mean() > _COLLAPSED_RING and growth < _COLLAPSED_GROWTH)


def _tidy(inside: Image, prepared: _PreparedCrop) -> Image:
    """Keep what hangs together with the nucleus by more than a neck, its notches closed and its vacuoles filled."""
    closed = _morph(inside, cv2.MORPH_CLOSE, _CLOSED_UM)
    without_necks = _morph(closed, cv2.MORPH_OPEN, _NECK_UM) | prepared.nucleus
    _, labels = cv2.connectedComponents(without_necks, connectivity=4)
    whole = np.isin(labels, np.unique(labels[prepared.nucleus > 0])).astype(np.uint8)
    contours, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(whole)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled


def _morph(mask: Image, operation: int, diameter_um: float) -> Image:
    size = max(3, round(diameter_um / _UM) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.morphologyEx(mask, operation, element), dtype=np.uint8)
