"""What a camera sees of a canvas: the picture, and where in it everything lies."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, DrawnLabels, Floats, Mask
from smearwatch.capture.slide.canvas import Canvas, warp
from smearwatch.capture.slide.view import Frame

Sides = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Lying:
    """The position of a patch on a canvas.

    Attributes
    ----------
    extent
        float32 [side, side]: 1 where the thing is seen and 0 where not.
    x_px, y_px
        The canvas' pixel on which its middle lies.
    """

    extent: Floats
    x_px: int
    y_px: int

    @property
    def corner_px(self) -> tuple[int, int]:
        """The patch's upper left pixel (x, y) on the canvas."""
        height, width = self.extent.shape
        return self.x_px - width // 2, self.y_px - height // 2


@dataclass(frozen=True, slots=True)
class Sight:
    """What a camera sees of a canvas.

    Attributes
    ----------
    canvas
        What is photographed.
    frame
        Where the field lies.
    upright
        Whether the canvas is the field itself, at most coarser; otherwise the field lies turned on it.
    """

    canvas: Canvas
    frame: Frame
    upright: bool

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the field."""
        return self.frame.width_px, self.frame.height_px

    @property
    def _grown(self) -> tuple[float, float]:
        """How many of an upright field's pixels go on one of the canvas' (x, y)."""
        height, width = self.canvas.od_bgr.shape[:2]
        return self.frame.width_px / width, self.frame.height_px / height

    @property
    def matrix(self) -> Doubles:
        """float64 [2, 3]: what takes the middles of the field's pixels to the canvas'."""
        if not self.upright:
            return self.canvas.seen_by(self.frame)
        x, y = self._grown
        return np.array([[1.0 / x, 0.0, 0.5 / x - 0.5], [0.0, 1.0 / y, 0.5 / y - 0.5]])

    def picture(self) -> Floats:
        """Return the field's optical density, float32 [height, width, 3]."""
        od = self.canvas.od_bgr
        if not self.upright:
            return warp(od, self.matrix, *self.size_px)
        if od.shape[:2] == self.size_px[::-1]:
            return od
        return np.asarray(np.maximum(cv2.resize(od, self.size_px, interpolation=cv2.INTER_CUBIC), 0.0), np.float32)

    def sides_px(self, lying: Lying) -> Sides:
        """Return left, top, right and bottom of all that is seen of a thing; they may lie outside the field."""
        if self.upright:
            left, top, width, height = cv2.boundingRect((lying.extent > 0.5).astype(np.uint8))
            grow_x, grow_y = self._grown
            x0, y0 = (lying.corner_px[0] + left) * grow_x, (lying.corner_px[1] + top) * grow_y
            return x0, y0, x0 + width * grow_x, y0 + height * grow_y
        x, y, mask = self.mask(lying)
        left, top, width, height = cv2.boundingRect(mask)
        return x + left, y + top, x + left + width, y + top + height

    def mask(self, lying: Lying) -> tuple[int, int, Mask]:
        """Return a thing's mask as the field shows it.

        Returns
        -------
        tuple
            Upper left pixel (x, y) in the field, which may lie outside it, and uint8 [height, width]: 1 where at least
            half of the pixel is covered. The mask is uncut, also where the thing reaches out of the field.
        """
        matrix, corner = self.matrix, np.array(lying.corner_px)
        height, width = lying.extent.shape
        corners = corner + np.array([(x, y) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)])
        around = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        low, high = np.floor(around.min(axis=0)).astype(int), np.ceil(around.max(axis=0)).astype(int) + 1
        matrix[:, 2] += matrix[:, :2] @ low - corner
        seen = warp(lying.extent, matrix, *(int(v) for v in high - low))
        return int(low[0]), int(low[1]), (seen > 0.5).astype(np.uint8)

    def paint_label(self, labels: DrawnLabels, lying: Lying, label: int) -> None:
        """Write a number into an image of labels, uint16 [height, width], wherever a thing is seen."""
        x, y, mask = self.mask(lying)
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = min(x + mask.shape[1], labels.shape[1]), min(y + mask.shape[0], labels.shape[0])
        if x1 > x0 and y1 > y0:
            labels[y0:y1, x0:x1][mask[y0 - y : y1 - y, x0 - x : x1 - x] > 0] = label
