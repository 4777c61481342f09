"""A field of another magnification is found by its red cells: those in its middle first, all where these do not do."""

import numpy as np
import pytest

from smearwatch.capture.finder import scale_change
from smearwatch.capture.finder.scale_change import compare_scale
from smearwatch.capture.scale.red_cells import find_flat_agreement
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import at_work_scale

UM = 0.12


@pytest.fixture(scope="module")
def field():
    """One field 144 um wide: as photographed, its light divided out, and the scale of the latter."""
    bgr = Slide(7, um_per_px=UM, width_px=1200, height_px=800).field(0).bgr
    work, work_um_per_px, _ = at_work_scale(bgr, UM)
    return bgr, work, work_um_per_px


@pytest.fixture
def measured(monkeypatch):
    """The pictures in which red cells are looked for, by width and height."""
    sizes = []

    def recorded(flat, find=find_flat_agreement):
        sizes.append((flat.shape[1], flat.shape[0]))
        return find(flat)

    monkeypatch.setattr(scale_change, "find_flat_agreement", recorded)
    return sizes


def test_red_cells_in_the_middle_that_agree_are_enough(field, measured):
    assert compare_scale(*field, session=[UM], given=None).agrees
    ((width, height),) = measured
    bgr, _, _ = field
    assert (width / bgr.shape[1], height / bgr.shape[0]) == pytest.approx((0.5 * UM / 0.4,) * 2, rel=0.02)


def test_where_the_middle_does_not_surely_agree_all_red_cells_are_measured(field, measured):
    assert compare_scale(*field, session=[1.28 * UM], given=None).agrees
    (middle, _), (whole, _) = measured
    assert whole == pytest.approx(2 * middle, abs=2)


def test_what_is_of_another_magnification_is_said_of_all_red_cells(field, measured):
    against = compare_scale(*field, session=[2 * UM], given=None)
    assert against.contradicts
    assert against.is_sure
    assert against.um_per_px == pytest.approx(UM, rel=0.12)
    assert len(measured) == 2


def test_a_narrow_field_is_measured_whole_at_once(field, measured):
    bgr, work, work_um_per_px = field
    part = 0.6  # 86 um
    bgr, work = (np.ascontiguousarray(each[:, : round(part * each.shape[1])]) for each in (bgr, work))
    assert compare_scale(bgr, work, work_um_per_px, session=[UM], given=None).agrees
    ((width, _),) = measured
    assert width == pytest.approx(bgr.shape[1] * UM / 0.4, rel=0.02)
