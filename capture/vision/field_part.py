"""The part of a picture in which a field is searched: all of it, or what lies within even bars.

A film's black bars and a window around a picture show nothing. Work is done within them; what is found has its place
in the whole picture.
"""

from dataclasses import dataclass, replace

import numpy as np

from smearwatch.capture.arrays import Image, Labels
from smearwatch.capture.vision.bars import Box, within_bars
from smearwatch.capture.vision.light import WHITE
from smearwatch.capture.vision.segment import Leukocyte, Segmentation


@dataclass(frozen=True, slots=True)
class FieldPart:
    """Where in a picture the field is searched.

    Attributes
    ----------
    box
        Left, top, width, height of the part, in pixels of the picture.
    size_px
        Width and height of the picture.
    """

    box: Box
    size_px: tuple[int, int]

    @property
    def is_all(self) -> bool:
        """Whether the field fills the picture."""
        return self.box == (0, 0, *self.size_px)

    def cut(self, bgr: Image) -> Image:
        """Return the part of the picture, a view: uint8 [height, width, 3]."""
        left, top, width, height = self.box
        return bgr[top : top + height, left : left + width]

    def centre_in_part(self, centre_xy_px: tuple[float, float]) -> tuple[float, float]:
        """Return a place of the picture as one of the part."""
        return centre_xy_px[0] - self.box[0], centre_xy_px[1] - self.box[1]

    def in_picture(self, flat_bgr: Image) -> Image:
        """Return the whole picture's flattened copy with that of the part in its place and white around it."""
        if self.is_all:
            return flat_bgr
        rows, columns, shape = self._place(flat_bgr.shape[0], flat_bgr.shape[1])
        laid = np.full((*shape, 3), WHITE, np.uint8)
        laid[rows, columns] = flat_bgr
        return laid

    def found(self, segmentation: Segmentation) -> Segmentation:
        """Return what was found in the part as found in the picture."""
        if self.is_all:
            return segmentation
        return Segmentation(
            cells=tuple(self._moved(cell) for cell in segmentation.cells),
            whole=self._laid(segmentation.whole),
            nuclei=self._laid(segmentation.nuclei),
            size_px=self.size_px,
        )

    def _moved(self, cell: Leukocyte) -> Leukocyte:
        left, top = self.box[:2]
        x, y, width, height = cell.box
        centre = cell.centre_xy_px[0] + left, cell.centre_xy_px[1] + top
        return replace(cell, box=(x + left, y + top, width, height), centre_xy_px=centre)

    def _laid(self, labels: Labels) -> Labels:
        rows, columns, shape = self._place(*labels.shape)
        laid = np.zeros(shape, np.int32)
        laid[rows, columns] = labels
        return laid

    def _place(self, height: int, width: int) -> tuple[slice, slice, tuple[int, int]]:
        """Return where a copy of the part of that size lies in a copy of the picture, and the size of that."""
        scale = width / self.box[2]
        left, top, across, down = (round(each * scale) for each in (*self.box[:2], *self.size_px))
        size = max(down, top + height), max(across, left + width)
        return slice(top, top + height), slice(left, left + width), size


def find_part(bgr: Image) -> FieldPart:
    """Find the part of a picture in which the field is searched.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    return FieldPart(within_bars(bgr), (bgr.shape[1], bgr.shape[0]))
