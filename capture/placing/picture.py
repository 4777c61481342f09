"""The small picture of a field by which it is recognised."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE

UM_PER_PX = 0.44
"""A red cell is 17 pixels wide: its place and shape show, its texture does not."""

_FULL_DENSITY = 0.5  # a nucleus says no more than the red cells around it, or it would speak for the whole field
_JPEG_QUALITY = 90

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """A field, reduced.

    Attributes
    ----------
    grey
        uint8 [h, w]: green optical density, 255 at 0.5 and above.
    um_per_px
        Its scale.
    """

    grey: Image
    um_per_px: float

    @property
    def width_um(self) -> float:
        """Width on the slide."""
        return float(self.grey.shape[1] * self.um_per_px)

    @property
    def height_um(self) -> float:
        """Height on the slide."""
        return float(self.grey.shape[0] * self.um_per_px)


@dataclass(frozen=True, slots=True)
class PackedPicture:
    """A field picture as a JPEG, which is what is kept; a tenth of its size."""

    jpeg: bytes
    um_per_px: float

    def unpacked(self) -> FieldPicture:
        """Give the picture."""
        grey = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        return FieldPicture(np.asarray(grey, dtype=np.uint8), self.um_per_px)


_DENSITY = np.clip(np.round(-np.log((np.arange(256) + 4.0) / (WHITE + 4.0)) * (255.0 / _FULL_DENSITY)), 0, 255).astype(
    np.uint8
)


def packed(flat_bgr: Image, um_per_px: float) -> PackedPicture:
    """Reduce a field whose light was taken out.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], background at `smearwatch.capture.light.WHITE`.
    um_per_px
        Its scale.

    Returns
    -------
    PackedPicture
        What is recognised is always this, unpacked, so that it is the same whether it was kept or made anew.
    """
    height, width = flat_bgr.shape[:2]
    factor = um_per_px / UM_PER_PX
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    density = cv2.LUT(np.ascontiguousarray(flat_bgr[..., 1]), _DENSITY)
    small = cv2.resize(density, size, interpolation=cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return PackedPicture(jpeg.tobytes(), um_per_px * width / size[0])
