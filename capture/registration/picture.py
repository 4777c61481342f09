"""The small picture of a field by which it is recognised."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.light import WHITE

UM_PER_PX = 0.44
"""A red cell is 17 pixels wide: its position and shape show, its texture does not."""

_FULL_DENSITY = 0.5  # a nucleus weighs no more than the red cells around it, or it would decide for the whole field
_JPEG_QUALITY = 90
_LONGEST_SIDE_PX = 8192  # a longer field is seen more coarsely
_AROUND_A_CELL_UM = 1.5

BoxUm = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """A field, reduced.

    Attributes
    ----------
    grey
        uint8 [h, w]: green optical density, 255 at 0.5 and above.
    um_per_px
        Its scale.
    free
        uint8 [h, w]: 255 where no leukocyte is, 0 in and right around one.
    """

    grey: Image
    um_per_px: float
    free: Image


@dataclass(frozen=True, slots=True)
class PackedPicture:
    """A field picture as a JPEG, which is what is kept; a tenth of its size.

    Attributes
    ----------
    jpeg, um_per_px
        The picture and its scale.
    leukocytes_um
        Boxes (x, y, width, height) of all leukocytes found in the field, whole or cut.
    """

    jpeg: bytes
    um_per_px: float
    leukocytes_um: tuple[BoxUm, ...] = ()

    def unpack(self) -> FieldPicture:
        """Return the picture."""
        grey = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        free = np.full(grey.shape, 255, np.uint8)
        for x, y, width, height in self.leukocytes_um:
            centre = (round((x + width / 2) / self.um_per_px), round((y + height / 2) / self.um_per_px))
            axes = (
                round((width / 2 + _AROUND_A_CELL_UM) / self.um_per_px),
                round((height / 2 + _AROUND_A_CELL_UM) / self.um_per_px),
            )
            cv2.ellipse(free, centre, axes, 0.0, 0.0, 360.0, 0, cv2.FILLED)
        return FieldPicture(np.asarray(grey, dtype=np.uint8), self.um_per_px, free)

    def with_leukocytes(self, boxes_px: Iterable[tuple[int, int, int, int]], um_per_px: float) -> "PackedPicture":
        """Return the same picture with its leukocytes' boxes, given in pixels of the field with their scale."""
        boxes = tuple((x * um_per_px, y * um_per_px, w * um_per_px, h * um_per_px) for x, y, w, h in boxes_px)
        return replace(self, leukocytes_um=boxes)


_DENSITY = np.clip(np.round(-np.log((np.arange(256) + 4.0) / (WHITE + 4.0)) * (255.0 / _FULL_DENSITY)), 0, 255).astype(
    np.uint8
)


def pack_picture(flat_bgr: Image, um_per_px: float) -> PackedPicture:
    """Reduce a field whose light was taken out.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.vision.light.WHITE`.
    um_per_px
        Its scale.

    Returns
    -------
    PackedPicture
        What is recognised is always this, unpacked, so that it is the same whether it was kept or made anew.
    """
    height, width = flat_bgr.shape[:2]
    factor = min(um_per_px / UM_PER_PX, _LONGEST_SIDE_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    density = cv2.LUT(np.ascontiguousarray(flat_bgr[..., 1]), _DENSITY)
    small = cv2.resize(density, size, interpolation=cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return PackedPicture(jpeg.tobytes(), um_per_px * width / size[0])
