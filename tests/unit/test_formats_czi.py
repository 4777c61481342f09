"""CZI: half-written files, tiles, planes, pyramids, bits; and files that Zeiss's own library wrote."""

import struct

import imagecodecs
import numpy as np
import pytest

from smearwatch.capture.formats.decode import FrameUnusable, decode, describe, probe
from smearwatch.capture.formats.metadata import MetadataScale, scale_from_metadata
from tests.czi_files import SubBlock, czi, scaling_xml
from tests.picture_files import HEIGHT, WIDTH, grey, quarters, refusal

BGR = quarters()
RGB = BGR[..., ::-1].copy()
LEFT, RIGHT = BGR[:, :40].copy(), BGR[:, 40:].copy()
WHOLE = czi(SubBlock(BGR, plane={"C": 0, "Z": 0}), xml=scaling_xml(), attachment=bytes(300))


def _with(data, at, code, value):
    changed = bytearray(data)
    struct.pack_into(code, changed, at, value)
    return bytes(changed)


@pytest.mark.parametrize(
    "data",
    [
        *[WHOLE[:size] for size in (16, 40, 200, 600, len(WHOLE) // 2, len(WHOLE) - 33)],
        _with(WHOLE, 84, "<q", 0),  # the directory's place is written last
        _with(WHOLE, 100, "<i", 1),  # an update is pending
        _with(WHOLE, 80, "<i", 1),  # a part of several files
        _with(WHOLE, 84, "<q", 1 << 40),
        _with(WHOLE, 84, "<q", -5),
        _with(WHOLE, 92, "<q", len(WHOLE)),
        _with(WHOLE, 104, "<q", 32),
        WHOLE[: len(WHOLE) // 2] + bytes(len(WHOLE) - len(WHOLE) // 2),
    ],
)
def test_a_file_that_is_not_all_there_is_not_taken(data):
    header = probe(data)
    assert (header.format, header.complete) == ("czi", False)
    assert describe(data).format is None
    with pytest.raises(FrameUnusable, match="truncated"):
        decode(data)
    assert scale_from_metadata(data) is None


MOSAICS = {
    "side by side": czi(SubBlock(LEFT, at=(-10, 5), number=0), SubBlock(RIGHT, at=(30, 5), number=1)),
    "the higher number lies above": czi(
        SubBlock(RIGHT, at=(40, 0), number=2), SubBlock(255 - BGR, number=0), SubBlock(LEFT, number=1)
    ),
    "first focal plane": czi(SubBlock(255 - BGR, plane={"Z": 1}), SubBlock(BGR, plane={"Z": 0})),
    "first scene": czi(SubBlock(BGR, plane={"S": 0}), SubBlock(LEFT, plane={"S": 1}, at=(5000, 0))),
    "pyramid": czi(SubBlock(BGR), SubBlock(255 - BGR[::2, ::2], stands_for=(WIDTH, HEIGHT))),
    "packed that is not": czi(SubBlock(BGR, compression=4)),
}


@pytest.mark.parametrize("name", MOSAICS)
def test_tiles_are_laid_together(name):
    assert np.array_equal(decode(MOSAICS[name]), BGR)
    planes = 2 if name.startswith("first") else 1
    info = describe(MOSAICS[name])
    assert (info.width_px, info.height_px, info.pages) == (WIDTH, HEIGHT, planes)
    assert info.note == ("plane 1 of 2 is used" if planes == 2 else None)


def test_where_no_tile_lies_it_is_white():
    twelve = grey().astype(np.uint16) << 4
    bgr = decode(czi(SubBlock(twelve), SubBlock(twelve, at=(100, 0))))
    assert bgr.shape == (HEIGHT, WIDTH + 100, 3)
    assert (bgr[:, WIDTH:100] == 255).all()
    assert np.array_equal(bgr[:, :WIDTH, 0], grey())


@pytest.mark.parametrize(
    ("greatest", "bits", "shift"), [(1000, 12, 4), (1000, None, 2), (1000, 16, 8), (4095, None, 4), (65535, 12, 8)]
)
def test_bits_are_those_that_the_camera_filled(greatest, bits, shift):
    values = np.linspace(0, greatest, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    data = czi(SubBlock(values), xml=scaling_xml(bits=bits))
    assert describe(data).bits == (bits or 16)
    assert np.array_equal(decode(data)[..., 0], values >> shift)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (czi(SubBlock(LEFT), SubBlock(RIGHT, at=(2_000_000, 2_000_000))), "too_many_pixels"),
        (czi(), "undecodable"),
        (czi(SubBlock(BGR, compression=99, packed=bytes(20))), "undecodable"),
        (czi(SubBlock(BGR, compression=6, packed=b"\x07junk")), "undecodable"),
        (czi(SubBlock(BGR, compression=5, packed=imagecodecs.zstd_encode(bytes(300_000_000)))), "undecodable"),
        (czi(SubBlock(BGR, compression=4, packed=b"II\xbc\x01\x08\0\0\0junk")), "undecodable"),
        (czi(SubBlock(BGR, compression=1, packed=imagecodecs.jpeg8_encode(RGB[:, :32].copy()))), "undecodable"),
        (czi(SubBlock(BGR), SubBlock(grey(), at=(WIDTH, 0))), "colour_unsupported"),
    ],
    ids=["far apart", "no tile", "unknown", "header", "bomb", "jpeg xr", "wrong size", "mixed"],
)
def test_what_cannot_be_read_is_refused_in_one_line(data, reason):
    with pytest.raises(FrameUnusable) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_packed_tile_that_says_it_is_huge_is_refused():
    packed = bytearray(imagecodecs.jpegxr_encode(RGB, level=1.0))
    for tag in (0xBC80, 0xBC81):
        at = packed.find(struct.pack("<H", tag))
        struct.pack_into("<I", packed, at + 8, 50_000)
    with pytest.raises(FrameUnusable, match="too_many_pixels: a tile of 50000x50000"):
        decode(czi(SubBlock(BGR, compression=4, packed=bytes(packed))))


def test_damaged_jpeg_xr_is_refused_and_nothing_dies():
    rng = np.random.default_rng(1)
    whole = imagecodecs.jpegxr_encode(RGB, level=0.9)
    refused = 0
    for _ in range(4):
        damaged = bytearray(whole)
        damaged[len(whole) // 3 :] = rng.integers(0, 256, len(whole) - len(whole) // 3).astype(np.uint8).tobytes()
        refused += refusal(czi(SubBlock(BGR, compression=4, packed=damaged))) is not None
    assert refused >= 2


def test_garbage_never_raises_anything_else():
    rng = np.random.default_rng(7)
    for data in (WHOLE, *MOSAICS.values()):
        for _ in range(60):
            damaged = bytearray(data)
            for at in rng.integers(0, len(damaged), 6):
                damaged[at] = rng.integers(0, 256)
            for at in rng.integers(0, 700, 2):
                damaged[at] = rng.integers(0, 256)
            probe(bytes(damaged))
            describe(memoryview(damaged))
            scale_from_metadata(bytes(damaged))
            refused = refusal(bytes(damaged))
            assert refused is None or refused.hint


@pytest.mark.parametrize(
    "options", ["uncompressed:", "zstd0:ExplicitLevel=2", "zstd1:ExplicitLevel=2", "zstd1:PreProcess=HiLoByteUnpack"]
)
@pytest.mark.parametrize("shift", [0, 4, 8])
def test_files_of_zeiss_s_own_library_are_read(tmp_path, options, shift):
    zeiss = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw, which writes CZI files, is not installed")
    pixels = BGR if shift == 0 else BGR.astype(np.uint16) << shift
    path = tmp_path / "a.czi"
    with zeiss.create_czi(str(path), compression_options=options) as file:
        for z in range(2):
            file.write(pixels // (z + 1), plane={"Z": z, "C": 0, "T": 0})
        half_written = path.read_bytes()
        file.write_metadata("a", scale_x=4.4e-8, scale_y=4.4e-8)
    data = path.read_bytes()
    assert not probe(half_written).complete
    assert np.array_equal(decode(data), BGR)
    assert describe(data).note == "plane 1 of 2 is used"
    scale = scale_from_metadata(data)
    assert isinstance(scale, MetadataScale)
    assert scale.um_per_px == pytest.approx(0.044)
