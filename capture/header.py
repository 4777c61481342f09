"""What a picture file says of itself, read from its structure alone: format, size, and whether its end is there."""

import struct
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["jpeg", "png", "bmp", "tiff"]


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
        directories and the strips or tiles they point to.
    """

    format: ImageFormat | None
    width_px: int
    height_px: int
    complete: bool


_NOTHING = ImageHeader(None, 0, 0, False)
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TIFF_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_TIFF_PAGES_LOOKED_AT = 64


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
            return _Tiff(view).header()
    except (struct.error, IndexError, OverflowError):
        return _NOTHING
    return _NOTHING


def _jpeg(view: memoryview) -> ImageHeader:
    """Walk the segments to the first scan; then look for the end marker (ITU-T T.81, annex B)."""
    width = height = 0
    at = 2
    while at + 4 <= len(view):
        if view[at] != 0xFF:
            break
        marker = view[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = int.from_bytes(view[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and at + 9 <= len(view):
            height, width = struct.unpack(">HH", view[at + 5 : at + 9])
        if marker == 0xDA:
            return ImageHeader("jpeg", width, height, _jpeg_ends(view, at + 2 + length))
        at += 2 + max(2, length)
    return ImageHeader("jpeg", width, height, False)


def _jpeg_ends(view: memoryview, scan: int) -> bool:
    # Cameras pad files with zeros or append an own block after the end marker, so the marker is searched; inside
    # coded data FF is always followed by 00 or a restart marker, so FF D9 after the first scan is the true end.
    return bytes(view[scan:]).find(b"\xff\xd9") >= 0


def _png(view: memoryview) -> ImageHeader:
    """Walk the chunks to IEND (PNG specification, 5.3)."""
    width = height = 0
    at = 8
    while at + 8 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big")
        name = bytes(view[at + 4 : at + 8])
        if name == b"IHDR" and at + 16 <= len(view):
            width, height = struct.unpack(">II", view[at + 8 : at + 16])
        at += 12 + length
        if name == b"IEND":
            return ImageHeader("png", width, height, at <= len(view))
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
    return ImageHeader("bmp", width, height, len(view) >= max(stated, offset + rows))


class _Tiff:
    """Reader of TIFF 6.0 and BigTIFF directories, as far as completeness needs it."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.order = "<" if view[0] == 0x49 else ">"
        self.big = view[2] == 43 or view[3] == 43

    def number(self, code: str, at: int) -> int:
        size = struct.calcsize(code)
        return int(struct.unpack(self.order + code, self.view[at : at + size])[0])

    def header(self) -> ImageHeader:
        width = height = 0
        complete = True
        offset = self.number("Q", 8) if self.big else self.number("I", 4)
        seen: set[int] = set()
        while offset and offset not in seen and len(seen) < _TIFF_PAGES_LOOKED_AT:
            first = not seen
            seen.add(offset)
            try:
                tags, offset = self.directory(offset)
                if first:
                    width, height = (tags.get(256) or [0])[0], (tags.get(257) or [0])[0]
                complete = complete and self.strips_inside(tags)
            except (struct.error, IndexError):
                return ImageHeader("tiff", width, height, False)
        return ImageHeader("tiff", width, height, complete and bool(seen))

    def directory(self, offset: int) -> tuple[dict[int, list[int]], int]:
        """Integer tags of one directory, and where the next one is (0: none)."""
        count = self.number("Q" if self.big else "H", offset)
        first = offset + (8 if self.big else 2)
        entry = 20 if self.big else 12
        end = first + count * entry
        following = self.number("Q" if self.big else "I", end)  # raises where the directory is cut off
        tags: dict[int, list[int]] = {}
        for at in range(first, end, entry):
            tag, kind = self.number("H", at), self.number("H", at + 2)
            values = self.number("Q" if self.big else "I", at + 4)
            size = _TIFF_SIZES.get(kind, 1) * values
            inline = 8 if self.big else 4
            start = at + (12 if self.big else 8)
            if size > inline:
                start = self.number("Q" if self.big else "I", start)
            if start + size > len(self.view):
                raise IndexError(f"values of tag {tag} lie outside the file")
            if tag in (256, 257, 273, 279, 324, 325) and kind in _TIFF_INTEGERS:
                code = f"{self.order}{values}{_TIFF_INTEGERS[kind]}"
                tags[tag] = list(struct.unpack(code, self.view[start : start + size]))
        return tags, following

    def strips_inside(self, tags: dict[int, list[int]]) -> bool:
        offsets = tags.get(273) or tags.get(324) or []
        lengths = tags.get(279) or tags.get(325) or []
        if not offsets or len(offsets) != len(lengths):
            return False
        return all(0 < o and o + n <= len(self.view) for o, n in zip(offsets, lengths, strict=True))
