"""Grow nuclei to whole leukocytes through their cytoplasm, without swallowing neighbouring red cells.

Cytoplasm is tinged with azure, if weakly, where red cells are not; but where the stain turns red cells violet, or their
rims break the light, the tinge alone runs over into them. A leukocyte is round, so its outline is sought as one closed
line around the nucleus: of all lines that change their distance from its middle but slowly, the one that has most
tinged and least untinged area inside.
"""

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.nuclei import Labels, Mask, Nuclei
from smearwatch.capture.radial import closed_outlines
from smearwatch.capture.stain import Plane, StainMaps

_REACH_UM = 5.0
_RIM_UM = 0.5
_TINGE = 0.08
_TINGE_SHARE = 0.35
_SPREADS = 1.2
_GREATEST_HULL = 2.2
_SURELY = 0.03  # tinge above or below the level that leaves no doubt
_ANGLES = 40
_STEP_UM = 0.22
_RADII_UM = np.arange(0.3, 13.0, _STEP_UM, dtype=np.float32)
_STEP_COST_UM2 = 0.35  # of tinged area, for moving the line by one step from one angle to the next

Gain = npt.NDArray[np.float32]


def grow_cells(maps: StainMaps, nuclei: Nuclei) -> Labels:
    """Give every pixel of cytoplasm to its nucleus.

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
    count = len(nuclei.areas_um2)
    if count == 0:
        return cells
    territory, away_um = _territories(nuclei, maps.um_per_px)
    hulls, middles = _hulls(nuclei.labels, count)
    gain = _gains(maps, nuclei, territory, away_um, hulls, middles)
    # An outline is worth the gain inside it; a ring's share of an angle grows with its radius.
    ring_um2 = _RADII_UM * np.float32(_STEP_UM * 2.0 * np.pi / _ANGLES)
    places = closed_outlines(np.cumsum(gain * ring_um2, axis=2), most_step=2, step_cost=_STEP_COST_UM2)
    angles = np.arange(_ANGLES) * (2.0 * np.pi / _ANGLES)
    for label in range(1, count + 1):
        reach_px = _RADII_UM[places[label - 1]] / maps.um_per_px
        x, y = middles[label - 1]
        line = np.stack([x + np.cos(angles) * reach_px, y + np.sin(angles) * reach_px], axis=1)
        corners = np.rint(line).astype(np.int32)
        left, top = np.maximum(corners.min(axis=0), 0)
        right, bottom = corners.max(axis=0) + 1
        window = (slice(top, max(bottom, top)), slice(left, max(right, left)))
        inside = np.zeros(cells[window].shape, dtype=np.uint8)
        cv2.fillPoly(inside, [corners - np.array([left, top])], 1)
        cells[window][(inside > 0) & (territory[window] == label)] = label
    return np.where(nuclei.labels > 0, nuclei.labels, cells)


def _territories(nuclei: Nuclei, um_per_px: float) -> tuple[Labels, Plane]:
    """Which nucleus is nearest to each pixel, int32 [h, w], and how far away in um."""
    inside = nuclei.labels > 0
    distance, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
    owner[nearest[inside]] = nuclei.labels[inside]
    return owner[nearest], np.asarray(distance * um_per_px, dtype=np.float32)


def _hulls(labels: Labels, count: int) -> tuple[Labels, list[tuple[float, float]]]:
    """Convex hulls of the nuclei as labels, for what lies between a nucleus' lobes is its own cell; their middles."""
    hulls = np.array(labels, dtype=np.int32)
    middles = []
    rows, columns = np.nonzero(labels)
    owners = labels[rows, columns]
    for label in range(1, count + 1):
        own = owners == label
        points = np.stack([columns[own], rows[own]], axis=1).astype(np.int32)
        hull = cv2.convexHull(points)
        left, top, width, height = cv2.boundingRect(hull)
        drawn: Mask = np.zeros((height, width), dtype=np.uint8)
        cv2.fillConvexPoly(drawn, hull - np.array([left, top]), 1)
        if int(drawn.sum()) <= _GREATEST_HULL * len(points):
            window = hulls[top : top + height, left : left + width]
            window[(drawn > 0) & (window == 0)] = label
        moments = cv2.moments(drawn, binaryImage=True)
        middles.append((left + moments["m10"] / moments["m00"], top + moments["m01"] / moments["m00"]))
    return hulls, middles


def _gains(
    maps: StainMaps,
    nuclei: Nuclei,
    territory: Labels,
    away_um: Plane,
    hulls: Labels,
    middles: list[tuple[float, float]],
) -> Gain:
    """Say what each place around each nucleus is worth inside its cell: float32 [cells, angles, radii], -1 to 3."""
    tinge = np.asarray(cv2.GaussianBlur(maps.nuclear, (0, 0), 0.25 / maps.um_per_px), dtype=np.float32)
    field_level = _field_level(tinge)
    angles = np.arange(_ANGLES, dtype=np.float32)[:, None] * np.float32(2.0 * np.pi / _ANGLES)
    across, down = np.cos(angles) * _RADII_UM, np.sin(angles) * _RADII_UM
    height, width = tinge.shape
    gains = []
    for label, (x, y) in enumerate(middles, start=1):
        columns, rows = x + across / maps.um_per_px, y + down / maps.um_per_px
        within = (columns > -0.5) & (rows > -0.5) & (columns < width - 0.5) & (rows < height - 0.5)
        at = (np.clip(np.rint(rows), 0, height - 1).astype(int), np.clip(np.rint(columns), 0, width - 1).astype(int))
        level = float(np.clip(field_level, _TINGE, max(_TINGE, _TINGE_SHARE * nuclei.strengths[label - 1])))
        gain = np.clip((tinge[at] - level) / _SURELY, -1.0, 1.0)
        gain = np.where((hulls[at] == label) | (away_um[at] <= _RIM_UM), np.maximum(gain, 0.6), gain)
        gain = np.where((away_um[at] > _REACH_UM) | (territory[at] != label), -1.0, gain)
        gain = np.where(nuclei.labels[at] == label, 3.0, gain)
        gains.append(np.where(within, gain, 0.0))
    return np.stack(gains).astype(np.float32)


def _field_level(tinge: Plane) -> float:
    """Tinge that the field's own red cells and background seldom reach."""
    sample = tinge[::3, ::3]
    middle = float(np.median(sample))
    return middle + _SPREADS * 1.4826 * float(np.median(np.abs(sample - middle)))
