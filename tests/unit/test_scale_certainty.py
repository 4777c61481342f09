"""When red cells are few, odd or blurred: a scale that cannot be relied on is not used."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.scale.nucleus import measure_nuclei_px
from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.capture.slide.slide import Slide

UM = 0.0755
GLASS, RED, VIOLET, CYTOPLASM, NUCLEUS = (
    (225, 225, 225),
    (150, 150, 200),
    (170, 95, 150),
    (215, 165, 190),
    (140, 50, 80),
)


def _glass():
    return np.full((480, 640, 3), GLASS, np.uint8)


def _disc(bgr, x, y, diameter_um, colour, um_per_px=UM):
    cv2.circle(bgr, (x, y), round(diameter_um / um_per_px / 2.0), colour, -1, cv2.LINE_AA)


def _leukocyte(bgr, x=320, y=240):
    """A neutrophil: three lobes that together cover as much as a circle of 8.5 um."""
    _disc(bgr, x, y, 13.0, CYTOPLASM)
    for dx, dy in ((-38, -20), (38, -20), (0, 34)):
        _disc(bgr, x + dx, y + dy, 4.9, NUCLEUS)


def _clump(bgr):
    """Red cells around a gap that is as round as a cell of twice the size."""
    for turn in np.arange(9) * (2.0 * np.pi / 9):
        _disc(bgr, round(150 + 105 * np.cos(turn)), round(330 + 105 * np.sin(turn)), 7.5, RED)


def _find(bgr, **more):
    return find(cv2.imencode(".png", bgr)[1].tobytes(), um_per_px=None, um_per_px_source=None, **more)


def test_two_red_cells_and_a_neutrophil_tell_the_scale_together():
    bgr = _glass()
    _leukocyte(bgr)
    for x, y in ((90, 90), (560, 380)):
        _disc(bgr, x, y, 7.5, RED)
    found = _find(bgr)
    assert isinstance(found, FieldFound)
    assert found.um_per_px == pytest.approx(UM, rel=0.1)
    assert found.um_per_px_source == "red_cells_and_nuclei"
    assert found.um_per_px_estimate is None
    assert len(found.cells) == 1


def test_a_neutrophil_alone_tells_no_scale():
    bgr = _glass()
    _leukocyte(bgr)
    answer = _find(bgr)
    assert isinstance(answer, FieldRejected)
    assert answer.reason == "scale_unknown"
    assert "\n" not in answer.detail


def test_a_weak_field_is_searched_at_the_sessions_scale():
    bgr = _glass()
    _leukocyte(bgr)
    _disc(bgr, 90, 90, 7.5, RED)
    found = _find(bgr, session_estimates=(0.08,))
    assert isinstance(found, FieldFound)
    assert (found.um_per_px, found.um_per_px_source) == (0.08, "session")
    assert found.um_per_px_estimate is None


@pytest.mark.parametrize("blur_px", [0.0, 2.0, 5.0])
def test_gaps_between_red_cells_and_blur_lead_to_no_wrong_scale(blur_px):
    bgr = _glass()
    _leukocyte(bgr, 430, 200)
    _clump(bgr)
    if blur_px:
        bgr = np.asarray(cv2.GaussianBlur(bgr, (0, 0), blur_px), np.uint8)
    estimate = estimate_um_per_px(bgr)
    assert estimate is not None
    assert not estimate.is_sure or estimate.um_per_px == pytest.approx(UM, rel=0.2)


def test_one_large_round_thing_is_no_red_cell():
    bgr = _glass()
    _disc(bgr, 320, 240, 20.0, RED)
    estimate = estimate_um_per_px(bgr)
    assert estimate is None or not estimate.is_sure


def test_a_nucleus_far_too_large_for_the_red_cells_speaks_against_them():
    bgr = _glass()
    _leukocyte(bgr)
    for x, y in ((80, 80), (560, 380)):  # drops or platelets, a third of a red cell wide
        _disc(bgr, x, y, 2.5, RED)
    estimate = estimate_um_per_px(bgr)
    assert estimate is None or not estimate.is_sure


def test_red_cells_that_the_stain_turned_violet_are_measured():
    bgr = _glass()
    _leukocyte(bgr)
    for x, y in ((80, 80), (220, 90), (560, 380), (90, 400), (540, 80)):
        _disc(bgr, x, y, 7.5, VIOLET)
    estimate = estimate_um_per_px(bgr)
    assert estimate is not None
    assert estimate.is_sure
    assert estimate.red_cells == 5
    assert estimate.um_per_px == pytest.approx(UM, rel=0.1)


@pytest.mark.parametrize("um_per_px", [0.044, 0.07, 0.1, 0.13])
def test_small_drawn_fields_give_a_scale_that_is_right_or_none(um_per_px):
    slide = Slide(
        11, um_per_px=um_per_px, width_px=round(48 / um_per_px), height_px=round(36 / um_per_px), variation=1.0
    )
    estimates = [estimate_um_per_px(slide.field(index).bgr) for index in range(3)]
    sure = [estimate.um_per_px for estimate in estimates if estimate is not None and estimate.is_sure]
    assert sure
    assert sure == pytest.approx([um_per_px] * len(sure), rel=0.2)


def test_lobes_of_one_nucleus_are_measured_together_and_a_cut_one_is_marked():
    stain = np.zeros((400, 600), np.float32)
    for x, y in ((200, 200), (240, 200), (590, 100)):
        cv2.circle(stain, (x, y), 18, 0.8, -1)
    nuclei, inside = measure_nuclei_px(stain)
    assert [nucleus.at_edge for nucleus in nuclei] == [False, True]
    assert nuclei[0].diameter == pytest.approx(np.sqrt(2.0) * 36, rel=0.05)
    assert nuclei[0].centre_xy == pytest.approx((220, 200), abs=2)
    assert int((inside > 0).sum()) == pytest.approx(2.5 * np.pi * 18**2, rel=0.15)


def test_no_stain_no_nucleus():
    nuclei, inside = measure_nuclei_px(np.zeros((200, 300), np.float32))
    assert nuclei == []
    assert not inside.any()


def test_a_field_many_red_cells_wide_is_measured_by_its_middle():
    """Shrunken as a whole, its red cells have ten pixels, and a few of them seemed sure of two thirds of the scale."""
    bgr = Slide(5, um_per_px=0.13, width_px=5472, height_px=2400).field(0).bgr
    estimate = estimate_um_per_px(bgr)
    assert estimate is not None
    assert estimate.is_sure
    assert estimate.um_per_px == pytest.approx(0.13, rel=0.1)
