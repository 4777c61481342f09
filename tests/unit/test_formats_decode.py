"""Every format the camera software may write, whole or torn, small or impossible."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from smearwatch.capture.formats.decode import FrameUnusable, decode, probe

HEIGHT, WIDTH = 48, 64


def _picture():
    """Left half stained violet, right half background; blue first."""
    bgr = np.full((HEIGHT, WIDTH, 3), (230, 235, 240), np.uint8)
    bgr[:, : WIDTH // 2] = (150, 40, 90)
    return bgr


def _saved(kind, bgr=None, **options):
    out = io.BytesIO()
    Image.fromarray((_picture() if bgr is None else bgr)[..., ::-1]).save(out, kind, **options)
    return out.getvalue()


def _tiff(pixels, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


RGB = _picture()[..., ::-1].copy()
GREY = _picture()[..., 1].copy()
WHOLE = {
    "jpeg": _saved("JPEG", quality=95),
    "jpeg progressive": _saved("JPEG", quality=95, progressive=True),
    "jpeg with zeros behind": _saved("JPEG", quality=95) + bytes(100),
    "png": _saved("PNG"),
    "bmp": _saved("BMP"),
    "tiff": _tiff(RGB, photometric="rgb"),
    "tiff lzw": _tiff(RGB, photometric="rgb", compression="lzw"),
    "tiff lzw in strips": _tiff(RGB, photometric="rgb", compression="lzw", rowsperstrip=7),
    "tiff tiled": _tiff(RGB, photometric="rgb", tile=(16, 16)),
    "tiff big-endian": _tiff(RGB, photometric="rgb", byteorder=">"),
    "tiff 16 bit": _tiff(RGB.astype(np.uint16) << 8, photometric="rgb"),
    "tiff planes": _tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate"),
    "bigtiff": _tiff(RGB, photometric="rgb", bigtiff=True),
    "tiff of two pages": _tiff(np.stack([RGB, RGB[::-1]]), photometric="rgb"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_pictures_come_out_blue_first(name):
    header = probe(WHOLE[name])
    assert (header.format, header.width_px, header.height_px) == (name.split()[0].replace("big", ""), WIDTH, HEIGHT)
    assert header.complete

    bgr = decode(WHOLE[name])

    assert bgr.dtype == np.uint8
    assert bgr.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(bgr.astype(int) - _picture()).mean() < 2.0
    assert np.abs(bgr[20, 10].astype(int) - (150, 40, 90)).max() < 8


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_tiff(GREY), GREY),
        (_tiff(GREY.astype(np.uint16) << 4), GREY),  # a 12-bit camera
        (_tiff(255 - GREY, photometric="miniswhite"), GREY),
        (cv2.imencode(".png", GREY)[1].tobytes(), GREY),
        (cv2.imencode(".png", GREY.astype(np.uint16) << 8)[1].tobytes(), GREY),
        (cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes(), GREY),
    ],
    ids=["tiff 8", "tiff 12 of 16", "tiff white is zero", "png 8", "png 16", "jpeg"],
)
def test_grey_pictures_get_three_equal_channels(data, expected):
    bgr = decode(data)
    assert np.array_equal(bgr[..., 0], bgr[..., 2])
    assert np.abs(bgr[..., 1].astype(int) - expected).max() <= 3


def test_transparent_parts_become_white():
    rgba = np.dstack([RGB, np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:10, :, 3] = 0
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    for data in (out.getvalue(), _tiff(rgba, photometric="rgb", extrasamples=["unassalpha"])):
        bgr = decode(data)
        assert (bgr[:10] == 255).all()
        assert np.array_equal(bgr[10:], _picture()[10:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation):
    marked = _picture()
    marked[:8, :8] = 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = decode(_saved("JPEG", marked, quality=98, subsampling=0, exif=exif))
    tiff = decode(_tiff(marked[..., ::-1].copy(), photometric="rgb", extratags=[(274, "H", 1, orientation, True)]))
    assert jpeg.shape == tiff.shape
    assert np.abs(jpeg.astype(int) - tiff).mean() < 2.0
    swapped = orientation >= 5
    assert jpeg.shape[:2] == ((WIDTH, HEIGHT) if swapped else (HEIGHT, WIDTH))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert jpeg[corner[orientation]].max() < 40


@pytest.mark.parametrize("name", [name for name in WHOLE if "zeros" not in name])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
def test_torn_pictures_are_never_half_used(name, kept):
    torn = WHOLE[name][: int(len(WHOLE[name]) * kept)]
    assert not probe(torn).complete
    with pytest.raises(FrameUnusable) as caught:
        decode(torn)
    assert caught.value.reason in ("truncated", "not_an_image")


@pytest.mark.parametrize("name", ["jpeg", "png", "bmp", "tiff lzw"])
def test_space_that_was_reserved_but_not_written_is_no_end(name):
    whole = WHOLE[name]
    reserved = whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    if name == "bmp" or name == "tiff lzw":  # their structure cannot tell; the decoder or the settle time must
        assert probe(reserved).format in ("bmp", "tiff")
    else:
        assert not probe(reserved).complete


def _giant_png():
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"these are words, not light", "not_an_image"),
        (b"\xff\xd8\xff", "truncated"),
        (_giant_png(), "too_many_pixels"),
        (WHOLE["png"][:60] + b"\0\0\0\0" + WHOLE["png"][64:], "undecodable"),
        (b"GIF89a" + bytes(200), "not_an_image"),
    ],
    ids=["empty", "text", "stub", "giant", "damaged", "gif"],
)
def test_unusable_files_say_why_and_how_to_mend(data, reason):
    with pytest.raises(FrameUnusable) as caught:
        decode(data, max_pixels=64_000_000)
    assert caught.value.reason == reason
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_telephone_s_picture_under_the_name_of_a_jpeg_is_named():
    with pytest.raises(
        FrameUnusable, match="it is HEIC, which is not read: set the camera or telephone to JPEG"
    ) as caught:
        decode(b"\0\0\0\x18ftypheic" + bytes(500))
    assert caught.value.reason == "not_an_image"


def test_size_is_judged_before_decoding():
    with pytest.raises(FrameUnusable, match="too_many_pixels: 64x48 is more than 3071 pixels"):
        decode(WHOLE["jpeg"], max_pixels=3071)
    assert decode(WHOLE["jpeg"], max_pixels=3072).shape == (HEIGHT, WIDTH, 3)


def test_garbage_never_raises():
    rng = np.random.default_rng(3)
    for whole in WHOLE.values():
        for _ in range(60):
            damaged = bytearray(whole[: int(rng.integers(1, len(whole) + 1))])
            for at in rng.integers(0, len(damaged), 6):
                damaged[at] = rng.integers(0, 256)
            probe(memoryview(bytes(damaged)))


def test_probe_reads_a_memoryview():
    assert probe(memoryview(WHOLE["jpeg"])) == probe(WHOLE["jpeg"])
    assert decode(memoryview(WHOLE["tiff lzw"])).shape == (HEIGHT, WIDTH, 3)
