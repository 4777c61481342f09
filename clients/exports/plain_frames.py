"""A frame's file without anything but its picture: no EXIF, no comments, no description, the same pixels.

A JPEG keeps its compressed picture and loses every segment and table that is not needed to decode it; every other
format, and a JPEG whose picture would change by that, is written anew as PNG. The finder's own reader decodes both
files, and no file is used whose pixels are not the same.
"""

import io
from typing import Final

from smearwatch.clients.exports.plain_jpeg import stripped_jpeg
from smearwatch.daemon.process.questions import NoAnswer, Questions

_READER: Final = Questions("smearwatch.capture.formats.frames_shown", longest_s=60.0)
_MOST_PIXELS: Final = 1_000_000_000  # the finder's limit, at its largest
_Picture = tuple[tuple[int, int], bytes]


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
    stripped = stripped_jpeg(data)
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
