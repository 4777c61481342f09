"""Several pictures in one JPEG or PNG, pictures that are compressed in other ways, and kinds that are not read."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from structlog.testing import capture_logs

from smearwatch.capture.formats.decode import decode, decode_whole, describe
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.pages import has_pages, list_fields
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.sources.surroundings import Surroundings


@pytest.fixture(scope="module")
def fields():
    """Two fields of a drawn slide, red first [300, 400, 3]."""
    slide = Slide(5, um_per_px=0.12, width_px=400, height_px=300)
    return [np.ascontiguousarray(slide.field(index).bgr[..., ::-1]) for index in range(2)]


def several(fields, kind):
    first, second = (Image.fromarray(each) for each in fields)
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=[second])
    return out.getvalue()


def test_of_a_jpeg_of_two_pictures_the_first_is_the_field_and_it_is_said(fields):
    data = several(fields, "MPO")
    assert probe(data).pages == 2
    assert describe(data).note == "picture 1 of 2 is used"
    assert np.abs(decode_whole(data)[..., ::-1].astype(int) - fields[0]).mean() < 4
    assert has_pages(data)
    assert list_fields(data, 10**6) == ([], 1)
    out = io.BytesIO()
    Image.fromarray(fields[0]).save(out, "JPEG")
    alone = out.getvalue()
    assert (probe(alone).pages, has_pages(alone), describe(alone).note) == (1, False, None)


def test_an_index_of_pictures_that_makes_no_sense_is_none(fields):
    data = several(fields, "MPO")
    at = data.index(b"MPF\0")
    for wrong in (b"MPF\0", b"MPF\0II*\0\xff\xff\xff\xff", b"MPF\0MM\0*\0\0\0\x08\xff\xff"):
        broken = data[:at] + wrong + data[at + len(wrong) :]
        assert 1 <= probe(broken).pages <= 256
        decode_whole(broken)
    number = (
        data.index(struct.pack("<HHII", 0xB001, 4, 1, 2))
        if b"MPF\0II" in data
        else data.index(struct.pack(">HHII", 0xB001, 4, 1, 2))
    )
    many = data[: number + 8] + b"\xff\xff\xff\xff" + data[number + 12 :]
    assert probe(many).pages == 256


def test_an_animated_png_is_refused_as_several_fields(fields):
    data = several(fields, "PNG")
    with pytest.raises(FrameUnusable, match=r"png of 2 pictures \(animated\)") as caught:
        decode_whole(data)
    assert caught.value.reason == "several_fields"
    assert np.array_equal(decode(data)[..., ::-1], fields[0]), "a single cell's picture, as by other programs"


@pytest.mark.parametrize("compression", ["lzw", "zstd"])
@pytest.mark.parametrize("predictor", [False, True])
def test_a_tiff_by_zstandard_or_lzw_is_read(fields, compression, predictor):
    out = io.BytesIO()
    tifffile.imwrite(out, fields[0], photometric="rgb", compression=compression, predictor=predictor)
    assert np.array_equal(decode_whole(out.getvalue())[..., ::-1], fields[0])


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000", "webp", "lzma", "lerc"])
def test_a_tiff_compressed_in_another_way_is_refused_by_its_name(fields, compression):
    out = io.BytesIO()
    tifffile.imwrite(out, fields[0], photometric="rgb", compression=compression)
    with pytest.raises(FrameUnusable, match=f"compression {compression.upper()} is not read"):
        decode_whole(out.getvalue())


def made(fields, kind):
    if kind == "JPEG XL":
        return bytes(imagecodecs.jpegxl_encode(fields[0]))
    if kind == "JPEG 2000":
        return bytes(imagecodecs.jpeg2k_encode(fields[0], codecformat="jp2"))
    return several(fields, {"GIF": "GIF", "WebP": "WEBP"}[kind])


@pytest.mark.parametrize("kind", ["JPEG XL", "JPEG 2000", "GIF", "WebP"])
def test_a_kind_that_is_not_read_is_named(fields, kind):
    with pytest.raises(FrameUnusable, match=f"it is {kind}, which is not read"):
        decode_whole(made(fields, kind))


def cfa(*, thumbnail):
    """A DNG as cameras write it: a raw colour filter, with a small picture before it or without."""
    out = io.BytesIO()
    dng, sensor = [(50706, "B", 4, (1, 4, 0, 0), True)], np.full((300, 400), 900, np.uint16)
    with tifffile.TiffWriter(out) as writer:
        if thumbnail:
            small = np.full((75, 100, 3), 200, np.uint8)
            writer.write(small, photometric="rgb", subifds=1, subfiletype=1, extratags=dng)
        writer.write(sensor, photometric=32803, extratags=[] if thumbnail else dng)
    return out.getvalue()


@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_raw_colour_filter_is_refused_and_its_thumbnail_is_no_field(thumbnail):
    with pytest.raises(FrameUnusable, match="raw colour filter"):
        decode_whole(cfa(thumbnail=thumbnail))


@pytest.mark.parametrize(
    "begins", [b"\0\0\0\x18ftypcrx \0\0\0\1", b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", b"IIU\0\x08\0"]
)
def test_a_raw_file_under_a_pictures_name_is_named(begins):
    with pytest.raises(FrameUnusable, match="it is a camera's raw file, which is not read: set the camera"):
        decode_whole(begins + bytes(99))


def test_raw_files_in_the_folder_are_said_once_for_each_kind(tmp_path):
    around = Surroundings(tmp_path)
    with capture_logs() as logs:
        for suffix in ("dng", "NEF", "cr2", "cr3", "arw", "orf", "raf", "rw2", "pef", "srw"):
            around.ignore(f"a.{suffix}")
            around.ignore(f"b.{suffix}")
    assert len(logs) == 10
    assert {line["hint"] for line in logs} == {"let the camera write JPEG beside it"}
