"""Pictures of cells for the review page: the very pixels that the finder saw, or none."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.crop import cut_flat_crop
from smearwatch.capture.vision.light import measure_light
from smearwatch.clients.reviewing.gallery import View
from smearwatch.clients.reviewing.pictures import NoPicture, cell_picture, cut_cell, whole_frame
from smearwatch.daemon.record.frame_store import FrameStore
from tests.czi_files import SubBlock, czi
from tests.picture_files import tiff_pages

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
    return np.asarray(cut_cell(place, view, 8.0))


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
    picture = np.asarray(cut_cell(tmp_path, view, 20.0))
    assert np.abs(picture[:8, :8].astype(int) - 128).max() < 4
    assert np.abs(picture[-8:, -8:].astype(int) - 200).max() < 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: saved(field().resize((60, 40)), "PNG"),
        lambda: saved(field(), "GIF"),
        lambda: saved(field("CMYK"), "JPEG"),
        lambda: saved(field(), "JPEG")[:400],
        lambda: saved(field(), "PNG")[:-40],
        lambda: b"",
        lambda: b"not a picture",
    ],
    ids=["another size", "another format", "ink", "half a JPEG", "half a PNG", "empty", "no picture"],
)
def test_what_the_finder_did_not_see_so_is_not_shown(tmp_path: Path, make: Callable[[], bytes]):
    data = make()
    with pytest.raises(NoPicture):
        cut(tmp_path, data)
    with pytest.raises(NoPicture):
        whole_frame(tmp_path, "ee" * 32, (WIDTH, HEIGHT))


def test_a_frame_that_was_changed_since_is_not_shown(tmp_path: Path):
    data = saved(field(), "PNG")
    FrameStore(tmp_path).path(FrameStore(tmp_path).put(data)).write_bytes(saved(field().rotate(180), "PNG"))
    with pytest.raises(NoPicture):
        cut(tmp_path, data)


def forms_of(bgr: np.ndarray) -> dict[str, bytes]:
    """Store a field in forms that browsers do not show, and that picture libraries read in one way or another."""
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    deep, half = rgb.astype(np.uint16) * 257, bgr.shape[1] // 2
    return {
        "CZI": czi(SubBlock(bgr)),
        "CZI of tiles": czi(SubBlock(bgr[:, :half].copy()), SubBlock(bgr[:, half:].copy(), at=(half, 0), number=1)),
        "TIFF of 16 bits and many pages": tiff_pages((deep[::4, ::4].copy(), {}), *[(deep, {})] * 3),
        "PNG of 16 bits": encode(deep[..., ::-1].copy()),
        "PNG with a clear part": encode(np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])),
        "JPEG": saved(Image.fromarray(rgb), "JPEG", quality=90),
    }


def encode(bgr: np.ndarray) -> bytes:
    done, png = cv2.imencode(".png", bgr)
    assert done
    return png.tobytes()


def test_what_is_shown_are_the_pixels_out_of_which_the_crop_was_cut_for_the_networks(tmp_path: Path):
    slide = Slide(7, um_per_px=0.1, width_px=900, height_px=600)
    fields = (slide.field(index).bgr for index in range(9))
    bgr = next(each for each in fields if any(cell.crop_bgr is not None for cell in searched(encode(each)).cells))
    for form, data in forms_of(bgr).items():
        found = searched(data)
        cell = next(each for each in found.cells if each.crop_bgr is not None)
        where, size_px = cell.leukocyte, (found.width_px, found.height_px)
        frame = FrameStore(tmp_path / "frames").put(data)
        view = View(frame, cell.index, where.box, where.centre_xy_px, 0.1, size_px, None)
        shown = np.asarray(cut_cell(tmp_path / "frames", view, 200.0))[..., ::-1]  # the whole field, and grey around it
        left, top = (-round(middle - shown.shape[0] / 2) for middle in where.centre_xy_px)
        whole = np.ascontiguousarray(shown[top : top + size_px[1], left : left + size_px[0]])
        assert cell.crop_bgr is not None
        crop = cut_flat_crop(whole, measure_light(whole, 0.1), where.centre_xy_px, 0.1)
        assert np.array_equal(crop, cell.crop_bgr), form
        sent = np.asarray(Image.open(io.BytesIO(cell_picture(tmp_path, view, 22.0) or b"")))
        assert np.array_equal(sent, np.asarray(cut_cell(tmp_path / "frames", view, 22.0))), form


def searched(data: bytes) -> FieldFound:
    found = find(data, um_per_px=0.1, um_per_px_source=None)
    assert isinstance(found, FieldFound)
    return found
