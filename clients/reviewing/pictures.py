"""Pictures of cells for a reader, at the frame's own sharpness: cut from the stored frame, no pixel made up.

Frames are read by Pillow, for clients load no OpenCV. The finder reads them in another way; so a frame is shown here
only where both surely see the same, and the small picture in the record stands for all others.
"""

import io
import struct
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from smearwatch.clients.reviewing.gallery import View
from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError
from smearwatch.daemon.record.reading import LedgerReader

FIELDS_UM: Final = {"near": 22.0, "crop": 33.0, "far": 66.0}
"""How much of a frame is shown around a cell, as the side of a square."""

_FRAMES_AT_HAND: Final = 2
_MOST_PIXELS: Final = 150_000_000
_QUALITY: Final = 95
_BEYOND: Final = (128, 128, 128)
_FORMATS: Final = ("JPEG", "PNG", "BMP", "TIFF")
_BITS_A_SAMPLE: Final = 258  # the TIFF tag
_DECODING = Lock()  # one frame at a time: a large one takes hundreds of megabytes
_UNREADABLE: Final = (
    FrameStoreError,
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    OverflowError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class NoPicture(Exception):
    """A frame that is not shown here: only the finder reads it for certain, or it is damaged or gone."""


def cell_picture(folder: Path, view: View, side_um: float) -> bytes | None:
    """Return a square around a cell of a session as JPEG, or its small picture in the record; None without either.

    Raises
    ------
    LedgerUnusable
        The record cannot be read.
    """
    try:
        return cut_cell(folder / "frames", view, side_um)
    except NoPicture:
        with LedgerReader.read(folder) as ledger:
            return ledger.thumbnail(view.frame, view.index)


def cut_cell(frames: Path, view: View, side_um: float) -> bytes:
    """Return a square around a cell as JPEG, its side in um; what lies beyond the frame is grey.

    Raises
    ------
    NoPicture
        The frame cannot be shown.
    """
    with _DECODING:
        frame = _frame(frames, view.frame, view.size_px)
    side_px = max(round(side_um / view.um_per_px), 8)
    left, top = (round(centre - side_px / 2) for centre in view.centre_xy_px)
    square = Image.new("RGB", (side_px, side_px), _BEYOND)
    square.paste(frame, (-left, -top))
    return _jpeg(square)


def whole_frame(frames: Path, frame: str, size_px: tuple[int, int]) -> bytes:
    """Return a whole frame as JPEG; raises `NoPicture` where it cannot be shown."""
    with _DECODING:
        return _jpeg(_frame(frames, frame, size_px))


@lru_cache(maxsize=_FRAMES_AT_HAND)
def _frame(frames: Path, frame: str, size_px: tuple[int, int]) -> Image.Image:
    """Read a frame that the finder saw in this size, upright and in plain colours."""
    try:
        data = FrameStore(frames).read(frame)
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            if not _is_plain(picture):
                raise NoPicture(frame)
            upright = ImageOps.exif_transpose(picture) if picture.format == "JPEG" else picture
            if upright.size != size_px:
                raise NoPicture(frame)
            return upright.convert("RGB")
    except _UNREADABLE as error:
        raise NoPicture(frame) from error


def _is_plain(picture: Image.Image) -> bool:
    """Return whether a picture has one page of 8-bit grey or colour, without transparency, and is not too large."""
    if picture.width * picture.height > _MOST_PIXELS or picture.mode not in ("L", "RGB"):
        return False
    if getattr(picture, "n_frames", 1) != 1 or "transparency" in picture.info:
        return False
    if picture.format == "TIFF":
        bits = picture.getexif().get(_BITS_A_SAMPLE, 8)
        return set(bits if isinstance(bits, tuple) else (bits,)) == {8}
    return True


def _jpeg(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY, subsampling=0)
    return data.getvalue()
