"""Pictures of cells for the page, at the frame's own sharpness: cut from the stored frame, no pixel made up."""

import io
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from smearwatch.clients.web.gallery import View
from smearwatch.daemon.record.frame_store import FrameStore, FrameStoreError

_FRAMES_AT_HAND: Final = 4
_MOST_PIXELS: Final = 200_000_000
_QUALITY: Final = 95
_BEYOND: Final = (128, 128, 128)


class NoPicture(Exception):
    """A frame that cannot be shown here: its format is one that only the finder reads, or it is damaged or gone."""


def cut_cell(frames: Path, view: View, side_um: float) -> bytes:
    """Return a square around a cell as JPEG, its side in µm; what lies beyond the frame is grey.

    Raises
    ------
    NoPicture
        The frame cannot be shown.
    """
    frame = _frame(frames, view.frame)
    side_px = max(round(side_um / view.um_per_px), 8)
    left, top = (round(centre - side_px / 2) for centre in view.centre_xy_px)
    square = Image.new("RGB", (side_px, side_px), _BEYOND)
    square.paste(frame, (-left, -top))
    return _jpeg(square)


def whole_frame(frames: Path, frame: str) -> bytes:
    """Return a whole frame as JPEG; raises `NoPicture` where it cannot be shown."""
    return _jpeg(_frame(frames, frame))


@lru_cache(maxsize=_FRAMES_AT_HAND)
def _frame(frames: Path, frame: str) -> Image.Image:
    try:
        data = FrameStore(frames).read(frame)
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise NoPicture(frame)
            if picture.mode.startswith(("I", "F")):
                raise NoPicture(frame)  # deeper than 8 bits
            return picture.convert("RGB")
    except (FrameStoreError, UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise NoPicture(frame) from error


def _jpeg(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY, subsampling=0)
    return data.getvalue()
