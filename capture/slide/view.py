"""Where a field lies on the slide: its middle, how it is turned, and how much it shows."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Points
from smearwatch.capture.slide.plane import Window


@dataclass(frozen=True, slots=True)
class View:
    """How one field is seen.

    Attributes
    ----------
    x_um, y_um
        Its middle on the slide.
    angle_deg
        The direction on the slide of the field's rows, clockwise (y points down): a point to the right of the
        field's middle lies at cos(angle), sin(angle) of it on the slide.
    scale
        Its true um per pixel over the nominal one.
    follows
        Number of the field whose place it goes on from; None for the first one and for fields that lie by rule.
    revisit_of
        Number of an earlier field whose place is photographed again; None where the route goes on.
    """

    x_um: float
    y_um: float
    angle_deg: float = 0.0
    scale: float = 1.0
    follows: int | None = None
    revisit_of: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A view seen by a camera: the relation between pixels and places on the slide.

    Pixels are counted so that the upper left corner of the first one is (0, 0) and its middle (0.5, 0.5).

    Attributes
    ----------
    view
        The view.
    width_px, height_px
        Size of the picture.
    um_per_px
        The nominal scale; the true one is that times the view's scale.
    """

    view: View
    width_px: int
    height_px: int
    um_per_px: float

    @property
    def true_um_per_px(self) -> float:
        """The scale that the field really has."""
        return self.um_per_px * self.view.scale

    @property
    def pixels_to_um(self) -> Points:
        """float64 [2, 3]: what takes (x, y, 1) in pixels to a place in um."""
        turn = np.radians(self.view.angle_deg)
        linear = self.true_um_per_px * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shift = np.array([self.view.x_um, self.view.y_um]) - linear @ [self.width_px / 2, self.height_px / 2]
        return np.column_stack([linear, shift])

    def to_um(self, places_px: npt.ArrayLike) -> Points:
        """Return the places on the slide, float64 [n, 2], of places in the picture [n, 2]."""
        matrix = self.pixels_to_um
        return np.asarray(np.atleast_2d(places_px) @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)

    def to_px(self, places_um: npt.ArrayLike) -> Points:
        """Return the places in the picture, float64 [n, 2], of places on the slide [n, 2]."""
        matrix = self.pixels_to_um
        away = np.atleast_2d(places_um) - matrix[:, 2]
        return np.asarray(away @ np.linalg.inv(matrix[:, :2]).T, dtype=np.float64)

    @property
    def corners_um(self) -> Points:
        """float64 [4, 2]: the corners on the slide, from the upper left one on, clockwise in the picture."""
        width, height = self.width_px, self.height_px
        return self.to_um([(0, 0), (width, 0), (width, height), (0, height)])

    @property
    def area_um2(self) -> float:
        """How much of the slide it shows."""
        return self.width_px * self.height_px * self.true_um_per_px**2

    def covering(self, margin_um: float) -> Window:
        """Return the upright rectangle on the slide that holds the field and a margin."""
        low, high = self.corners_um.min(axis=0), self.corners_um.max(axis=0)
        return Window(float(low[0]), float(low[1]), *(float(v) for v in high - low)).grown(margin_um)

    def shared_with(self, other: "Frame") -> float:
        """Return the share of this field's area that another one shows too, 0 to 1."""
        middle = np.array([self.view.x_um, self.view.y_um])
        # About this field's middle, so that places far out on the slide keep their digits in 32 bits.
        mine, theirs = ((frame.corners_um - middle).astype(np.float32) for frame in (self, other))
        area, _ = cv2.intersectConvexConvex(mine, theirs)
        return min(float(area) / self.area_um2, 1.0)
