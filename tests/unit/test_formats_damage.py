"""Pictures that decode although a part of them is missing are refused; whole ones of odd make are not."""

import io
import random
import struct
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from smearwatch.capture.formats.damage import flaw_of_jpeg, flaw_of_rows
from smearwatch.capture.formats.decode import decode, decode_whole
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.slide.slide import Slide

JUNK = bytes(random.Random(7).randrange(255) for _ in range(2000))


@pytest.fixture(scope="module")
def picture():
    """A field with the noise of a camera."""
    made = np.random.default_rng(2)
    smooth = cv2.GaussianBlur(made.integers(60, 240, (300, 480, 3)).astype(np.uint8), (0, 0), 6)
    return np.clip(smooth + made.normal(0, 2.0, smooth.shape), 0, 255).astype(np.uint8)


def encoded(picture, kind, *options) -> bytes:
    return cv2.imencode(kind, picture, list(options))[1].tobytes()


def put(data, at, what):
    return data[:at] + what + data[at + len(what) :]


def refusal(data):
    """Return why a picture is refused; it has to be one that decodes."""
    assert decode(data).shape[2] == 3
    with pytest.raises(FrameUnusable) as caught:
        decode_whole(data)
    return caught.value.reason


SAMPLING = {"420": 0x221111, "422": 0x211111, "444": 0x111111, "440": 0x121111}


def test_bits_that_were_changed_so_that_all_colours_are_off_from_there_on(picture):
    """Of those that libjpeg-turbo does not see."""
    made = random.Random(4)
    off = caught = 0
    for sampling in SAMPLING.values():
        data = encoded(picture, ".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
        whole = decode_whole(data)
        for _ in range(150):
            changed = bytearray(data)
            changed[made.randrange(700, len(data) * 2 // 3)] ^= 1 << made.randrange(8)
            if flaw_of_jpeg(bytes(changed)) is not None:
                continue
            below = decode(bytes(changed))[-8:].astype(int) - whole[-8:]
            if np.abs(np.median(below, axis=(0, 1))).max() < 12:
                continue
            off += 1
            try:
                decode_whole(bytes(changed))
            except FrameUnusable as refused:
                caught += "all colours are off from x" in refused.detail
    assert off >= 25
    assert caught >= 0.75 * off


def test_steps_that_are_of_the_picture_are_no_damage(picture):
    bar, half, frame = (picture.copy() for _ in range(3))
    bar[:64] = 20
    half[160:, 200:] = half[160:, 200:] // 2
    frame[:32] = frame[-32:] = frame[:, :32] = frame[:, -32:] = 200
    rows = np.clip(picture.astype(int) + np.where(np.arange(300) % 2, 8, 0)[:, None, None], 0, 255).astype(np.uint8)
    for whole in (picture, bar, half, frame, rows):
        assert decode_whole(encoded(whole, ".jpg")).shape == picture.shape


def test_reasons_are_in_plain_words(picture):
    jpg, png, file = encoded(picture, ".jpg"), encoded(picture, ".png"), io.BytesIO()
    tifffile.imwrite(file, picture, photometric="rgb", compression="lzw")
    tif = file.getvalue()
    at = png.index(b"IDAT") + 4 + struct.unpack(">I", png[png.index(b"IDAT") - 4 : png.index(b"IDAT")])[0]
    words = {
        jpg[: len(jpg) // 2] + b"\xff\xd9": "jpeg: its data ends too early, or a part of it is missing",
        put(png, at, bytes(4)): "png: a part of its data was changed: its checksum is wrong",
        put(tif, len(tif) // 2, b"\xff" * 4000): "tiff: its pixels cannot be unpacked: broken data",
    }
    for data, said in words.items():
        with pytest.raises(FrameUnusable) as refused:
            decode_whole(data)
        assert refused.value.detail == said
        assert refused.value.hint.startswith("copy the file again")


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("how", ["cut and closed", "zeros inside", "junk inside"])
def test_a_jpeg_with_something_missing(picture, how, progressive):
    data = encoded(picture, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    half = len(data) // 2
    damaged = {
        "cut and closed": data[:half] + b"\xff\xd9",
        "zeros inside": put(data, half, bytes(1000)),
        "junk inside": put(data, half, JUNK[:1000]),
    }[how]
    assert refusal(damaged) == "damaged"


@pytest.mark.parametrize(
    "options",
    [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_QUALITY, 30), (cv2.IMWRITE_JPEG_RST_INTERVAL, 3)],
)
def test_whole_jpegs_of_odd_make(picture, options):
    data = encoded(picture, ".jpg", *options)
    for whole in (
        data,
        data + b"camera's own words",
        data[:-2] + bytes(40) + data[-2:],
        encoded(picture[..., 0], ".jpg"),
    ):
        assert decode_whole(whole).shape == picture.shape


@pytest.mark.parametrize("how", ["junk", "zeros", "checksum", "length"])
def test_a_png_that_is_broken_is_damaged_and_no_library_writes_of_it(picture, capfd, how):
    data = encoded(picture, ".png")
    assert decode_whole(data).shape == picture.shape
    at = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[at - 8 : at - 4])[0]
    broken = {
        "junk": put(data, at + length - 20, JUNK[:8]),
        "zeros": put(data, at + length // 2, bytes(length // 4)),
        "checksum": put(data, at + length, bytes(4)),
        "length": put(data, at - 8, struct.pack(">I", length - 7)),
    }[how]
    with pytest.raises(FrameUnusable) as caught:
        decode_whole(broken)
    # With a wrong length no chunk follows, and none of its end is found.
    assert caught.value.reason == ("truncated" if how == "length" else "damaged")
    assert capfd.readouterr().err == ""


def test_a_bitmap_that_was_copied_in_part_into_its_full_size(picture):
    data = encoded(picture, ".bmp")
    assert decode_whole(data).shape == picture.shape
    assert refusal(data[: len(data) * 2 // 3] + bytes(len(data) - len(data) * 2 // 3)) == "damaged"


@pytest.mark.parametrize("compression", [None, "jpeg", "jpeg tiles"])
def test_a_tiff_with_a_hole(picture, compression):
    file = io.BytesIO()
    how: dict[str, Any] = {"compression": "jpeg"} if compression else {}
    how |= {"tile": (96, 96)} if compression == "jpeg tiles" else {"rowsperstrip": 50}
    tifffile.imwrite(file, picture, photometric="rgb", **how)
    data = file.getvalue()
    assert decode_whole(data).shape == picture.shape
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        at, size = tiff.pages[0].dataoffsets[2], tiff.pages[0].databytecounts[2]
    hole = put(data, at + size // 3, bytes(size - size // 3 - 2)) if compression else put(data, at, bytes(size))
    assert refusal(hole) == "damaged"


@pytest.mark.parametrize("seed", range(6))
def test_what_stops_the_decoder_is_damage(picture, seed):
    data = encoded(picture, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)
    made = np.random.default_rng(seed)
    at = int(made.integers(len(data) // 3, len(data) // 2))
    for junk in (made.integers(0, 256, 600, dtype=np.uint8).tobytes(), b"\xff" * 600):
        with pytest.raises(FrameUnusable):
            decode_whole(put(data, at, junk))


def test_a_byte_too_many_and_what_follows_the_end_are_no_damage(picture):
    data = encoded(picture, ".jpg")
    padded = data[:-2] + bytes(40) + data[-2:]
    for whole in (data[:-2] + b"\x00" + data[-2:], data + data, padded + b"words\xff\xd9"):
        assert decode_whole(whole).shape == picture.shape


def test_a_jpeg_of_many_scans_takes_no_time():
    scans = b"\xff\xda\x00\x02" * 100
    data = encoded(np.full((64, 64, 3), 90, np.uint8), ".jpg")
    with pytest.raises(FrameUnusable) as caught:
        decode(data[:-2] + scans + data[-2:])
    assert "scans" in caught.value.detail


def test_two_holes_are_seen(picture):
    holes = picture.copy()
    holes[10:140] = holes[160:290] = 0
    assert flaw_of_rows(holes) == "rows 11 to 140 of 300 are alike"


def test_bars_of_a_window_are_no_damage(picture):
    for colour in ((60, 60, 60), (240, 240, 240), (180, 90, 20)):
        window = picture.copy()
        window[:30] = colour
        assert flaw_of_rows(window) is None


def test_rows_that_repeat(picture):
    stuck = picture.copy()
    stuck[120:150] = stuck[120]
    assert flaw_of_rows(stuck) == "rows 121 to 150 of 300 are alike"


@pytest.mark.parametrize("rows", [slice(0, 40), slice(140, 180), slice(260, 300)])
def test_rows_that_were_never_written(picture, rows):
    hole = picture.copy()
    hole[rows] = (128, 128, 128)
    at_end = rows.start == 0 or rows.stop == 300
    said = ": never written, or a bar of one colour" if at_end else ""
    assert flaw_of_rows(hole) == f"rows {rows.start + 1} to {rows.stop} of 300 are alike{said}"


def test_a_frame_around_a_picture_a_round_field_and_glare_are_no_damage(picture):
    framed, letterbox, round_, bright = (picture.copy() for _ in range(4))
    framed[:20] = framed[-20:] = framed[:, :20] = framed[:, -20:] = 0
    letterbox[:30] = letterbox[-30:] = 0
    y, x = np.ogrid[:300, :480]
    round_[(y - 170) ** 2 + (x - 240) ** 2 > 150**2] = 0
    bright[100:140] = 255
    for whole in (picture, framed, letterbox, round_, bright, np.zeros_like(picture)):
        assert flaw_of_rows(whole) is None


def test_enlarged_pixels_are_no_repeated_rows(picture):
    assert flaw_of_rows(cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)) is None


def test_a_drawing_on_a_plain_ground_is_whole():
    drawing = np.full((300, 480, 3), (200, 180, 210), np.uint8)
    drawing += np.linspace(0, 30, 480).astype(np.uint8)[None, :, None]
    for y in (60, 200):
        cv2.circle(drawing, (240, y), 30, (120, 40, 80), -1)
    assert flaw_of_rows(drawing) is None


def test_drawn_slides_are_whole():
    drawn = Slide(seed=3).field(0).bgr
    assert decode_whole(encoded(drawn, ".jpg")).shape == drawn.shape


def test_a_single_cell_may_have_filled_rows(picture):
    cell = picture.copy()
    cell[:30] = 0
    data = encoded(cell, ".png")
    assert decode_whole(data, field=False).shape == cell.shape
    assert refusal(data) == "damaged"


def test_pictures_without_colour_or_with_a_palette_are_whole(picture):
    file = io.BytesIO()
    Image.fromarray(picture).quantize(64).save(file, "PNG")
    assert decode_whole(file.getvalue()).shape == picture.shape
