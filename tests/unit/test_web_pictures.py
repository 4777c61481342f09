"""Pictures of cells for the review page: the place that the finder saw, or none."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smearwatch.clients.reviewing.gallery import View
from smearwatch.clients.reviewing.pictures import NoPicture, cut_cell, whole_frame
from smearwatch.daemon.record.frame_store import FrameStore

WIDTH, HEIGHT = 120, 80
RED, X, Y = (220, 20, 20), 90, 30


def field(mode: str = "RGB") -> Image.Image:
    """Draw a grey field with one red cell."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (200, 200, 200))
    picture.paste(RED, (X - 6, Y - 6, X + 6, Y + 6))
    return picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def turned(picture: Image.Image, orientation: int) -> bytes:
    """Store a field as a camera does that was turned: other pixels, and a note how to turn them back."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    note = Image.Exif()
    note[274] = orientation
    return saved(picture.transpose(back[orientation]), "JPEG", exif=note, quality=95)


def cut(place: Path, data: bytes, size_px: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    frame = FrameStore(place).put(data)
    view = View(frame, 0, (X - 6, Y - 6, 12, 12), (float(X), float(Y)), 0.5, size_px, None)
    return np.asarray(Image.open(io.BytesIO(cut_cell(place, view, 8.0))))


@pytest.mark.parametrize(
    "data",
    [
        saved(field(), "PNG"),
        saved(field(), "JPEG", quality=95),
        saved(field(), "BMP"),
        saved(field(), "TIFF"),
        turned(field(), 3),
        turned(field(), 6),
        turned(field(), 8),
    ],
    ids=["PNG", "JPEG", "BMP", "TIFF", "upside down", "to the right", "to the left"],
)
def test_the_cell_is_in_the_middle_however_the_frame_was_stored(tmp_path: Path, data: bytes):
    picture = cut(tmp_path, data)
    assert picture.shape == (16, 16, 3)
    assert np.abs(picture[6:10, 6:10].astype(int) - RED).max() < 30


def test_beyond_the_frame_it_is_grey(tmp_path: Path):
    frame = FrameStore(tmp_path).put(saved(field(), "PNG"))
    view = View(frame, 0, (0, 0, 4, 4), (0.0, 0.0), 1.0, (WIDTH, HEIGHT), None)
    picture = np.asarray(Image.open(io.BytesIO(cut_cell(tmp_path, view, 20.0))))
    assert np.abs(picture[:8, :8].astype(int) - 128).max() < 4
    assert np.abs(picture[-8:, -8:].astype(int) - 200).max() < 4


def pages() -> bytes:
    return saved(field().resize((30, 20)), "TIFF", save_all=True, append_images=[field()])


def deep() -> bytes:
    return saved(Image.fromarray(np.full((HEIGHT, WIDTH), 900, np.uint16)), "TIFF")


@pytest.mark.parametrize(
    "make",
    [
        pages,
        deep,
        lambda: saved(field("RGBA"), "PNG"),
        lambda: saved(field("LA"), "PNG"),
        lambda: saved(field("CMYK"), "JPEG"),
        lambda: saved(field("L"), "PNG", transparency=200),
        lambda: saved(field(), "GIF"),
        lambda: saved(field().resize((60, 40)), "PNG"),
        lambda: saved(field(), "JPEG")[:400],
        lambda: saved(field(), "PNG")[:-40],
        lambda: b"",
        lambda: b"not a picture",
    ],
    ids=[
        "pages", "16 bits", "transparent", "grey and transparent", "ink", "one grey is glass", "another format",
        "another size", "half a JPEG", "half a PNG", "empty", "no picture",
    ],
)  # fmt: skip
def test_what_only_the_finder_reads_for_certain_is_not_shown(tmp_path: Path, make: Callable[[], bytes]):
    data = make()
    with pytest.raises(NoPicture):
        cut(tmp_path, data)
    with pytest.raises(NoPicture):
        whole_frame(tmp_path, "ee" * 32, (WIDTH, HEIGHT))
