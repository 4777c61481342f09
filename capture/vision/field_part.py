"""The part of a picture in which a field is seen: all of it, or what lies within even bars, or a disc within these.

A telephone at the eyepiece, a film's black bars and a window around a picture all give pictures of which a part shows
nothing. Work is done in the other part alone; what is found has its place in the whole picture.
"""

from dataclasses import dataclass, replace

import numpy as np

from smearwatch.capture.arrays import Flags, Image, Labels
from smearwatch.capture.vision.bars import Box, within_bars
from smearwatch.capture.vision.light import WHITE
from smearwatch.capture.vision.round_field import (
    RoundField,
    cut_by_rim,
    find_round_field,
    without_surround,
)
from smearwatch.capture.vision.segment import Leukocyte, Segmentation


@dataclass(frozen=True, slots=True)
class FieldPart:
    """Where in a picture the field is seen.

    Attributes
    ----------
    box
        Left, top, width, height of the part, in pixels of the picture.
    size_px
        Width and height of the picture.
    round_field
        The disc in which the field is seen, in pixels of the part; None where it fills the part.
    """

    box: Box
    size_px: tuple[int, int]
    round_field: RoundField | None

    @property
    def is_all(self) -> bool:
        """Whether the field fills the picture."""
        return self.round_field is None and self.box == (0, 0, *self.size_px)

    def cut(self, bgr: Image) -> Image:
        """Return the part of the picture, with the field's background around a disc: uint8 [height, width, 3]."""
        left, top, width, height = self.box
        return without_surround(bgr[top : top + height, left : left + width], self.round_field)

    def seen(self) -> Flags | None:
        """Return where of the part the field is seen, bool [height, width]; None where it fills the part."""
        return None if self.round_field is None else self.round_field.disc((self.box[3], self.box[2]), 1.0)

    def blank(self, flat_bgr: Image) -> tuple[Image, Flags | None]:
        """Return the part's flattened picture, of whatever size, white where no field is seen, and where it is."""
        if self.round_field is None:
            return flat_bgr, None
        seen = self.round_field.disc(flat_bgr.shape[:2], flat_bgr.shape[1] / self.box[2])
        return np.where(seen[..., None], flat_bgr, np.uint8(WHITE)), seen

    def centre_in_part(self, centre_xy_px: tuple[float, float]) -> tuple[float, float]:
        """Return a place of the picture as one of the part."""
        return centre_xy_px[0] - self.box[0], centre_xy_px[1] - self.box[1]

    def in_picture(self, flat_bgr: Image) -> Image:
        """Return the whole picture's flattened copy with that of the part in its place and white around it."""
        return flat_bgr if self.is_all else _laid(flat_bgr, self._corner(flat_bgr.shape[1]), WHITE)

    def found(self, segmentation: Segmentation, um_per_px: float) -> Segmentation:
        """Return what was found in the part as found in the picture, with what a disc's rim may cut marked as cut."""
        segmentation = cut_by_rim(segmentation, self.round_field, um_per_px)
        if self.is_all:
            return segmentation
        corner = self._corner(segmentation.whole.shape[1])
        return Segmentation(
            cells=tuple(self._moved(cell) for cell in segmentation.cells),
            whole=_laid_labels(segmentation.whole, corner),
            nuclei=_laid_labels(segmentation.nuclei, corner),
            size_px=self.size_px,
        )

    def _moved(self, cell: Leukocyte) -> Leukocyte:
        left, top = self.box[:2]
        x, y, width, height = cell.box
        centre = cell.centre_xy_px[0] + left, cell.centre_xy_px[1] + top
        return replace(cell, box=(x + left, y + top, width, height), centre_xy_px=centre)

    def _corner(self, width: int) -> tuple[int, int, int, int]:
        """Return the part's first corner and the picture's size in a copy that makes the part so many pixels wide."""
        scale = width / self.box[2]
        left, top, across, down = (round(each * scale) for each in (*self.box[:2], *self.size_px))
        return left, top, across, down


def find_part(bgr: Image) -> FieldPart:
    """Find the part of a picture in which the field is seen.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    FieldPart
        Bars are left out first, and a disc is looked for within them.
    """
    size = (bgr.shape[1], bgr.shape[0])
    left, top, width, height = within_bars(bgr)
    field = find_round_field(bgr[top : top + height, left : left + width])
    if field is None:
        return FieldPart((left, top, width, height), size, None)
    (x, y), radius = field.centre_xy_px, field.radius_px
    x0, y0 = max(0, round(x - radius)), max(0, round(y - radius))
    x1, y1 = min(width, max(x0 + 1, round(x + radius))), min(height, max(y0 + 1, round(y + radius)))
    return FieldPart((left + x0, top + y0, x1 - x0, y1 - y0), size, replace(field, centre_xy_px=(x - x0, y - y0)))


def _laid(small: Image, corner: tuple[int, int, int, int], ground: int) -> Image:
    height, width = small.shape[:2]
    left, top, across, down = corner
    laid = np.full((max(down, top + height), max(across, left + width), 3), ground, np.uint8)
    laid[top : top + height, left : left + width] = small
    return laid


def _laid_labels(labels: Labels, corner: tuple[int, int, int, int]) -> Labels:
    height, width = labels.shape
    left, top, across, down = corner
    laid = np.zeros((max(down, top + height), max(across, left + width)), np.int32)
    laid[top : top + height, left : left + width] = labels
    return laid
