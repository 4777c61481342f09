"""Tiles that were never written make a tiled TIFF damaged; black that belongs to the picture does not."""

import io

import cv2
import numpy as np
import pytest
import tifffile

from smearwatch.capture.formats.decode import decode, decode_whole
from smearwatch.capture.formats.holes import flaw_of_tiles
from smearwatch.capture.formats.unusable import FrameUnusable

TILE = 64


@pytest.fixture(scope="module")
def picture():
    made = np.random.default_rng(2)
    smooth = cv2.GaussianBlur(made.integers(60, 240, (300, 480, 3)).astype(np.uint8), (0, 0), 6)
    return np.clip(smooth + made.normal(0, 2.0, smooth.shape), 0, 255).astype(np.uint8)


def tiled(picture, empty=(), byte=0):
    """A plain tiled TIFF, of which some tiles are overwritten with one byte."""
    file = io.BytesIO()
    tifffile.imwrite(file, picture, photometric="rgb", tile=(TILE, TILE))
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
        page = tiff.pages[0]
        for number in empty:
            at, size = page.dataoffsets[number], page.databytecounts[number]
            data[at : at + size] = bytes([byte]) * size
    return bytes(data)


@pytest.mark.parametrize(
    "empty", [(7, 15, 23, 31, 39), (6, 7, 15, 23, 31, 39), (0,), (7,), (39,), (17, 18, 26), (10, 29)]
)
@pytest.mark.parametrize("byte", [0, 255, 128, 229])
def test_tiles_that_were_never_written(picture, empty, byte):
    data = tiled(picture, empty, byte)
    assert decode(data).shape == picture.shape
    with pytest.raises(FrameUnusable) as refused:
        decode_whole(data)
    assert refused.value.reason == "damaged"
    assert "tiles are empty" in str(refused.value)


def test_whole_pictures_with_black_in_them(picture):
    round_, framed, window, spot = (picture.copy() for _ in range(4))
    y, x = np.ogrid[:300, :480]
    round_[(y - 150) ** 2 + (x - 240) ** 2 > 140**2] = 0
    framed[:TILE] = framed[:, :TILE] = framed[-TILE:] = 0
    window[:, : 2 * TILE] = window[:, -TILE:] = 0
    spot[60:200, 100:290] = 0
    for whole in (picture, round_, framed, window, spot, np.zeros_like(picture)):
        assert flaw_of_tiles(whole, TILE, TILE) is None
    assert decode_whole(tiled(round_)).shape == picture.shape


def test_bars_amid_the_picture_are_holes_and_glass_that_is_burnt_out_is_none(picture):
    for colour in (0, 90, 255):
        bar = picture.copy()
        bar[2 * TILE : 3 * TILE] = colour
        assert flaw_of_tiles(bar, TILE, TILE) == "8 of 40 tiles are empty, from x 0, y 128 on"
    burnt = np.clip(picture.astype(int) * 2, 0, 255).astype(np.uint8)
    burnt[20:200, 30:400] = 255
    burnt[200:206, 30:400] = 250
    assert (burnt[TILE : 2 * TILE, TILE : 2 * TILE] == 255).all()
    assert flaw_of_tiles(burnt, TILE, TILE) is None


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_a_smooth_ground_that_jpeg_made_even_is_no_hole(quality):
    slope = np.tile(np.linspace(190, 240, 480).astype(np.uint8), (300, 1))
    jpeg = cv2.imencode(".jpg", np.dstack([slope] * 3), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    even = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    assert all(flaw_of_tiles(even, tile, tile) is None for tile in (16, 32, 64))


def test_where_the_hole_is(picture):
    hole = picture.copy()
    hole[TILE : 2 * TILE, 3 * TILE : 5 * TILE] = 0
    assert flaw_of_tiles(hole, TILE, TILE) == "2 of 40 tiles are empty, from x 192, y 64 on"
