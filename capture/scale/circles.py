"""Measure the red cells of a field in pixels: circles through their edges, alone or in clumps.

Every position where a disc fits into what absorbs light is a candidate. From its middle, rays look for the cell's rim
and for the background behind it; a circle through the edges that were met measures the cell, however its neighbours
or the picture's border cover a part of it. An edge is where the density has fallen to a fixed share between its own
rim and its own background, so that neither a pale stain nor a pale centre moves it.
"""

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Image, Mask, PixelPoints, Plane
from smearwatch.capture.vision.lobes import find_pixels

_CUT_SHARES = (0.6, 0.85, 1.15)  # of Otsu's level: whole pale cells, and cells parted where their halos touch
_PALE_CENTRE_CIRCULARITY = 0.6
_PALE_CENTRE_SOLIDITY = 0.85
_LEAST_DIAMETER_SHARE, _GREATEST_DIAMETER_SHARE = 0.012, 0.6  # of the picture's longer side
_MOST_CANDIDATES = 250
_ANGLES = 32
_REACH = np.linspace(0.4, 1.7, 30, dtype=np.float32)  # along a ray, in radii of the candidate
_RIM_WITHIN = 1.1
_EDGE_SHARE = 0.3  # of the way from the background to the rim; a blurred cell's foot is nearer its edge than its half
_DARKEST_BACKGROUND = 0.35  # of the rim: more, and the ray ran into a neighbour
_PALEST_RIM = 0.05  # optical density
_FAR = np.float32(9.0)  # a density that no picture of eight bits holds
_ROUNDS = 3
LEAST_ARC = 0.4
"""Share of the turn on which an edge has to be met."""

_TRIM = 2.5  # median deviations from the circle
_SAME_PLACE = 0.6  # of the larger radius


def fit_circles(green: Plane, nuclei: Mask) -> Doubles:
    """Fit circles to everything that may be a red cell.

    Parameters
    ----------
    green
        float32 [height, width], green optical density of a flattened field of some hundred pixels.
    nuclei
        uint8 [height, width], not 0 in nuclei. One large dark nucleus would lift the level that is to part red cells
        from background above pale red cells.

    Returns
    -------
    numpy.ndarray
        float64 [n, 5]: x, y, radius in px, roughness (root mean square distance of the edges from the circle, by the
        radius), and the share of the turn on which an edge was met. The same cell may be there several times.
    """
    circles = _find_discs(green, nuclei)
    for _ in range(_ROUNDS):
        circles = _fit(green, circles)
    return circles.reshape(-1, 5)


def keep_largest(circles: Doubles) -> Doubles:
    """Keep the circles that lie in no larger one's middle, the largest first.

    Parameters
    ----------
    circles
        float64 [n, k], x, y and radius first.
    """
    return circles[_keep_largest(circles)]


def _find_discs(green: Plane, nuclei: Mask) -> Doubles:
    """Find discs that fit into what absorbs light: float64 [n, 3: x, y, radius] in px, at most `_MOST_CANDIDATES`."""
    # Haemoglobin shows best in green; 400 grey steps to one unit of density use the eight bits well.
    grey = np.clip(green * 400.0, 0, 255).astype(np.uint8)
    others = grey[nuclei == 0]
    level, _ = cv2.threshold(others if others.size else grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    long_side = max(green.shape)
    least, greatest = _LEAST_DIAMETER_SHARE * long_side, _GREATEST_DIAMETER_SHARE * long_side
    reach = 2 * max(3, round(least / 2.0)) + 1
    found = []
    for share in _CUT_SHARES:
        cut = _fill_pale_centres(np.asarray(grey > share * level, dtype=np.uint8))
        padded = cv2.copyMakeBorder(cut, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        radius = cv2.GaussianBlur(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], (0, 0), 1.0)
        highest = cv2.dilate(radius, np.ones((reach, reach), dtype=np.uint8))
        x, y = find_pixels(((radius >= highest) & (2.0 * radius > least) & (2.0 * radius < greatest)).view(np.uint8)).T
        found.append(np.stack([x, y, radius[y, x]], axis=1).astype(np.float64))
    discs = np.concatenate(found)
    kept = discs[_keep_largest(discs)]
    # Every so many-th by size, so that a crowded field is sampled fairly.
    wanted = min(len(kept), _MOST_CANDIDATES)
    return np.asarray(kept[np.linspace(0, len(kept) - 1, wanted).astype(int)], dtype=np.float64)


def _keep_largest(circles: Doubles) -> list[int]:
    """Return the indices of the circles that lie in no larger one's middle, the largest first."""
    order = np.argsort(-circles[:, 2], kind="stable")
    x, y, radius = (np.ascontiguousarray(column) for column in circles[order, :3].T)
    alone = np.ones(len(order), dtype=np.bool_)
    kept: list[int] = []
    for at, index in enumerate(order.tolist()):
        if alone[at]:
            kept.append(index)
            away = (x[at] - x[at + 1 :]) ** 2 + (y[at] - y[at + 1 :]) ** 2
            alone[at + 1 :] &= away >= (_SAME_PLACE * radius[at]) ** 2
    return kept


def _fit(green: Plane, circles: Doubles) -> Doubles:
    """Fit a circle through the edges met from each middle: [m, 5: x, y, radius, roughness, arc], m <= n."""
    if len(circles) == 0:
        return np.zeros((0, 5))
    angles = np.arange(_ANGLES) * (2.0 * np.pi / _ANGLES)
    across, down = np.cos(angles), np.sin(angles)
    edge_px, met = _find_edges(green, circles, across, down)
    x, y = edge_px * across, edge_px * down
    centre_x, centre_y, radius = _solve_circles(x, y, met)
    apart = np.abs(np.hypot(x - centre_x[:, None], y - centre_y[:, None]) - radius[:, None])
    typical = _medians(apart, met)
    met &= apart <= np.maximum(_TRIM * typical, 0.02 * radius)[:, None]
    centre_x, centre_y, radius = _solve_circles(x, y, met)
    count = met.sum(axis=1)
    apart = np.hypot(x - centre_x[:, None], y - centre_y[:, None]) - radius[:, None]
    roughness = np.sqrt((apart**2 * met).sum(axis=1) / np.maximum(count, 1)) / radius
    fitted = np.stack([circles[:, 0] + centre_x, circles[:, 1] + centre_y, radius, roughness, count / _ANGLES], axis=1)
    height, width = green.shape
    inside = (fitted[:, 0] >= 0) & (fitted[:, 0] < width) & (fitted[:, 1] >= 0) & (fitted[:, 1] < height)
    sound = inside & (radius > 2.0) & (radius < max(height, width)) & (count >= LEAST_ARC * _ANGLES)
    return np.asarray(fitted[sound], dtype=np.float64)


def _medians(values: Doubles, used: Flags) -> Doubles:
    """Return the median of each row of [n, k] over what is used of it, 0 where nothing is."""
    ordered = np.sort(np.where(used, values, np.inf), axis=1)
    count, rows = used.sum(axis=1), np.arange(len(values))
    below, above = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    return np.where(count > 0, (ordered[rows, below] + ordered[rows, above]) / 2.0, 0.0)


def _find_edges(green: Plane, circles: Doubles, across: Doubles, down: Doubles) -> tuple[Doubles, Flags]:
    """Measure the distance of the edge along each ray, float64 [n, angles] in pixels, and whether one was met."""
    reach = circles[:, 2, None, None] * _REACH
    x = (circles[:, 0, None, None] + reach * across[None, :, None]).astype(np.float32)
    y = (circles[:, 1, None, None] + reach * down[None, :, None]).astype(np.float32)
    height, width = green.shape
    outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    flat = (len(circles), _ANGLES * len(_REACH))
    read = cv2.remap(green, x.reshape(flat), y.reshape(flat), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = np.asarray(read, dtype=np.float32).reshape(x.shape)
    near = slice(int(np.count_nonzero(_REACH <= _RIM_WITHIN)))
    rim_at = np.where(outside[..., near], -_FAR, profile[..., near]).argmax(axis=2)[..., None]
    rim = np.take_along_axis(profile, rim_at, axis=2)
    beyond = (np.arange(len(_REACH)) > rim_at) & ~outside
    background = np.where(beyond, profile, _FAR).min(axis=2, keepdims=True)
    level = np.maximum(background, 0.0) + _EDGE_SHARE * (rim - np.maximum(background, 0.0))
    fallen = (profile < level) & beyond
    first = fallen.argmax(axis=2)[..., None]
    at = np.clip(first, 1, None)
    above, below = np.take_along_axis(profile, at - 1, axis=2), np.take_along_axis(profile, at, axis=2)
    met = np.take_along_axis(fallen, first, axis=2) & (background < _DARKEST_BACKGROUND * rim) & (rim > _PALEST_RIM)
    share = np.zeros_like(above)
    np.divide(above - level, above - below, out=share, where=met & (above > below))
    edge = _REACH[at - 1] + np.clip(share, 0.0, 1.0) * (_REACH[1] - _REACH[0])
    return np.asarray(edge[..., 0] * circles[:, 2, None], dtype=np.float64), met[..., 0]


def _solve_circles(x: Doubles, y: Doubles, used: Flags) -> tuple[Doubles, Doubles, Doubles]:
    """Fit least squares circles (Kasa's) through points float64 [n, k]: centre x, centre y and radius, each [n]."""
    size = np.maximum(np.hypot(x, y).max(axis=1, where=used, initial=0.0), 1e-6)[:, None]
    u, v = x / size, y / size
    design = np.stack([2.0 * u, 2.0 * v, np.ones_like(u)], axis=2) * used[..., None]
    normal = design.transpose(0, 2, 1) @ design + 1e-9 * np.eye(3)
    wanted = (design * (u**2 + v**2)[..., None]).sum(axis=1)[..., None]
    solved = np.linalg.solve(normal, wanted)[..., 0]
    radius = np.sqrt(np.maximum(solved[:, 2] + solved[:, 0] ** 2 + solved[:, 1] ** 2, 0.0))
    return solved[:, 0] * size[:, 0], solved[:, 1] * size[:, 0], np.maximum(radius * size[:, 0], 1e-6)


def _fill_pale_centres(cut: Image) -> Image:
    """Fill the pale centres of red cells but not the gaps between them: centres are round, gaps are not."""
    filled = np.array(cut, dtype=np.uint8)
    contours, hierarchy = cv2.findContours(cut, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if hierarchy is None:
        return filled
    for contour, links in zip(contours, hierarchy[0], strict=True):
        is_hole = links[3] >= 0
        if is_hole and (len(contour) < 8 or _is_round(np.asarray(contour, dtype=np.int32))):
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    return filled


def _is_round(contour: PixelPoints) -> bool:
    """Return whether circularity 4 pi A / P^2 and solidity A / hull are a pale centre's."""
    area, outline = cv2.contourArea(contour), cv2.arcLength(contour, closed=True)
    if area <= 0.0 or 4.0 * np.pi * area / outline**2 <= _PALE_CENTRE_CIRCULARITY:
        return False
    hull = cv2.contourArea(cv2.convexHull(contour))
    return bool(hull > 0.0 and area / hull > _PALE_CENTRE_SOLIDITY)
