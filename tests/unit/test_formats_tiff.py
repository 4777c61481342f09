"""Of a TIFF: which page is taken, how many bits count, and what is refused before memory is taken for it."""

import io
import tracemalloc

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile

from smearwatch.capture.formats.decode import FrameUnusable, decode, decode_whole, describe, probe
from smearwatch.capture.formats.tiff_structure import MOST_PAGES
from smearwatch.capture.slide.slide import Slide
from tests.picture_files import HEIGHT, WIDTH, grey, packed_12_bits, quarters, raw_tiff, refusal, tiff, tiff_pages

BGR = quarters()
RGB = BGR[..., ::-1].copy()
GREY = grey()
SMALL = RGB[::4, ::4].copy()
OTHER = 255 - RGB


def _ome_planes(order, names, *, focal_planes=1, axes="CYX", bits=None):
    """Single-channel pages in an order of channels, named so."""
    planes = np.stack([RGB[..., "rgb".index(letter)] for letter in order])
    metadata = {"axes": axes, "Channel": {"Name": list(names)}}
    if bits is not None:
        metadata["SignificantBits"] = bits
        planes = planes.astype(np.uint16) << (bits - 8)
    if focal_planes > 1:
        planes = np.stack([planes] + [planes // 2] * (focal_planes - 1), axis=axes.index("Z"))
    return tiff(planes, ome=True, photometric="minisblack", metadata=metadata)


PAGES = {
    "two equal": (tiff_pages((RGB, {}), (OTHER, {})), 2, 0, "page 1 of 2 is used"),
    "thumbnail first": (tiff_pages((SMALL, {"subfiletype": 1}), (RGB, {})), 2, 1, "page 2 of 2 is used"),
    "smaller first": (tiff_pages((SMALL, {}), (RGB, {})), 2, 1, "page 2 of 2 is used"),
    "reduced of the same size": (
        tiff_pages((OTHER, {"subfiletype": 1}), (RGB, {})), 2, 1, "page 2 of 2 is used",
    ),
    "pyramid of pages": (
        tiff_pages((RGB, {}), (RGB[::2, ::2].copy(), {"subfiletype": 1}), (SMALL, {"subfiletype": 1})),
        3, 0, "page 1 of 3 is used",
    ),
    "pyramid below a page": (
        tiff_pages((RGB, {"subifds": 1}), (SMALL, {"subfiletype": 1}), ome=True), 1, 0, None,
    ),
    "ome focal planes": (
        tiff(np.stack([RGB, OTHER, OTHER]), ome=True, photometric="rgb", metadata={"axes": "ZYXS"}),
        3, 0, "page 1 of 3 is used (3 focal planes)",
    ),
    "ome channels": (
        _ome_planes("rgb", ("Red", "Green", "Blue")), 3, 0, "pages 1, 2 and 3 are used as red, green and blue",
    ),
    "ome channels in another order": (
        _ome_planes("bgr", ("blue", "green", "red")), 3, 0, "pages 3, 2 and 1 are used as red, green and blue",
    ),
    "ome channels of focal planes": (
        _ome_planes("rgb", ("R", "G", "B"), focal_planes=2, axes="CZYX"), 6, 0,
        "pages 1, 3 and 5 of 6 are used as red, green and blue (2 focal planes)",
    ),
    "ome focal planes of channels": (
        _ome_planes("rgb", ("R", "G", "B"), focal_planes=2, axes="ZCYX"), 6, 0,
        "pages 1, 2 and 3 of 6 are used as red, green and blue (2 focal planes)",
    ),
    "ome channels of 12 bits": (
        _ome_planes("rgb", ("red", "green", "blue"), bits=12), 3, 0, "pages 1, 2 and 3 are used as red, green and blue",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_picture_is_the_largest_page_and_it_is_said(name):
    data, pages, used, note = PAGES[name]
    info = describe(data)
    assert (info.width_px, info.height_px, info.pages, info.page_used, info.note) == (WIDTH, HEIGHT, pages, used, note)
    assert np.array_equal(decode(data), BGR)


def test_channels_with_other_names_are_a_grey_picture_of_the_first():
    data = _ome_planes("rgb", ("DAPI", "FITC", "TRITC"))
    assert describe(data).note == "page 1 of 3 is used"
    assert np.array_equal(decode(data), np.repeat(RGB[..., :1], 3, axis=2))


def _fields(count):
    """Fields of a drawn slide, red first, and light that falls off alike in all."""
    slide = Slide(5, um_per_px=0.12, width_px=400, height_px=300)
    return [np.ascontiguousarray(slide.field(index).bgr[..., ::-1]) for index in range(count)]


def test_pages_of_several_fields_are_refused_as_a_field_and_shown_by_their_first():
    fields = _fields(3)
    for options in ({"photometric": "rgb"}, {"imagej": True}, {"ome": True, "metadata": {"axes": "ZYXS"}}):
        data = tiff(np.stack(fields), **options)
        assert np.array_equal(decode(data), fields[0][..., ::-1])
        with pytest.raises(FrameUnusable) as caught:
            decode_whole(data)
        assert (caught.value.reason, "3 fields" in caught.value.detail) == ("several_fields", True)


def test_of_one_field_at_several_focal_planes_the_sharpest_is_taken():
    (sharp,) = _fields(1)
    planes = [cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp for sigma in (3.0, 1.5, 0, 2.0)]
    data = tiff(np.stack(planes), imagej=True)
    assert np.array_equal(decode_whole(data), sharp[..., ::-1])
    assert describe(data).note == "page 3 of 4 is used"


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}], ids=["ImageJ", "OME"])
def test_three_channels_without_names_are_red_green_and_blue(options):
    planes = np.moveaxis(RGB, -1, 0)
    data = tiff(planes, photometric="minisblack", metadata={"axes": "CYX"}, **options)
    assert np.array_equal(decode_whole(data), BGR)
    assert describe(data).note == "pages 1, 2 and 3 are used as red, green and blue"


def test_pages_without_end_are_refused_before_they_are_decoded():
    page = np.zeros((900, 1000, 3), np.uint8)
    data = tiff_pages(*[(page, {"compression": "deflate"})] * 9)
    with pytest.raises(FrameUnusable) as caught:
        decode_whole(data, max_pixels=1_000_000)
    assert caught.value.reason == "too_many_pixels"


def test_a_broken_page_after_a_good_one_does_not_spoil_it():
    good, other = _fields(2)
    data = bytearray(tiff_pages((good, {"compression": "deflate"}), (other, {"compression": "deflate"})))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        at = file.pages[1].dataoffsets[0]
    data[at : at + 40] = bytes(40)
    assert np.array_equal(decode_whole(bytes(data)), good[..., ::-1])


def test_planes_are_found_by_the_pages_that_the_xml_names():
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="48" SizeC="3" SizeZ="1" SizeT="1">'
        '<Channel ID="Channel:0:0" Name="Red"/><Channel ID="Channel:0:1" Name="Green"/>'
        '<Channel ID="Channel:0:2" Name="Blue"/><TiffData FirstC="0" IFD="2"/><TiffData FirstC="1" IFD="0"/>'
        '<TiffData FirstC="2" IFD="1"/></Pixels></Image></OME>'
    )
    planes = [RGB[..., channel].copy() for channel in (1, 2, 0)]
    kept = {"metadata": None, "contiguous": False}
    data = tiff_pages((planes[0], {**kept, "description": xml}), (planes[1], kept), (planes[2], kept))
    assert np.array_equal(decode(data), BGR)
    broken = data.replace(b'FirstC="2"', b'FirstC="x"')
    assert np.array_equal(decode(broken), np.repeat(RGB[..., 1:2], 3, axis=2))  # the page alone, as without the XML


def test_a_long_stack_is_judged_by_its_beginning():
    stack = np.zeros((MOST_PAGES + 10, 4, 4), np.uint8)
    stack[0] = 77
    data = tiff(stack, metadata=None, photometric="minisblack", contiguous=False)
    assert describe(data).note == f"page 1 of at least {MOST_PAGES} is used"
    assert (decode(data) == 77).all()


TWELVE = GREY.astype(np.uint16) << 4 | 15
DARK = np.minimum(TWELVE, 1000)  # nothing in it reaches the upper two of its twelve bits
BITS = {
    "packed": (raw_tiff(WIDTH, HEIGHT, 12, packed_12_bits(DARK)), 12),
    "greatest sample": (tiff(DARK, extratags=[(341, "H", 1, 4095, True)]), 12),
    "ome significant bits": (tiff(DARK, ome=True, metadata={"SignificantBits": 12}), 12),
}


@pytest.mark.parametrize("name", BITS)
def test_stated_bits_are_honoured(name):
    data, bits = BITS[name]
    assert describe(data).bits == bits
    assert np.array_equal(decode(data)[..., 1], DARK >> 4)


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (TWELVE, {}, TWELVE >> 4),  # nothing stated: by the greatest value
        (GREY.astype(np.uint16) * 257, {}, GREY),
        (GREY.astype(np.uint16) * 257, {"extratags": [(341, "H", 1, 4095, True)]}, GREY),  # the tag lies
        (DARK, {"extratags": [(341, "H", 1, 65535, True)]}, DARK >> 8),  # sixteen bits, as stated
        (DARK, {"ome": True, "metadata": {"SignificantBits": 16}}, DARK >> 8),
    ],
    ids=["12 unstated", "16 unstated", "more than stated", "16 stated", "16 stated in ome"],
)
def test_unstated_bits_are_taken_from_the_values(pixels, options, expected):
    assert np.array_equal(decode(tiff(pixels, **options))[..., 0], expected)


def test_palettes_of_eight_bits_are_understood():
    colours = np.zeros((3, 256), np.uint16)
    colours[:, :2] = [[90, 240], [40, 235], [150, 230]]
    picture = np.tile(np.array([0, 1], np.uint8), (HEIGHT, WIDTH // 2))
    for colormap in (colours, colours * 257):
        bgr = decode(tiff(picture, photometric="palette", colormap=colormap))
        assert bgr[0, 0].tolist() == [150, 40, 90]
        assert bgr[0, 1].tolist() == [230, 235, 240]


def _big_tile():
    data = tiff(RGB, photometric="rgb", tile=(16, 16), compression="deflate")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        places = [(tags[name].valueoffset, tags[name].dtype) for name in ("TileWidth", "TileLength")]
    for at, kind in places:
        data = data[:at] + (50000).to_bytes(4 if kind == 4 else 2, "little") + data[at + (4 if kind == 4 else 2) :]
    return data


def _jpeg_that_is_larger_than_its_page():
    jpeg = bytearray(imagecodecs.jpeg8_encode(RGB))
    at = jpeg.find(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xf0\xff\xf0"
    return raw_tiff(WIDTH, HEIGHT, 8, bytes(jpeg), t259=7, t262=6, t277=3)


def _huge_second_page():
    return tiff_pages((SMALL, {}), (np.zeros((9000, 9000), np.uint8), {"compression": "deflate"}))


def _deflated_bomb():
    return raw_tiff(WIDTH, HEIGHT, 8, bytes(imagecodecs.zlib_encode(bytes(300_000_000), level=1)), t259=8)


BOMBS = {
    "page": (raw_tiff(60000, 60000, 8, bytes(100)), "too_many_pixels"),
    "page in tiles": (raw_tiff(60000, 60000, 8, bytes(100), t322=16, t323=16, t324=8, t325=100), "too_many_pixels"),
    "tile": (_big_tile(), "too_many_pixels"),
    "jpeg": (_jpeg_that_is_larger_than_its_page(), "too_many_pixels"),
    "samples": (raw_tiff(4000, 4000, 8, bytes(100), t277=40000), "colour_unsupported"),
    "depth": (raw_tiff(WIDTH, HEIGHT, 8, bytes(100), t32997=1_000_000), "colour_unsupported"),
    "deflate": (_deflated_bomb(), "undecodable"),
    "second page": (_huge_second_page(), "too_many_pixels"),
    "codec": (raw_tiff(WIDTH, HEIGHT, 8, bytes(WIDTH * HEIGHT), t259=34712), "undecodable"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_sizes_are_refused_before_memory_is_taken(name):
    data, reason = BOMBS[name]
    assert len(data) < 5_000_000
    tracemalloc.start()
    refused = refusal(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (refused.reason if refused is not None else None) == reason
    assert "\n" not in str(refused)
    assert peak < 30_000_000


def test_damaged_lzw_is_refused_or_read_and_nothing_dies():
    rng = np.random.default_rng(6)
    whole = tiff(RGB, photometric="rgb", compression="lzw", predictor=True, rowsperstrip=16)
    refused = 0
    for turn in range(400):
        damaged = bytearray(whole)
        damaged[-600:] = rng.integers(0, 256, 600).astype(np.uint8).tobytes() if turn % 2 else bytes(600)
        damaged[-600 + turn :] = whole[-600 + turn :]
        refused += refusal(bytes(damaged)) is not None
    assert refused > 300


def test_garbage_in_the_structure_never_raises_anything_else():
    rng = np.random.default_rng(5)
    for data in [entry[0] for entry in PAGES.values()] + [entry[0] for entry in BITS.values()]:
        for _ in range(25):
            damaged = bytearray(data)
            for at in rng.integers(0, min(len(damaged), 4000), 4):
                damaged[at] = rng.integers(0, 256)
            probe(bytes(damaged))
            describe(memoryview(damaged))
            refused = refusal(bytes(damaged))
            assert refused is None or refused.hint
