"""A field's search is the same with a second thread and without, and no damaged picture slips through beside it."""

import threading

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.beside import HERE, Beside
from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.registration.keypoints import find_keypoints
from smearwatch.capture.slide.slide import Slide

UM = 0.1


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return Slide(7, um_per_px=UM, width_px=900, height_px=600).field(3).bgr


def _png(bgr: np.ndarray) -> bytes:
    return cv2.imencode(".png", bgr)[1].tobytes()


@pytest.mark.parametrize("um_per_px", [UM, None])
def test_the_same_cells_with_a_second_thread(field, um_per_px):
    estimates = [UM] * 20  # so that the field's own red cells are compared with them
    found = [
        find(
            _png(field), um_per_px=um_per_px, um_per_px_source=None, session_estimates=estimates, check_scale=True,
            beside=beside,
        )
        for beside in (HERE, Beside(in_a_thread=True))
    ]  # fmt: skip
    one, other = found
    assert isinstance(one, FieldFound)
    assert isinstance(other, FieldFound)
    assert (one.um_per_px, one.scale_unsure) == (other.um_per_px, other.scale_unsure)
    assert one.keypoints is None
    assert other.keypoints is not None
    sought, expected = other.keypoints(), find_keypoints(one.picture.unpack())
    assert len(expected.places_um)
    assert np.array_equal(sought.places_um, expected.places_um)
    assert np.array_equal(sought.descriptors, expected.descriptors)
    assert one.cells
    for mine, theirs in zip(one.cells, other.cells, strict=True):
        assert (mine.leukocyte, mine.stain, mine.thumbnail_jpeg) == (
            theirs.leukocyte,
            theirs.stain,
            theirs.thumbnail_jpeg,
        )
        assert (mine.crop_bgr is None) == (theirs.crop_bgr is None)
        if mine.crop_bgr is not None and theirs.crop_bgr is not None:
            assert np.array_equal(mine.crop_bgr, theirs.crop_bgr)


@pytest.mark.parametrize("in_a_thread", [True, False])
@pytest.mark.parametrize("um_per_px", [UM, 0.001, None])
def test_a_damaged_field_is_damaged_whatever_else_it_is_and_nothing_of_it_is_wanted(field, in_a_thread, um_per_px):
    def never(found: FieldFound) -> set[int]:
        raise AssertionError(found)

    torn = field.copy()
    torn[300:] = 0
    refused = find(
        _png(torn), um_per_px=um_per_px, um_per_px_source=None, wanted=never, beside=Beside(in_a_thread=in_a_thread)
    )
    assert isinstance(refused, FieldRejected)
    assert (refused.reason, refused.width_px) == ("damaged", 0)


@pytest.mark.parametrize("in_a_thread", [True, False])
def test_another_magnification_is_refused_with_a_second_thread_too(field, in_a_thread):
    refused = find(
        _png(field), um_per_px=None, um_per_px_source=None, session_estimates=[1.8 * UM] * 20, check_scale=True,
        beside=Beside(in_a_thread=in_a_thread),
    )  # fmt: skip
    assert isinstance(refused, FieldRejected)
    assert refused.reason == "scale_changed"


def test_what_the_thread_has_not_begun_is_not_waited_for():
    begun, go_on = threading.Event(), threading.Event()

    def first() -> str:
        begun.set()
        assert go_on.wait(20)
        return threading.current_thread().name

    beside = Beside(in_a_thread=True)
    there, behind_it = beside.do(first), beside.do(lambda: threading.current_thread().name)
    assert begun.wait(20)
    assert behind_it() == threading.current_thread().name, "the thread was busy still"
    go_on.set()
    assert there().startswith("beside")
