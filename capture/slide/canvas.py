"""A part of the slide as optical density in pixels, before a camera photographs it."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Floats
from smearwatch.capture.slide.plane import Window
from smearwatch.capture.slide.view import Frame


@dataclass(frozen=True, slots=True)
class Canvas:
    """A rectangle of the slide that things are laid on.

    Attributes
    ----------
    window
        What it shows.
    um_per_px
        Its scale.
    od_bgr
        float32 [height, width, 3], optical density.
    from_um
        Where the grid of its pixels begins (x, y), and
    from_px
        how many pixels from there its own first one lies. Where several canvases have one grid, everything lies on
        the same pixels in all of them.
    """

    window: Window
    um_per_px: float
    od_bgr: Floats
    from_um: tuple[float, float]
    from_px: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, window: Window, um_per_px: float) -> Self:
        """Make an empty canvas whose own corner begins the grid."""
        od = np.zeros((round(window.height_um / um_per_px), round(window.width_um / um_per_px), 3), np.float32)
        return cls(window, um_per_px, od, (window.x_um, window.y_um))

    @classmethod
    def on_the_grid(cls, window: Window, um_per_px: float) -> Self:
        """Make an empty canvas that holds a window, on the grid that the whole slide has."""
        left, top = int(window.x_um // um_per_px), int(window.y_um // um_per_px)
        right = int((window.x_um + window.width_um) // um_per_px) + 1
        bottom = int((window.y_um + window.height_um) // um_per_px) + 1
        od = np.zeros((bottom - top, right - left, 3), np.float32)
        return cls(window, um_per_px, od, (0.0, 0.0), (left, top))

    def pixel(self, x_um: float, y_um: float) -> tuple[int, int]:
        """Return the pixel that holds a place on the slide; it may lie outside."""
        column, row = (
            int((at - begin) // self.um_per_px) for at, begin in zip((x_um, y_um), self.from_um, strict=True)
        )
        return column - self.from_px[0], row - self.from_px[1]

    def place_um(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Return the place of a pixel's middle on the slide."""
        x_um = self.from_um[0] + (self.from_px[0] + x_px + 0.5) * self.um_per_px
        y_um = self.from_um[1] + (self.from_px[1] + y_px + 0.5) * self.um_per_px
        return x_um, y_um

    def seen_by(self, frame: Frame) -> Doubles:
        """Return what takes a frame's pixel (x, y, 1) to this canvas'.

        Returns
        -------
        numpy.ndarray
            float64 [2, 3], between pixels' middles, as OpenCV's warps with ``WARP_INVERSE_MAP`` want it.
        """
        matrix = frame.pixels_to_um
        linear = matrix[:, :2] / self.um_per_px
        shift = (matrix[:, 2] - np.array(self.place_um(0, 0))) / self.um_per_px + linear @ [0.5, 0.5]
        return np.column_stack([linear, shift])


def warp(picture: Floats, matrix: Doubles, width_px: int, height_px: int) -> Floats:
    """Warp a picture by an affine matrix [2, 3] (from the result's pixels to the picture's); 0 lies around."""
    # Cubic, so that a field is as sharp between the canvas' pixels as on them.
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, (width_px, height_px), flags=flags), dtype=np.float32)
