"""A frame's file without anything but its picture: no EXIF, no comments, no description, the same pixels.

A JPEG keeps its compressed picture and loses every segment that is not needed to decode it; every other format, and a
JPEG whose picture would change by that, is written anew as PNG. The finder's own reader decodes both files, and no file
is used whose pixels are not the same.
"""

import io
from typing import Final

from smearwatch.daemon.process.questions import NoAnswer, Questions

_READER: Final = Questions("smearwatch.capture.formats.frames_shown", longest_s=60.0)
_MOST_PIXELS: Final = 1_000_000_000  # the finder's limit, at its largest
_Picture = tuple[tuple[int, int], bytes]

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_OF_PICTURES: Final = (0xC0, 0xC1, 0xC2, 0xC4, _SOS, 0xDB, 0xDD)
"""What a picture is made of: frame, tables, scans. A file with anything else is written anew."""
_RESTARTS: Final = range(0xD0, 0xD8)
_APPLICATION: Final = range(0xE0, 0xF0)
_COMMENT: Final = 0xFE
_SAYS_COLOURS: Final = {0xE0: (b"JFIF\0", 14), 0xEE: (b"Adobe", 12)}
"""Segments that say how colours are coded: how they begin, and how much of them says that; a preview may follow."""


class FrameNotPlain(Exception):
    """A frame whose pixels would not be the same without its metadata."""

    hint = "export it without frames: --option frames=no"


def plain_frame(data: bytes) -> bytes | None:
    """Return a frame's file without its metadata, None for one that cannot be decoded.

    Raises
    ------
    FrameNotPlain
        It cannot be written without them.
    """
    before = _decoded(data)
    if before is None:
        return None
    stripped = _stripped_jpeg(data)
    if stripped is not None and _decoded(stripped) == before:
        return stripped
    written = _png(before)
    if _decoded(written) != before:
        raise FrameNotPlain("a frame's pixels change when its metadata are taken out")
    return written


def close() -> None:
    """End the program that decodes."""
    _READER.close()


def _decoded(data: bytes) -> _Picture | None:
    try:
        said, pixels = _READER.ask({"max_pixels": _MOST_PIXELS}, data)
    except NoAnswer as error:
        raise FrameNotPlain("a frame could not be decoded in time") from error
    return ((said["width_px"], said["height_px"]), pixels) if pixels else None


def _png(picture: _Picture) -> bytes:
    from PIL import Image

    size, pixels = picture
    written = io.BytesIO()
    Image.frombuffer("RGB", size, pixels).save(written, "PNG")
    return written.getvalue()


def _stripped_jpeg(data: bytes) -> bytes | None:
    """Return a JPEG without what is not its picture, None where it is none."""
    if data[:2] != bytes((0xFF, _SOI)):
        return None
    kept, at = bytearray(data[:2]), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filled up
            at += 1
            continue
        if marker == _EOI:
            return bytes(kept + data[at : at + 2])
        if marker not in _OF_PICTURES and marker not in _APPLICATION and marker != _COMMENT:
            return None
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += _kept_segment(marker, data[at + 4 : end])
        at = end
        if marker == _SOS:
            scan_end = _end_of_scan(data, end)
            kept += data[end:scan_end]
            at = scan_end
    return bytes(kept + data[at : at + 2]) if data[at : at + 2] == bytes((0xFF, _EOI)) else None


def _kept_segment(marker: int, content: bytes) -> bytes:
    if marker in _SAYS_COLOURS:
        begins, length = _SAYS_COLOURS[marker]
        if not content.startswith(begins) or len(content) < length:
            return b""
        content = content[:length]
        if marker == 0xE0:
            content = content[:12] + b"\0\0"  # no preview
    elif marker in _APPLICATION or marker == _COMMENT:
        return b""
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the next marker stands that is none of the scan's own."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (0, 0xFF, *_RESTARTS):
            return at
        at += 2 if data[at + 1] != 0xFF else 1
    return len(data)
