"""Pictures of cells for a reader, at the frame's own sharpness: cut from the stored frame, no pixel made up.

A frame is decoded as the finder decodes it, by the same reader in a process of its own (for clients load no OpenCV), so
what is shown are the very pixels in which the cell was found. Where a frame is damaged or gone the small picture in the
record stands for it.
"""

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

from PIL import Image

from smearwatch.clients.reviewing.gallery import View
from smearwatch.daemon.process.questions import NoAnswer, Questions
from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError
from smearwatch.daemon.record.reading import LedgerReader

FIELDS_UM: Final = {"near": 22.0, "crop": 33.0, "far": 66.0}
"""How much of a frame is shown around a cell, as the side of a square."""

_FRAMES_AT_HAND: Final = 2
_MOST_PIXELS: Final = 1_000_000_000  # the finder's limit, at its largest
_DECODED_S: Final = 60.0
_QUALITY: Final = 95
_BEYOND: Final = (128, 128, 128)
_ONE_AT_A_TIME = Lock()  # a large frame takes hundreds of megabytes, and many wait for the same one
_READER: Final = Questions("smearwatch.capture.formats.frames_shown", longest_s=_DECODED_S)


class NoPicture(Exception):
    """A frame that is not shown: it is damaged or gone."""


def cell_picture(folder: Path, view: View, side_um: float, *, exact: bool = True) -> bytes | None:
    """Return a square around a cell of a session, or its small picture in the record; None without either.

    Parameters
    ----------
    exact
        Whether it is a PNG, every pixel as the finder saw it, and not a JPEG.

    Raises
    ------
    LedgerUnusable
        The record cannot be read.
    """
    try:
        picture = cut_cell(folder / "frames", view, side_um)
    except NoPicture:
        with LedgerReader.read(folder) as ledger:
            return ledger.thumbnail(view.frame, view.index)
    if not exact:
        return _jpeg(picture)
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=1)
    return data.getvalue()


def cut_cell(frames: Path, view: View, side_um: float) -> Image.Image:
    """Return a square around a cell, its side in um; what lies beyond the frame is grey. Raises `NoPicture`."""
    with _ONE_AT_A_TIME:
        frame = _frame(frames, view.frame, view.size_px)
    side_px = max(round(side_um / view.um_per_px), 8)
    left, top = (round(centre - side_px / 2) for centre in view.centre_xy_px)
    square = Image.new("RGB", (side_px, side_px), _BEYOND)
    square.paste(frame, (-left, -top))
    return square


def whole_frame(frames: Path, frame: str, size_px: tuple[int, int]) -> bytes:
    """Return a whole frame as JPEG; raises `NoPicture`."""
    with _ONE_AT_A_TIME:
        decoded = _frame(frames, frame, size_px)
    return _jpeg(decoded)


@lru_cache(maxsize=_FRAMES_AT_HAND)
def _frame(frames: Path, frame: str, size_px: tuple[int, int]) -> Image.Image:
    """Read a frame in which the finder looked in this size."""
    try:
        data = FrameStore(frames).read(frame)
        if hashlib.sha256(data).hexdigest() != frame:  # not what the finder saw
            raise NoPicture(frame)
        said, pixels = _READER.ask({"max_pixels": _MOST_PIXELS}, data)
    except (FrameStoreError, NoAnswer) as error:
        raise NoPicture(frame) from error
    if (said.get("width_px"), said.get("height_px")) != size_px:
        raise NoPicture(frame)
    return Image.frombuffer("RGB", size_px, pixels)


def _jpeg(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY, subsampling=0)
    return data.getvalue()
