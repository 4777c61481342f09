"""Read a picture file's header, from its structure alone: format, size, and whether its end is there."""

import re
import struct
from dataclasses import dataclass
from typing import Literal

from smearwatch.capture.formats.czi_structure import CZI_PIXELS, MAGIC, read_czi
from smearwatch.capture.formats.tiff_structure import SAMPLES, read_tiff

ImageFormat = Literal["jpeg", "png", "bmp", "tiff", "czi"]


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """A file's format and size.

    Attributes
    ----------
    format
        None where the bytes are no known picture.
    width_px, height_px
        As stated, before any rotation; 0 where not yet known.
    complete
        True where the structure reaches its proper end: JPEG end marker, PNG IEND, BMP size field, TIFF
        directories and the strips or tiles they point to, CZI directory and the segments it names.
    bits
        Bits of a sample that carry something, as stated; 0 where that is not known.
    samples
        Samples a pixel as stored (1 for grey or palette, 4 for CMYK or with transparency); 0 where not known.
    pages
        Pages of a TIFF, planes of a CZI, pictures of a JPEG with several (MPO) and of an animated PNG.
    page_used
        The one that is the picture and whose size is given, from 0.
    """

    format: ImageFormat | None
    width_px: int
    height_px: int
    complete: bool
    bits: int = 0
    samples: int = 0
    pages: int = 1
    page_used: int = 0


_NOTHING = ImageHeader(None, 0, 0, False)
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MPO_PICTURES, _MOST_PICTURES = 0xB001, 256
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def probe(data: bytes | memoryview) -> ImageHeader:
    """Read a picture's header without decoding it.

    Parameters
    ----------
    data
        The file's bytes, as far as they have been written.

    Returns
    -------
    ImageHeader
        Never raises: bytes that make no sense give format None or an incomplete header.
    """
    view = memoryview(data)
    if view.format != "B" or view.ndim != 1:
        view = view.cast("B")
    start = bytes(view[:8])
    try:
        if start[:3] == b"\xff\xd8\xff":
            return _jpeg(view)
        if start == _PNG_MAGIC:
            return _png(view)
        if start[:2] == b"BM" and len(view) >= 26:
            return _bmp(view)
        if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff(view)
        if bytes(view[: len(MAGIC)]) == MAGIC:
            return _czi(view)
    except (struct.error, IndexError, OverflowError):
        return _NOTHING
    return _NOTHING


def _jpeg(view: memoryview) -> ImageHeader:
    """Walk the segments to the first scan; then look for the end marker (ITU-T T.81, annex B)."""
    width = height = bits = samples = 0
    at, pages = 2, 1
    while at + 4 <= len(view):
        if view[at] != 0xFF:
            break
        marker = view[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = int.from_bytes(view[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and at + 10 <= len(view):
            bits, height, width, samples = struct.unpack(">BHHB", view[at + 4 : at + 10])
        if marker == 0xE2:
            pages = max(pages, _mpo_pictures(view[at + 4 : at + 2 + length]))
        if marker == 0xDA:
            return ImageHeader("jpeg", width, height, _jpeg_ends(view, at + 2 + length), bits, samples, pages)
        at += 2 + max(2, length)
    return ImageHeader("jpeg", width, height, False)


def _mpo_pictures(segment: memoryview) -> int:
    """Return how many pictures a JPEG's index of several states (CIPA DC-007, 5.2), 1 where it has none."""
    if bytes(segment[:4]) != b"MPF\0":
        return 1
    tiff = segment[4:]
    order: Literal["little", "big"] = "little" if bytes(tiff[:2]) == b"II" else "big"
    at = int.from_bytes(tiff[4:8], order)
    for entry in range(at + 2, at + 2 + 12 * int.from_bytes(tiff[at : at + 2], order), 12):
        if int.from_bytes(tiff[entry : entry + 2], order) == _MPO_PICTURES:
            return _plausible(int.from_bytes(tiff[entry + 8 : entry + 12], order))
    return 1


def _plausible(pictures: int) -> int:
    return min(max(1, pictures), _MOST_PICTURES)


def _jpeg_ends(view: memoryview, scan: int) -> bool:
    # Cameras pad files with zeros or append an own block after the end marker, so the marker is searched. Inside coded
    # data FF is always followed by 00 or a restart marker; between scans there are segments, whose content is skipped.
    at = scan
    while (found := _JPEG_MARKER.search(view, at)) is not None:
        if view[found.end() - 1] == 0xD9:
            return True
        at = found.end() + max(2, int.from_bytes(view[found.end() : found.end() + 2], "big"))
    return False


def _png(view: memoryview) -> ImageHeader:
    """Walk the chunks to IEND (PNG specification, 5.3)."""
    width = height = bits = samples = 0
    at, pages = 8, 1
    while at + 8 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big")
        name = bytes(view[at + 4 : at + 8])
        if name == b"IHDR" and at + 18 <= len(view):
            width, height, bits, colour = struct.unpack(">IIBB", view[at + 8 : at + 18])
            samples = _PNG_SAMPLES.get(colour, 0)
        if name == b"acTL":
            pages = _plausible(int.from_bytes(view[at + 8 : at + 12], "big"))
        at += 12 + length
        if name == b"IEND":
            return ImageHeader("png", width, height, at <= len(view), bits, samples, pages)
    return ImageHeader("png", width, height, False)


def _bmp(view: memoryview) -> ImageHeader:
    stated, offset, header_size = (
        struct.unpack("<I", view[2:6])[0],
        struct.unpack("<I", view[10:14])[0],
        struct.unpack("<I", view[14:18])[0],
    )
    if header_size == 12:
        width, height = struct.unpack("<HH", view[18:22])
        bits = struct.unpack("<H", view[24:26])[0]
        packed = False
    elif len(view) >= 34:
        width, height = struct.unpack("<ii", view[18:26])
        bits, compression = struct.unpack("<HI", view[28:34])
        packed = compression in (1, 2)
    else:
        return ImageHeader("bmp", 0, 0, False)
    width, height = abs(width), abs(height)  # a negative height means rows from the top
    rows = 0 if packed else (width * bits + 31) // 32 * 4 * height
    whole = len(view) >= max(stated, offset + rows)
    return ImageHeader("bmp", width, height, whole, min(bits, 8), max(1, bits // 8))


def _tiff(view: memoryview) -> ImageHeader:
    structure = read_tiff(view)
    if not structure.pages:
        return ImageHeader("tiff", 0, 0, False)
    used = structure.page_used
    page = structure.pages[used]
    return ImageHeader(
        "tiff",
        page.width_px,
        page.height_px,
        structure.complete,
        bits=page.bits,
        samples=page.first(SAMPLES, 1),
        pages=len(structure.pages),
        page_used=used,
    )


def _czi(view: memoryview) -> ImageHeader:
    try:
        structure = read_czi(view)
    except (struct.error, IndexError, OverflowError):
        return ImageHeader("czi", 0, 0, False)
    planes = structure.planes
    _, _, width, height = structure.box(planes[0]) if planes else (0, 0, 0, 0)
    bits, samples = CZI_PIXELS.get(structure.tiles[0].pixel_type, (0, 0)) if structure.tiles else (0, 0)
    return ImageHeader("czi", width, height, True, bits=bits, samples=samples, pages=max(1, len(planes)))
