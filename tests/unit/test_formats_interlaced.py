"""Two frames that are mixed line by line are no field; a field, and a sensor's uneven rows, are one frame."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.formats.interlaced import flaw_of_stripes
from smearwatch.capture.slide.slide import Slide

UM = 0.1


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    slide = Slide(7, um_per_px=UM, width_px=900, height_px=600)
    return [slide.field(index).bgr for index in (2, 5)]


def mixed(one: np.ndarray, other: np.ndarray, wide: int) -> np.ndarray:
    return np.where((np.arange(len(one)) // wide % 2 == 0)[:, None, None], one, other)


@pytest.mark.parametrize("quality", [None, 90, 60])
@pytest.mark.parametrize("wide", [1, 2, 3, 4])
def test_two_frames_in_turn_are_damaged_in_rows_and_in_columns(fields, wide, quality):
    one, other = fields
    for bgr, what in (
        (mixed(one, other, wide), "rows"),
        (mixed(one.swapaxes(0, 1), other.swapaxes(0, 1), wide).swapaxes(0, 1), "columns"),
    ):
        bgr = np.ascontiguousarray(bgr)
        if quality is None:
            data = cv2.imencode(".png", bgr)[1].tobytes()
        else:
            data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        refused = find(data, um_per_px=UM, um_per_px_source=None)
        assert isinstance(refused, FieldRejected)
        assert refused.reason == "damaged"
        assert what in refused.detail
        assert "two frames are mixed" in refused.detail


def test_a_field_is_one_frame_also_from_a_sensor_with_uneven_rows(fields):
    for bgr in fields:
        assert flaw_of_stripes(bgr) is None
        uneven = bgr.astype(np.int16)
        uneven[::2] += 6
        uneven = np.clip(uneven + np.random.default_rng(1).normal(0, 4, bgr.shape), 0, 255).astype(np.uint8)
        assert flaw_of_stripes(uneven) is None
        assert isinstance(find(cv2.imencode(".png", bgr)[1].tobytes(), um_per_px=UM, um_per_px_source=None), FieldFound)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_of_a_flat_picture_nothing_is_said(grey):
    assert flaw_of_stripes(np.full((300, 400, 3), grey, np.uint8)) is None
    assert flaw_of_stripes(np.full((20, 20, 3), grey, np.uint8)) is None


@pytest.mark.realdata
def test_no_real_field_is_of_two_frames(real_data):
    names = [
        *sorted((real_data / "chula" / "frames").iterdir())[::6],
        *sorted((real_data / "raabin").glob("*/*"))[::20],
    ]
    for path in names:
        bgr = cv2.imread(str(path))
        assert bgr is not None
        assert flaw_of_stripes(np.asarray(bgr, np.uint8)) is None, path.name
