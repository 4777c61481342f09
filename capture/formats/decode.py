"""Turn a file's bytes into a BGR picture, or give one reason why it cannot be used.

The header is read first: a picture too large for memory is refused by its stated size, and a file whose end is
missing is never half used.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from PIL import Image as PillowImage

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.czi import decode_czi, significant_bits, used_plane
from smearwatch.capture.formats.czi_structure import read_czi
from smearwatch.capture.formats.damage import (
    check_colours,
    check_file,
    check_rows,
    check_seam,
    check_stripes,
    check_tiles,
)
from smearwatch.capture.formats.decode_tiff import decode_tiff, used_pages
from smearwatch.capture.formats.header import ImageFormat, ImageHeader, probe
from smearwatch.capture.formats.libraries import withheld_lines
from smearwatch.capture.formats.ome import Ome, description_of, read_ome
from smearwatch.capture.formats.pixels import orient, to_bgr
from smearwatch.capture.formats.safe_xml import XmlUnusable
from smearwatch.capture.formats.tiff_structure import MOST_PAGES, read_tiff
from smearwatch.capture.formats.unusable import FrameUnusable, hint_for, not_read

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FrameUnusable",
    "ImageHeader",
    "PictureInfo",
    "decode",
    "decode_to_check",
    "decode_whole",
    "describe",
    "hint_for",
    "probe",
]

DEFAULT_MAX_PIXELS = 64_000_000
"""Largest picture taken by default; thirteen times an Axiocam ERc5s frame."""


_SCAN, _MOST_SCANS = b"\xff\xda", 64  # a progressive picture has ten or so; each takes as long as a whole picture
_PNG_EXIF, _ORIENTATION = b"eXIf", 274
_BEFORE_PIXELS: Final = 64 * 1024  # the chunk may stand behind the pixels, too; nobody writes it there


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a picture file is, and which part of it is used.

    Attributes
    ----------
    format
        None where the bytes are no known picture, or not a whole one.
    width_px, height_px
        As stored, before any rotation.
    pages
        As of `ImageHeader`.
    page_used
        The one that is taken, from 0; with `rgb_pages` three are taken.
    bits
        Bits of a sample that carry something, as stated; 0 where that is not known.
    note
        A few words where not all of the file is used, such as `page 1 of 5 is used`; otherwise None.
    """

    format: ImageFormat | None
    width_px: int
    height_px: int
    pages: int
    page_used: int
    bits: int
    note: str | None


def decode(data: bytes | memoryview, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image:
    """Decode a whole picture file.

    Grey, palette, RGBA and 16-bit pictures become 8-bit BGR: transparent parts white, 16 bits by the upper eight of
    those that are used. EXIF orientation is applied to JPEG, the orientation tag to TIFF. Of a TIFF with several
    pages the largest that is no reduced copy is taken (the first of equals; of focal planes of one field the
    sharpest), of a CZI the first plane, or the sharpest of its field; an OME-TIFF
    whose three channels are named red, green and blue is put together.

    Parameters
    ----------
    data
        The file's bytes: JPEG, PNG, BMP, TIFF or CZI.
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
    return _decode(data, max_pixels, one_field=False)


def _decode(data: bytes | memoryview, max_pixels: int, *, one_field: bool) -> Image:
    header = _check_header(data, max_pixels)
    if header.format == "tiff":
        return decode_tiff(data, max_pixels, one_field=one_field)
    if header.format == "czi":
        return decode_czi(data, max_pixels, one_field=one_field)
    if header.format == "png" and header.pages > 1 and one_field:
        raise FrameUnusable("several_fields", f"png of {header.pages} pictures (animated)")
    if header.format == "jpeg" and header.samples not in (1, 3):
        raise FrameUnusable("colour_unsupported", f"jpeg of {header.samples} samples a pixel (CMYK has 4)")
    if header.format == "jpeg" and bytes(data).count(_SCAN) > _MOST_SCANS:
        raise FrameUnusable("undecodable", f"jpeg of more than {_MOST_SCANS} scans")
    buffer = np.frombuffer(data, dtype=np.uint8)
    try:
        # A PNG is read as it is, for its transparency and its 16 bits; the others with their EXIF orientation applied.
        flag = cv2.IMREAD_UNCHANGED if header.format == "png" else cv2.IMREAD_COLOR
        with withheld_lines():
            raw = cv2.imdecode(buffer, flag)
    except cv2.error as error:
        raise FrameUnusable("undecodable", f"{header.format}: its pixels cannot be decoded") from error
    if raw is None:
        raise FrameUnusable("undecodable", f"the {header.format} decoder gave up")
    bgr = to_bgr(np.asarray(raw))
    return orient(bgr, _png_orientation(data)) if header.format == "png" else bgr


def _png_orientation(data: bytes | memoryview) -> int:
    """Return the orientation that a PNG's eXIf chunk states, 1 where it states none."""
    if _PNG_EXIF not in bytes(data[:_BEFORE_PIXELS]):
        return 1
    try:
        with PillowImage.open(io.BytesIO(data)) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, OSError, ValueError, TypeError):
        return 1  # the picture itself may be fine


def decode_whole(data: bytes | memoryview, *, max_pixels: int = DEFAULT_MAX_PIXELS, field: bool = True) -> Image:
    """Decode a picture in which cells are to be looked for: as `decode`, and `damaged` where a part of it is missing.

    Parameters
    ----------
    data, max_pixels
        See `decode`.
    field
        Whether it is a whole field, and no single cell.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], blue first.

    Raises
    ------
    FrameUnusable
        See its reasons.
    """
    bgr, check = decode_to_check(data, max_pixels=max_pixels, field=field)
    check()
    return bgr


def decode_to_check(
    data: bytes | memoryview, *, max_pixels: int = DEFAULT_MAX_PIXELS, field: bool = True
) -> tuple[Image, Callable[[], None]]:
    """Decode a picture as `decode_whole` does, and leave to the caller when it is looked through for missing parts.

    Parameters
    ----------
    data, max_pixels, field
        See `decode_whole`.

    Returns
    -------
    tuple
        The picture, uint8 [height, width, 3], and what looks through it: without it the picture may be damaged. It
        raises `FrameUnusable`, and only reads, so that another thread may call it.

    Raises
    ------
    FrameUnusable
        See its reasons.
    """
    header = _check_header(data, max_pixels)
    check_first = header.format in ("jpeg", "png")  # it says more of what is wrong than their libraries do
    if check_first:
        check_file(data)
    bgr = _decode(data, max_pixels, one_field=True)
    if not check_first:
        check_file(data)
    return bgr, partial(_look_through, bgr, data, header.format) if field else lambda: None


def _look_through(bgr: Image, data: bytes | memoryview, form: str | None) -> None:
    check_rows(bgr, in_blocks=form in ("jpeg", "tiff"))
    check_stripes(bgr)
    if form == "jpeg":
        check_colours(bgr, data)
    if form == "tiff":
        check_tiles(bgr, data)
    if form != "czi":  # its tiles are laid beside each other, a little off
        check_seam(bgr)


def describe(data: bytes | memoryview) -> PictureInfo:
    """Return what a picture file is and which part of it `decode` takes.

    Parameters
    ----------
    data
        The file's bytes.

    Returns
    -------
    PictureInfo
        Never raises: bytes that are no whole picture give format None.
    """
    header = probe(data)
    if not header.complete or header.format is None:
        return PictureInfo(None, 0, 0, 0, 0, 0, None)
    note = None
    bits = header.bits
    view = memoryview(data).cast("B")
    if header.format == "tiff":
        structure = read_tiff(view)
        ome = _ome(description_of(structure, structure.page_used))
        bits = (ome.significant_bits if ome is not None else 0) or bits
        try:
            used = used_pages(data, structure, DEFAULT_MAX_PIXELS)
        except FrameUnusable:
            used = (header.page_used,)
        note = _tiff_note(header, ome, used)
    elif header.format == "czi":
        bits = significant_bits(view, read_czi(view)) or bits
        note = _czi_note(data, header)
    elif header.pages > 1:
        note = f"picture 1 of {header.pages} is used"
    return PictureInfo(header.format, header.width_px, header.height_px, header.pages, header.page_used, bits, note)


def _czi_note(data: bytes | memoryview, header: ImageHeader) -> str | None:
    if header.pages == 1:
        return None
    try:
        used = used_plane(data, DEFAULT_MAX_PIXELS)
    except FrameUnusable:
        used = 0
    return f"plane {used + 1} of {header.pages} is used"


def _ome(description: bytes) -> Ome | None:
    try:
        return read_ome(description)
    except XmlUnusable:  # the picture itself may be fine; who reads the scale reports it
        return None


def _tiff_note(header: ImageHeader, ome: Ome | None, used: tuple[int, ...]) -> str | None:
    if header.pages == 1:
        return None
    pages = f"{header.pages}" if header.pages < MOST_PAGES else f"at least {header.pages}"
    several = "" if ome is None or ome.focal_planes == 1 else f" ({ome.focal_planes} focal planes)"
    if len(used) == 3:
        red, green, blue = (page + 1 for page in used)
        rest = f" of {pages}" if header.pages > 3 else ""
        return f"pages {red}, {green} and {blue}{rest} are used as red, green and blue{several}"
    return f"page {used[0] + 1} of {pages} is used{several}"


def _check_header(data: bytes | memoryview, max_pixels: int) -> ImageHeader:
    if len(data) == 0:
        raise FrameUnusable("empty_file", "0 bytes")
    header = probe(data)
    if header.format is None:
        raise FrameUnusable("not_an_image", not_read(data) or f"the file begins with {bytes(data[:8])!r}")
    if header.width_px * header.height_px > max_pixels:
        size = f"{header.width_px}x{header.height_px}"
        raise FrameUnusable("too_many_pixels", f"{size} is more than {max_pixels} pixels")
    if not header.complete:
        raise FrameUnusable("truncated", f"{header.format} of {len(data)} bytes without its end")
    if header.width_px < 1 or header.height_px < 1:
        raise FrameUnusable("undecodable", f"the {header.format} states no size")
    return header
