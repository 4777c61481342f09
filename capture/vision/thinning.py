"""The middle line of a shape: what thinning leaves of it, as points that know their neighbours."""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Image, Mask, PixelPoints
from smearwatch.capture.vision.lobes import find_pixels

_AROUND = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))  # x, y: clockwise from above
_SMOOTHED_OVER = 5  # points; pixels' corners would lengthen the line


def _kept() -> tuple[Image, Image]:
    """Return for both passes of a round, and for each of 256 neighbourhoods, whether a pixel stays (Guo, Hall 1989)."""
    kept = np.ones((2, 256), dtype=np.uint8)
    for code in range(256):
        p2, p3, p4, p5, p6, p7, p8, p9 = (bool(code >> bit & 1) for bit in range(8))
        crossings = (
            (not p2 and (p3 or p4)) + (not p4 and (p5 or p6)) + (not p6 and (p7 or p8)) + (not p8 and (p9 or p2))
        )
        pairs = min(
            (p9 or p2) + (p3 or p4) + (p5 or p6) + (p7 or p8), (p2 or p3) + (p4 or p5) + (p6 or p7) + (p8 or p9)
        )
        if crossings == 1 and 2 <= pairs <= 3:
            kept[0, code] = (p2 or p3 or not p5) and p4
            kept[1, code] = (p6 or p7 or not p9) and p8
    return kept[0], kept[1]


_KEPT = _kept()
_WEIGHTS = np.zeros((3, 3), dtype=np.float32)
for _bit, (_x, _y) in enumerate(_AROUND):
    _WEIGHTS[1 + _y, 1 + _x] = 1 << _bit


@dataclass(frozen=True, slots=True)
class Line:
    """Points of a middle line.

    Attributes
    ----------
    xy
        int32 [n, 2], in pixels.
    neighbours
        For each point the indices of those that touch it.
    """

    xy: PixelPoints
    neighbours: list[list[int]]

    def longest_way(self) -> list[int]:
        """Return the points of the longest way along the line that makes no detour, from end to end."""
        _, far = self._walk(0)
        before, far = self._walk(far)
        way = [far]
        while before[way[-1]] != way[-1]:
            way.append(before[way[-1]])
        return way

    def length_px(self, way: list[int]) -> float:
        """Return the length of a way, smoothed between its ends."""
        points: Doubles = self.xy[way].astype(np.float64)
        middles = len(way) - _SMOOTHED_OVER + 1
        if middles > 0:
            shifted = [points[first : first + middles] for first in range(_SMOOTHED_OVER)]
            points = np.concatenate([points[:1], sum(shifted) / _SMOOTHED_OVER, points[-1:]])
        steps = points[1:] - points[:-1]
        return float(np.hypot(steps[:, 0], steps[:, 1]).sum())

    def _walk(self, start: int) -> tuple[dict[int, int], int]:
        """Return from where each point is reached by the shortest way from one of them, and the one reached last."""
        points = self.xy.tolist()
        before: dict[int, int] = {}
        waiting, last = [(0.0, start, start)], start
        while waiting:
            way_px, point, came_from = heapq.heappop(waiting)
            if point in before:
                continue
            before[point], last = came_from, point
            x, y = points[point]
            for other in self.neighbours[point]:
                if other not in before:
                    straight = points[other][0] == x or points[other][1] == y
                    heapq.heappush(waiting, (way_px + (1.0 if straight else 2.0**0.5), other, point))
        return before, last


def middle_line(shape: Mask) -> Line:
    """Thin a connected shape until it is a line.

    Parameters
    ----------
    shape
        uint8 [h, w], 1 inside, 0 along the border.

    Returns
    -------
    Line
        Connected where the shape is; one point at least, unless the shape is empty.
    """
    left, before, count = shape, -1, cv2.countNonZero(shape)
    while count != before:
        thinner = left
        for kept in _KEPT:
            around = cv2.filter2D(thinner, cv2.CV_8U, _WEIGHTS, borderType=cv2.BORDER_CONSTANT)
            thinner = np.asarray(cv2.bitwise_and(thinner, cv2.LUT(around, kept)), dtype=np.uint8)
        before, count = count, cv2.countNonZero(thinner)
        if not count:  # the last four pixels of a disc may go all at once
            break
        left = thinner
    xy = find_pixels(left)
    number = {(x, y): index for index, (x, y) in enumerate(xy.tolist())}
    neighbours: list[list[int]] = [[] for _ in number]
    for (x, y), index in number.items():
        for dx, dy in _AROUND[:4]:  # the other four are these, seen from the other side
            other = number.get((x + dx, y + dy))
            if other is not None:
                neighbours[index].append(other)
                neighbours[other].append(index)
    return Line(xy, neighbours)
