"""What a hand has covered of a slide: the area, how much of it again, the way, and where its edge is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from smearwatch.clients.quality.slide_map import PlacedField

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points: TypeAlias = NDArray[np.float64]

_MOST_SQUARES: Final = 1_000_000
_MOST_SPOTS: Final = 50_000
_FINEST_UM: Final = 1.0


@dataclass(frozen=True, slots=True)
class Covered:
    """What the fields of one part cover together.

    Attributes
    ----------
    area_um2, again_um2
        The area that any field shows; of this, what a later field came back to.
    spots
        float64 [n, 2], um: places that lie evenly all over the area.
    """

    area_um2: float
    again_um2: float
    spots: "Points"


def cover(fields: Sequence[tuple[int, PlacedField]]) -> Covered:
    """Lay fields upon each other.

    Parameters
    ----------
    fields
        Of one part, each with its place among all placed fields in the order of time. What a field shares with the one
        directly before it is overlap; what an earlier one showed, and the one before it did not, was come back to.

    Notes
    -----
    On a grid of squares of 1 um, or of so many um that there are a million.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    corners = np.array([[(z.real, z.imag) for z in each.corners] for _, each in fields])
    low = corners.min((0, 1))
    extent = corners.max((0, 1)) - low
    step = max(_FINEST_UM, math.sqrt(float(extent.prod()) / _MOST_SQUARES))
    columns, rows = (math.ceil(side / step) + 1 for side in extent)
    last = np.full((rows, columns), -1, np.int32)  # which field showed the spot last
    again = np.zeros((rows, columns), np.bool_)
    for (place, _), around in zip(fields, (corners - low) / step, strict=True):
        (left, top), (right, bottom) = around.min(0).astype(int), around.max(0).astype(int) + 1
        mask = Image.new("1", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left - 0.5, y - top - 0.5) for x, y in around], fill=1)
        shown = np.asarray(mask)
        window = np.s_[top:bottom, left:right]
        shown = shown[: last[window].shape[0], : last[window].shape[1]]
        again[window] |= shown & (last[window] >= 0) & (last[window] < place - 1)
        last[window][shown] = place
    where = np.flatnonzero(last >= 0)
    some = where[:: len(where) // _MOST_SPOTS + 1]
    spots = (np.stack([some % columns, some // columns], axis=1) + 0.5) * step + low
    return Covered(len(where) * step**2, int(again.sum()) * step**2, spots)


def route_um(fields: Sequence[PlacedField]) -> float:
    """Return the length of the way from the middle of each field to the next one, within parts of the map alone."""
    return sum(abs(after.middle - before.middle) for before, after in pairwise(fields) if before.part == after.part)


class Outline:
    """The convex outline around the fields of one part, and how deep inside it a place lies."""

    def __init__(self, fields: Sequence[PlacedField]) -> None:
        import numpy as np
        from scipy.spatial import ConvexHull

        corners = np.array([(z.real, z.imag) for each in fields for z in each.corners])
        self._hull: Any = ConvexHull(corners)
        self.corners: Points = corners[self._hull.vertices]

    def depth_um(self, points: "Points") -> "Points":
        """Return the distance of points float64 [n, 2] to the outline, float64 [n]; below 0 for those outside."""
        import numpy as np

        sides = self._hull.equations  # each with a normal of length 1 that points outwards
        return np.asarray(-(points @ sides[:, :2].T + sides[:, 2]).max(1), np.float64)

    def inner(self, depth_um: float, inside: "Points") -> "Points":
        """Return the corners, in their order, of what lies deeper than a depth.

        Parameters
        ----------
        inside
            float64 [2]: a point that lies deeper.
        """
        import numpy as np
        from scipy.spatial import ConvexHull, HalfspaceIntersection

        sides = self._hull.equations.copy()
        sides[:, 2] += depth_um
        corners = HalfspaceIntersection(sides, inside).intersections
        return np.asarray(corners[ConvexHull(corners).vertices], np.float64)
