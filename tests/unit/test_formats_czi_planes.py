"""CZI files of several planes: scenes become pictures of their own, of focal planes the sharpest is the picture."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.formats.decode import decode, decode_whole, describe
from smearwatch.capture.formats.header import probe
from smearwatch.capture.formats.metadata import MetadataScale, scale_from_metadata
from smearwatch.capture.formats.pages import has_pages, list_fields, take_out
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.slide.slide import Slide
from tests.czi_files import SubBlock, czi, scaling_xml


def field(index, width_px=400):
    return np.ascontiguousarray(Slide(5, um_per_px=0.12, width_px=width_px, height_px=300).field(index).bgr)


def blurred(bgr, sigma):
    return cv2.GaussianBlur(bgr, (0, 0), sigma)


def scenes(*fields):
    return czi(
        *(SubBlock(bgr, at=(5000 * number, 0), plane={"S": number}) for number, bgr in enumerate(fields)),
        xml=scaling_xml(),
        attachment=bytes(300),
    )


def test_each_scene_becomes_a_picture_of_its_own():
    fields = [field(0), field(1), field(2, 360)]
    data = scenes(*fields)
    assert has_pages(data)
    assert list_fields(data, 10**7).pictures == [0, 1, 2]
    for index, bgr in enumerate(fields):
        alone = take_out(data, index)
        assert alone == take_out(data, index)
        header = probe(alone)
        assert (header.format, header.complete, header.pages) == ("czi", True, 1)
        assert np.array_equal(decode_whole(alone), bgr)
        assert isinstance(scale_from_metadata(alone), MetadataScale)
        assert scale_from_metadata(alone) == scale_from_metadata(data)


def test_tiles_of_a_scene_stay_where_they_were():
    bgr = field(0)
    data = czi(
        SubBlock(field(1), plane={"S": 0}),
        SubBlock(bgr[:, :250], at=(-10, 7), plane={"S": 1}, number=1),
        SubBlock(bgr[:, 200:], at=(190, 7), plane={"S": 1}, number=0),
    )
    assert np.array_equal(decode_whole(take_out(data, 1)), bgr)


def test_of_focal_planes_the_sharpest_is_the_picture():
    bgr = field(0)
    planes = [blurred(bgr, 3.0), bgr, blurred(bgr, 2.0)]
    data = czi(*(SubBlock(each, plane={"Z": number}) for number, each in enumerate(planes)))
    assert list_fields(data, 10**7).pictures == []
    assert np.array_equal(decode_whole(data), bgr)
    assert describe(data).note == "plane 2 of 3 is used"


def test_several_fields_are_refused_where_they_cannot_be_divided():
    data = scenes(field(0), field(1))
    with pytest.raises(FrameUnusable) as refused:
        decode_whole(data)
    assert refused.value.reason == "several_fields"
    assert np.array_equal(decode(data), field(0))


def test_more_than_four_pictures_pixels_are_not_decoded_to_find_out():
    data = scenes(*(field(index) for index in range(5)))
    with pytest.raises(FrameUnusable) as refused:
        list_fields(data, 400 * 300)
    assert refused.value.reason == "too_many_pixels"


def test_a_broken_scene_is_a_picture_by_itself():
    good, bad = field(0), SubBlock(field(1), plane={"S": 1}, compression=99, packed=bytes(20))
    data = czi(SubBlock(good, plane={"S": 0}), bad, SubBlock(field(2), plane={"S": 2}))
    assert list_fields(data, 10**7).pictures == [0, 1, 2]
    with pytest.raises(FrameUnusable):
        decode_whole(take_out(data, 1))


def test_grey_channels_are_no_fields():
    grey = field(0)[..., :1]
    data = czi(SubBlock(grey, plane={"C": 0}), SubBlock(255 - grey, plane={"C": 1}))
    assert list_fields(data, 10**7).pictures == []
