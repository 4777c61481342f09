"""Strong colours through every format: the right colour at the right place, whatever way a file keeps them."""

import struct

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from smearwatch.capture.formats.decode import FrameUnusable, decode, describe, probe
from tests.czi_files import SubBlock, czi, scaling_xml
from tests.picture_files import HEIGHT, MIDDLES, WIDTH, grey, pillow, quarters, raw_tiff, tiff

BGR = quarters()
RGB = BGR[..., ::-1].copy()
GREY = grey()
ALPHA = np.where(np.arange(WIDTH) < 4, 0, 255).astype(np.uint8) + np.zeros((HEIGHT, 1), np.uint8)
BGRA = np.dstack([BGR, ALPHA])


def _cv(suffix, pixels, *options):
    return cv2.imencode(suffix, pixels, list(options))[1].tobytes()


def _top_down_bmp():
    rows = b"".join(row.tobytes() for row in BGR)
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, -HEIGHT, 1, 24, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + info + rows


def _bmp_32():
    rows = b"".join(row.tobytes() for row in np.dstack([BGR, np.zeros((HEIGHT, WIDTH), np.uint8)])[::-1])
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 32, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + info + rows


def _palette_png_with_transparency():
    image = Image.fromarray(RGB).quantize(8)
    clear = image.getpixel((60, 44))
    out = np.asarray(image) == clear
    return pillow_image(image, "PNG", transparency=clear), out


def pillow_image(image, kind, **options):
    import io

    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _adobe_rgb_jpeg():
    return imagecodecs.jpeg8_encode(RGB, level=98, colorspace="rgb", outcolorspace="rgb")


def _tile(**options):
    return czi(SubBlock(BGR, plane={"C": 0}, **options), xml=scaling_xml())


_YCC = {"outcolorspace": "ycbcr"}
COLOUR = {
    "jpeg baseline": (pillow(BGR, "JPEG", quality=95), 20),
    "jpeg progressive": (pillow(BGR, "JPEG", quality=95, progressive=True), 20),
    "jpeg without subsampling": (pillow(BGR, "JPEG", quality=98, subsampling=0), 8),
    "jpeg stored as RGB": (_adobe_rgb_jpeg(), 8),
    "png 8": (pillow(BGR, "PNG"), 0),
    "png 16": (_cv(".png", BGR.astype(np.uint16) * 257), 0),
    "png palette": (pillow_image(Image.fromarray(RGB).quantize(8), "PNG"), 0),
    "png RGBA": (pillow_image(Image.fromarray(np.dstack([RGB, np.full_like(ALPHA, 255)])), "PNG"), 0),
    "png RGBA 16": (_cv(".png", np.dstack([BGR, np.full_like(ALPHA, 255)]).astype(np.uint16) * 257), 0),
    "bmp 24": (pillow(BGR, "BMP"), 0),
    "bmp 24 from the top": (_top_down_bmp(), 0),
    "bmp 32": (_bmp_32(), 0),
    "bmp 8 palette": (pillow_image(Image.fromarray(RGB).quantize(8), "BMP"), 0),
    "tiff": (tiff(RGB, photometric="rgb"), 0),
    "tiff lzw": (tiff(RGB, photometric="rgb", compression="lzw", predictor=True), 0),
    "tiff deflate": (tiff(RGB, photometric="rgb", compression="deflate"), 0),
    "tiff old deflate": (pillow(BGR, "TIFF", compression="tiff_deflate"), 0),
    "tiff packbits": (tiff(RGB, photometric="rgb", compression="packbits"), 0),
    "tiff zstd": (tiff(RGB, photometric="rgb", compression="zstd"), 0),
    "tiff jpeg YCbCr": (tiff(RGB, photometric="rgb", compression="jpeg", subsampling=(2, 2), compressionargs=_YCC), 30),
    "tiff jpeg by libtiff": (pillow(BGR, "TIFF", compression="jpeg", quality=95), 30),
    "tiff jpeg RGB": (tiff(RGB, photometric="rgb", compression="jpeg", compressionargs={"outcolorspace": "rgb"}), 30),
    "tiff jpeg tiles": (tiff(RGB, photometric="rgb", compression="jpeg", tile=(32, 32), compressionargs=_YCC), 30),
    "tiff tiles": (tiff(RGB, photometric="rgb", tile=(32, 16), compression="lzw"), 0),
    "tiff planes": (tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate"), 0),
    "tiff lzw planes": (
        tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate", compression="lzw"),
        0,
    ),
    "tiff lzw 16 bits": (tiff(RGB.astype(np.uint16) * 257, photometric="rgb", compression="lzw", predictor=True), 0),
    "tiff lzw bigtiff big-endian": (
        tiff(RGB, photometric="rgb", compression="lzw", bigtiff=True, byteorder=">", rowsperstrip=5),
        0,
    ),
    "tiff planes in tiles": (
        tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate", tile=(16, 16)),
        0,
    ),
    "tiff big-endian": (tiff(RGB, photometric="rgb", byteorder=">"), 0),
    "tiff 16 bits": (tiff(RGB.astype(np.uint16) * 257, photometric="rgb"), 0),
    "tiff 16 bits big-endian": (tiff(RGB.astype(np.uint16) * 257, photometric="rgb", byteorder=">"), 0),
    "tiff palette": (pillow_image(Image.fromarray(RGB).quantize(8), "TIFF"), 0),
    "tiff palette lzw": (pillow_image(Image.fromarray(RGB).quantize(8), "TIFF", compression="tiff_lzw"), 0),
    "tiff RGBA": (tiff(np.dstack([RGB, np.full_like(ALPHA, 255)]), photometric="rgb", extrasamples=["unassalpha"]), 0),
    "tiff RGB and a sample that is no transparency": (
        tiff(np.dstack([RGB, ALPHA]), photometric="rgb", extrasamples=["unspecified"]),
        0,
    ),
    "bigtiff": (tiff(RGB, photometric="rgb", bigtiff=True), 0),
    "ome-tiff": (tiff(RGB, photometric="rgb", ome=True), 0),
    "czi": (_tile(), 0),
    "czi with attachment": (czi(SubBlock(BGR), xml=scaling_xml(), attachment=bytes(range(200))), 0),
    "czi 16 bits": (czi(SubBlock(BGR.astype(np.uint16) * 257)), 0),
    "czi BGRA": (czi(SubBlock(BGRA)), 0),
    "czi jpeg xr": (_tile(compression=4, packed=imagecodecs.jpegxr_encode(RGB, level=1.0)), 0),
    "czi jpeg": (_tile(compression=1, packed=imagecodecs.jpeg8_encode(RGB, level=98)), 20),
    "czi zstd": (_tile(compression=5, packed=imagecodecs.zstd_encode(BGR.tobytes())), 0),
    "czi zstd with header": (_tile(compression=6, packed=b"\x01" + imagecodecs.zstd_encode(BGR.tobytes())), 0),
}


@pytest.mark.parametrize("name", COLOUR)
def test_the_right_colour_is_at_the_right_place(name):
    data, off_by = COLOUR[name]
    header = probe(data)
    assert (header.width_px, header.height_px, header.complete) == (WIDTH, HEIGHT, True)

    bgr = decode(data)

    assert bgr.dtype == np.uint8
    assert bgr.shape == (HEIGHT, WIDTH, 3)
    assert bgr.flags.c_contiguous
    for y, x in MIDDLES:
        assert np.abs(bgr[y, x].astype(int) - BGR[y, x]).max() <= off_by, (y, x)
    assert off_by > 0 or np.array_equal(bgr, BGR)
    info = describe(data)
    assert (info.format, info.pages, info.page_used, info.note) == (header.format, 1, 0, None)
    assert info.bits == (16 if "16" in name.split() else 2 if name == "png palette" else 8)


@pytest.mark.parametrize("name", [name for name in COLOUR if "jpeg" not in name])
def test_what_is_not_all_there_is_not_used(name):
    data, _ = COLOUR[name]
    for kept in (0.1, 0.5, 0.9):
        with pytest.raises(FrameUnusable) as caught:
            decode(data[: int(len(data) * kept)])
        assert caught.value.reason in ("truncated", "not_an_image")


GREYS = {
    "jpeg": (pillow(GREY, "JPEG", quality=98), 4),
    "png 8": (pillow(GREY, "PNG"), 0),
    "png 16": (_cv(".png", GREY.astype(np.uint16) * 257), 0),
    "png grey and alpha": (pillow_image(Image.fromarray(GREY).convert("LA"), "PNG"), 0),
    "bmp": (pillow(GREY, "BMP"), 0),
    "tiff": (tiff(GREY), 0),
    "tiff 32 bits": (tiff(GREY.astype(np.uint32) * 0x01010101), 0),
    "tiff white is zero": (tiff(255 - GREY, photometric="miniswhite"), 0),
    "tiff lzw white is zero": (tiff(255 - GREY, photometric="miniswhite", compression="lzw"), 0),
    "tiff white is zero 16": (tiff((65535 - GREY.astype(np.uint16) * 257), photometric="miniswhite"), 0),
    "tiff jpeg": (tiff(GREY, compression="jpeg"), 12),
    "tiff 4 bits": (raw_tiff(WIDTH, HEIGHT, 4, (GREY[:, ::2] >> 4 << 4 | GREY[:, 1::2] >> 4).tobytes()), 10),
    "tiff 4 bits white is zero": (
        raw_tiff(WIDTH, HEIGHT, 4, (~(GREY[:, ::2] >> 4 << 4 | GREY[:, 1::2] >> 4)).tobytes(), t262=0),
        10,
    ),
    "czi 8": (czi(SubBlock(GREY)), 0),
    "czi 16": (czi(SubBlock(GREY.astype(np.uint16) * 257)), 0),
    "czi 16, low bytes first": (
        czi(
            SubBlock(
                GREY.astype(np.uint16) * 257,
                compression=6,
                packed=b"\x03\x01\x01" + imagecodecs.zstd_encode(2 * GREY.tobytes()),
            )
        ),
        0,
    ),
}


@pytest.mark.parametrize("name", GREYS)
def test_grey_becomes_three_equal_channels(name):
    data, off_by = GREYS[name]
    bgr = decode(data)
    assert (bgr == bgr[..., :1]).all()
    assert np.abs(bgr[..., 0].astype(int) - GREY).max() <= off_by


def test_two_colours_are_black_and_white():
    black = GREY < 128
    for options in ({}, {"compression": "group4"}):
        bgr = decode(pillow_image(Image.fromarray(~black), "TIFF", **options))
        assert np.array_equal(bgr[..., 0], np.where(black, 0, 255))
    assert np.array_equal(decode(pillow_image(Image.fromarray(~black), "PNG"))[..., 1], np.where(black, 0, 255))


def test_transparent_parts_become_white_in_every_format_that_has_them():
    premultiplied = (RGB * (ALPHA[..., None] / 255)).astype(np.uint8)
    palette, clear = _palette_png_with_transparency()
    rgba = np.dstack([RGB, ALPHA])
    cases = [
        pillow_image(Image.fromarray(rgba), "PNG"),
        _cv(".png", BGRA.astype(np.uint16) * 257),
        tiff(rgba, photometric="rgb", extrasamples=["unassalpha"]),
        tiff(rgba.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"]),
        tiff(np.dstack([premultiplied, ALPHA]), photometric="rgb", extrasamples=["assocalpha"]),
    ]
    for data in cases:
        bgr = decode(data)
        assert (bgr[:, :4] == 255).all()
        assert np.array_equal(bgr[:, 4:], BGR[:, 4:])
    bgr = decode(palette)
    assert (bgr[clear] == 255).all()
    assert np.array_equal(bgr[~clear], BGR[~clear])
    grey_and_alpha = decode(pillow_image(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG"))
    assert (grey_and_alpha[:, :4] == 255).all()
    assert np.array_equal(grey_and_alpha[:, 4:, 1], GREY[:, 4:])


def test_interlaced_png_is_read():
    # Adam7 by hand: seven small pictures of every eighth, fourth and second pixel (PNG specification, 8.2).
    import zlib

    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    lines = b"".join(b"\0" + row.tobytes() for x, y, right, down in steps for row in RGB[y::down, x::right].copy())

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    assert np.array_equal(decode(data), BGR)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_obeyed(orientation):
    turned = {
        1: BGR,
        2: BGR[:, ::-1],
        3: BGR[::-1, ::-1],
        4: BGR[::-1],
        5: BGR.transpose(1, 0, 2),
        6: np.rot90(BGR, -1),
        7: BGR[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(BGR),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = decode(pillow(BGR, "JPEG", quality=98, subsampling=0, exif=exif))
    page = decode(tiff(RGB, photometric="rgb", extratags=[(274, "H", 1, orientation, True)]))
    assert np.array_equal(page, turned)
    assert np.array_equal(decode(pillow(BGR, "PNG", exif=exif)), turned)
    assert np.abs(jpeg.astype(int) - turned).max() <= 8


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pillow(BGR, "JPEG", "CMYK"), "CMYK"),
        (pillow(BGR, "TIFF", "CMYK"), "CMYK"),
        (pillow(BGR, "TIFF", "LAB"), "CIELab"),
        (tiff(RGB.astype(np.float32), photometric="rgb"), "float32"),
        (tiff(RGB.astype(np.int16), photometric="rgb"), "int16"),
        (tiff(RGB, photometric="ycbcr", subsampling=(1, 1)), "YCbCr without JPEG"),
        (tiff(np.zeros((HEIGHT, WIDTH, 5), np.uint8), photometric="minisblack", planarconfig="contig"), "5 samples"),
    ],
    ids=["jpeg CMYK", "tiff CMYK", "tiff Lab", "tiff float", "tiff signed", "tiff YCbCr", "tiff spectral"],
)
def test_colours_that_would_come_out_wrong_are_refused(data, words):
    with pytest.raises(FrameUnusable, match=words) as caught:
        decode(data)
    assert caught.value.reason == "colour_unsupported"
    assert "RGB" in caught.value.hint
    assert "\n" not in str(caught.value)
