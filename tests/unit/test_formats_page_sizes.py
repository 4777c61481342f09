"""Pages of several sizes in one file: a smaller copy, a thumbnail or a label is passed over, a field is a picture."""

import io

import cv2
import numpy as np
import pytest
import tifffile

from smearwatch.capture.formats.decode import decode, decode_whole, describe
from smearwatch.capture.formats.metadata import MetadataScale, scale_from_metadata
from smearwatch.capture.formats.pages import has_pages, list_fields, take_out
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.slide.slide import Slide
from tests.czi_files import SubBlock, czi

UM_PER_PX = 0.12


def field(index, width_px=400, height_px=300):
    """A field of a drawn slide, red first [height, width, 3]."""
    slide = Slide(5, um_per_px=UM_PER_PX, width_px=width_px, height_px=height_px)
    return np.ascontiguousarray(slide.field(index).bgr[..., ::-1])


def smaller(picture, times, interpolation=cv2.INTER_AREA):
    return cv2.resize(picture, None, fx=1 / times, fy=1 / times, interpolation=interpolation)


def written(*pages, **options):
    """Pages, each with its own options."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for page in pages:
            pixels, own = page if isinstance(page, tuple) else (page, {})
            writer.write(pixels, photometric="rgb", **({"metadata": None} | options | own))
    return out.getvalue()


def alone(data, index):
    return decode_whole(take_out(data, index))[..., ::-1]


def test_fields_of_other_sizes_are_pictures_of_their_own():
    pages = [field(0), field(1, 380), field(2, 380), field(3, 320, 240), field(4, 300, 400)]
    data = written(*pages)
    assert has_pages(data)
    assert list_fields(data, 10**7) == (list(range(5)), 0)
    for index, page in enumerate(pages):
        assert np.array_equal(alone(data, index), page)
    with pytest.raises(FrameUnusable, match="5 fields"):
        decode_whole(data)
    assert np.array_equal(decode(data)[..., ::-1], pages[0])


@pytest.mark.parametrize("interpolation", [cv2.INTER_AREA, cv2.INTER_NEAREST, cv2.INTER_CUBIC])
def test_smaller_copies_that_do_not_say_so_are_passed_over(interpolation):
    first, second = field(0, 1200, 900), field(1, 1200, 900)
    pages = [first]
    pages += [smaller(first, times, interpolation) for times in (1.5, 2, 3.7)]
    pages += [second, smaller(second, 2, interpolation)]
    assert list_fields(written(*pages), 10**7) == ([0, 4], 4)
    only = written(*pages[:4])
    assert list_fields(only, 10**7) == ([], 3)
    assert np.array_equal(decode_whole(only)[..., ::-1], first)
    assert describe(only).note == "page 1 of 4 is used"


def test_a_copy_first_and_one_hung_below_its_page_are_passed_over():
    whole = field(0, 800, 600)
    assert list_fields(written(smaller(whole, 2), whole), 10**7) == ([], 1)
    below = written((whole, {"subifds": 1}), smaller(whole, 2))
    assert list_fields(below, 10**7) == ([], 1)
    assert np.array_equal(decode_whole(below)[..., ::-1], whole)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "predictor": True}, {"compression": "deflate"}])
def test_a_field_hung_below_another_is_a_picture_of_its_own(options):
    first, second = field(0), field(1)
    data = written((first, {"subifds": 1}), second, **options)
    assert list_fields(data, 10**7) == ([0, 1], 0)
    assert np.array_equal(alone(data, 0), first)
    assert np.array_equal(alone(data, 1), second)
    larger = written((smaller(field(3), 4), {"subifds": 1}), first, **options)
    assert np.array_equal(decode_whole(larger)[..., ::-1], first)


def test_labels_overviews_and_thumbnails_are_passed_over():
    whole = field(0, 1000, 750)
    label = np.random.default_rng(0).integers(0, 255, (320, 300, 3)).astype(np.uint8)
    pages = [
        whole,
        (label, {"description": "Aperio Image Library v12\r\nlabel 300x320"}),
        (label, {"description": "macro image"}),
        (label, {"subfiletype": 9}),
        label[:120, :160].copy(),
    ]
    data = written(*pages)
    assert list_fields(data, 10**7) == ([], 4)
    assert np.array_equal(decode_whole(data)[..., ::-1], whole)
    free = written(whole, (field(1, 380), {"description": "label-free field 3"}))
    assert list_fields(free, 10**7).pictures == [0, 1]


def test_a_grey_page_beside_fields_is_no_field_and_hides_none():
    fields = [field(0), field(1)]
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(fields[0][..., 1].copy(), photometric="minisblack", metadata=None)
        for page in fields:
            writer.write(page, photometric="rgb", metadata=None)
    data = out.getvalue()
    assert list_fields(data, 10**7) == ([1, 2], 1)
    assert np.array_equal(alone(data, 2), fields[1])


def test_a_page_of_another_size_has_no_scale_of_the_others():
    stated = {"resolution": (1e4 / UM_PER_PX, 1e4 / UM_PER_PX), "resolutionunit": "CENTIMETER"}
    data = written((field(0), stated), (field(1), {}), (field(2, 320, 240), {}))
    scales = [scale_from_metadata(take_out(data, index)) for index in range(3)]
    assert [scale.um_per_px if isinstance(scale, MetadataScale) else None for scale in scales] == [
        pytest.approx(UM_PER_PX),
        pytest.approx(UM_PER_PX),
        None,
    ]


def ome_series(*series):
    """Images of an OME-TIFF: each its pages and the µm of a pixel."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out, ome=True) as writer:
        for pixels, um in series:
            axes = {"axes": "YXS" if pixels.ndim == 3 and pixels.shape[-1] == 3 else "CYX"}
            writer.write(
                pixels,
                photometric="rgb" if axes["axes"] == "YXS" else "minisblack",
                metadata=axes | {"PhysicalSizeX": um, "PhysicalSizeY": um},
            )
    return out.getvalue()


def test_each_image_of_an_ome_tiff_has_its_own_scale():
    data = ome_series((field(0, 300, 220), 0.24), (field(1), UM_PER_PX), (field(2), 0.06))
    assert list_fields(data, 10**7) == ([0, 1, 2], 0)
    scales = [scale_from_metadata(take_out(data, index)) for index in range(3)]
    assert [scale.um_per_px for scale in scales if isinstance(scale, MetadataScale)] == [0.24, UM_PER_PX, 0.06]


def test_several_pictures_whose_colours_are_pages_are_refused_and_not_passed_over():
    planes = [np.ascontiguousarray(np.moveaxis(field(index), -1, 0)) for index in range(2)]
    one = ome_series((planes[0], UM_PER_PX))
    assert np.array_equal(decode_whole(one)[..., ::-1], field(0))
    assert list_fields(one, 10**7) == ([], 0)
    several = ome_series((planes[0], UM_PER_PX), (planes[1], UM_PER_PX))
    assert list_fields(several, 10**7) == ([], 0)
    with pytest.raises(FrameUnusable, match="colours of several pictures") as refused:
        decode_whole(several)
    assert refused.value.reason == "several_fields"


def test_pictures_of_imagej_without_a_directory_are_refused_and_not_passed_over():
    out = io.BytesIO()
    tifffile.imwrite(out, np.stack([field(0), field(1)]), imagej=True)
    data = out.getvalue()
    assert list_fields(data, 10**7).pictures == [0, 1]
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        first, second = tiff.pages[0].aspage(), tiff.pages[1].aspage()
        at = data.rfind(second.offset.to_bytes(4, "little" if tiff.byteorder == "<" else "big"), 0, len(data))
        assert first.offset < at
    cut = data[:at] + bytes(4) + data[at + 4 :]
    with pytest.raises(FrameUnusable, match="ImageJ put 2 pictures into it") as refused:
        decode_whole(cut)
    assert refused.value.reason == "several_fields"


def test_scenes_of_other_sizes_and_smaller_copies_in_a_czi():
    whole = np.ascontiguousarray(field(0, 800, 600)[..., ::-1])
    other = np.ascontiguousarray(field(1, 400, 300)[..., ::-1])
    scenes = [whole, smaller(whole, 2), other]
    data = czi(*(SubBlock(bgr, at=(5000 * number, 0), plane={"S": number}) for number, bgr in enumerate(scenes)))
    assert list_fields(data, 10**7) == ([0, 2], 1)
    assert np.array_equal(decode_whole(take_out(data, 2)), other)
