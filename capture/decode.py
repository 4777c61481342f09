"""Turn a file's bytes into a BGR picture, or say in one word why it cannot be used.

The header is read first: a picture too large for memory is refused by its stated size, and a file whose end is
missing is never half used.
"""

import io

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from smearwatch.capture.header import ImageHeader, probe

__all__ = ["DEFAULT_MAX_PIXELS", "FrameUnusable", "ImageHeader", "decode", "mend_for", "probe"]

DEFAULT_MAX_PIXELS = 64_000_000
"""Largest picture taken by default; thirteen times an Axiocam ERc5s frame."""

Image = npt.NDArray[np.uint8]

_MENDS = {
    "empty_file": "let the camera software finish writing, or delete the file",
    "not_an_image": "give a JPEG, PNG, BMP or TIFF picture",
    "truncated": "copy the file again; its end is missing",
    "too_many_pixels": "give a smaller picture or raise max_pixels",
    "undecodable": "save the picture again as JPEG, PNG, BMP or TIFF",
}


class FrameUnusable(Exception):
    """A file that cannot become a frame.

    Attributes
    ----------
    reason
        One of `empty_file`, `not_an_image`, `truncated`, `too_many_pixels`, `undecodable`.
    detail
        What was found, in words.
    mend
        How to mend it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.mend = _MENDS[reason]


def mend_for(reason: str) -> str:
    """Say how to mend a file that was refused for a reason.

    Parameters
    ----------
    reason
        One of `FrameUnusable`'s.

    Returns
    -------
    str
        A few words for the end of an error line.
    """
    return _MENDS[reason]


def decode(data: bytes | memoryview, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image:
    """Decode a whole picture file.

    Grey, palette, RGBA and 16-bit pictures become 8-bit BGR (transparent parts white, 16 bits by their upper
    eight); EXIF orientation is applied. Of a TIFF with several pages the first is taken.

    Parameters
    ----------
    data
        The file's bytes: JPEG, PNG, BMP or TIFF.
    max_pixels
        Largest width x height that is decoded.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], blue first.

    Raises
    ------
    FrameUnusable
        See its reasons.
    """
    header = _checked(data, max_pixels)
    if header.format == "tiff":
        return _decode_tiff(data)
    buffer = np.frombuffer(data, dtype=np.uint8)
    try:
        # A PNG is read as it is, for its transparency and its 16 bits; the others go the way that obeys EXIF.
        flag = cv2.IMREAD_UNCHANGED if header.format == "png" else cv2.IMREAD_COLOR
        raw = cv2.imdecode(buffer, flag)
    except cv2.error as error:
        raise FrameUnusable("undecodable", f"{header.format}: {error.err}") from error
    if raw is None:
        raise FrameUnusable("undecodable", f"the {header.format} decoder gave up")
    return _to_bgr(np.asarray(raw))


def _checked(data: bytes | memoryview, max_pixels: int) -> ImageHeader:
    if len(data) == 0:
        raise FrameUnusable("empty_file", "0 bytes")
    header = probe(data)
    if header.format is None:
        start = bytes(data[:8])
        raise FrameUnusable("not_an_image", f"the file begins with {start!r}")
    if header.width_px * header.height_px > max_pixels:
        size = f"{header.width_px}x{header.height_px}"
        raise FrameUnusable("too_many_pixels", f"{size} is more than {max_pixels} pixels")
    if not header.complete:
        raise FrameUnusable("truncated", f"{header.format} of {len(data)} bytes without its end")
    if header.width_px < 1 or header.height_px < 1:
        raise FrameUnusable("undecodable", f"the {header.format} states no size")
    return header


def _decode_tiff(data: bytes | memoryview) -> Image:
    try:
        with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
            page = tiff.pages.first
            pixels = np.asarray(page.asarray())
            inverted = getattr(page, "photometric", None) == tifffile.PHOTOMETRIC.MINISWHITE
            colormap = getattr(page, "colormap", None)
            orientation_tag = page.tags.get("Orientation") if isinstance(page, tifffile.TiffPage) else None
            planar = pixels.ndim == 3 and pixels.shape[0] in (3, 4) and pixels.shape[2] not in (3, 4)
    except Exception as error:  # tifffile and its codecs raise many kinds; all mean the same here
        raise FrameUnusable("undecodable", f"tiff: {error}") from error
    if planar:
        pixels = np.moveaxis(pixels, 0, -1)
    if colormap is not None and pixels.ndim == 2:
        pixels = np.moveaxis(np.asarray(colormap)[:, pixels], 0, -1)
    if inverted:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "ub" or 0 in pixels.shape:
        raise FrameUnusable("undecodable", f"tiff: {pixels.dtype} samples of shape {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4):
        raise FrameUnusable("undecodable", f"tiff: {pixels.shape[2]} samples a pixel")
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    orientation = int(orientation_tag.value) if orientation_tag is not None else 1
    return _oriented(_to_bgr(pixels), orientation)


def _to_bgr(pixels: npt.NDArray[np.generic]) -> Image:
    """Any of grey, grey + alpha, BGR, BGRA in 1, 8, 16 or 32 bits to 8-bit BGR."""
    eight = _to_eight_bits(pixels)
    if eight.ndim == 2:
        eight = eight[..., None]
    channels = eight.shape[2]
    colour = eight[..., :3] if channels >= 3 else np.repeat(eight[..., :1], 3, axis=2)
    if channels in (2, 4):
        alpha = eight[..., -1:].astype(np.uint16)
        colour = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(colour)


def _to_eight_bits(pixels: npt.NDArray[np.generic]) -> Image:
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    wide = pixels.astype(np.uint32)
    # Cameras of 10 or 12 bits write 16-bit files of which the upper bits stay empty.
    used_bits = max(8, int(wide.max()).bit_length()) if pixels.dtype == np.uint16 else 32
    used_bits = next(bits for bits in (8, 10, 12, 14, 16, 32) if bits >= used_bits)
    return np.asarray(wide >> np.uint32(used_bits - 8), dtype=np.uint8)


def _oriented(bgr: Image, orientation: int) -> Image:
    """Apply the TIFF/EXIF orientation tag (1-8)."""
    if orientation in (5, 6, 7, 8):
        bgr = bgr.transpose(1, 0, 2)
    flip_x = orientation in (2, 3, 6, 7)
    flip_y = orientation in (3, 4, 7, 8)
    return np.ascontiguousarray(bgr[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
