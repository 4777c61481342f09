"""Scale from red cells, and the gate that refuses what is dark, empty or blurred."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import flatten_field
from smearwatch.capture.vision.quality import judge

UM = 0.1


@pytest.mark.parametrize(("um_per_px", "width_px"), [(0.022, 2000), (0.044, 1200), (0.09, 1200), (0.13, 900)])
def test_scale_of_the_simulated_slide(um_per_px, width_px):
    slide = Slide(5, um_per_px=um_per_px, width_px=width_px, height_px=2 * width_px // 3)
    estimates = [estimate_um_per_px(slide.field(index).bgr) for index in range(4)]
    told = [estimate for estimate in estimates if estimate is not None]
    assert len(told) == len(estimates)
    for estimate in told:
        assert estimate.um_per_px == pytest.approx(um_per_px, rel=0.10)
        assert 0 <= estimate.spread < 0.15
    assert sum(estimate.red_cells for estimate in told) >= 10


def test_a_field_smaller_than_two_red_cells_gives_no_scale_twice_too_large():
    slide = Slide(1, um_per_px=0.022, width_px=640, height_px=480)
    estimates = [estimate_um_per_px(slide.field(index).bgr) for index in range(6)]
    assert all(e is None or not e.is_sure or e.um_per_px == pytest.approx(0.022, rel=0.25) for e in estimates)


def test_a_red_cell_with_a_pale_centre_is_measured_by_its_outer_edge():
    bgr = np.full((600, 800, 3), 235, np.uint8)
    for row in range(3):
        for column in range(5):
            middle = (100 + column * 150, 120 + row * 180)
            cv2.circle(bgr, middle, 36, (150, 150, 200), -1, cv2.LINE_AA)
            cv2.circle(bgr, middle, 20, (225, 225, 230), -1, cv2.LINE_AA)
    estimate = estimate_um_per_px(bgr)
    assert estimate is not None
    assert estimate.red_cells == 15
    assert estimate.um_per_px == pytest.approx(7.5 / 73, rel=0.06)


def test_red_cells_in_clumps_are_measured_too():
    bgr = np.full((600, 800, 3), 235, np.uint8)
    for row in range(4):
        for column in range(8):
            cv2.circle(bgr, (100 + column * 62, 90 + row * 120), 37, (150, 150, 200), -1, cv2.LINE_AA)
    estimate = estimate_um_per_px(bgr)
    assert estimate is not None
    assert estimate.um_per_px == pytest.approx(UM, rel=0.12)


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_no_red_cells_no_scale(grey):
    assert estimate_um_per_px(np.full((400, 500, 3), grey, np.uint8)) is None


@pytest.fixture(scope="module")
def field():
    return Slide(2, um_per_px=UM, width_px=900, height_px=600).field(1).bgr


def _judged(bgr):
    return judge(flatten_field(bgr, UM), UM, raw_bgr=bgr)


def test_a_good_field_is_accepted(field):
    quality = _judged(field)
    assert quality.accepted
    assert quality.reason is None
    assert quality.focus > 0.4


def test_focus_falls_with_blur_until_the_field_is_refused(field):
    blurred = [_judged(cv2.GaussianBlur(field, (0, 0), um / UM)) for um in (0.1, 0.4, 0.8, 1.6)]
    focus = [quality.focus for quality in blurred]
    assert focus == sorted(focus, reverse=True)
    assert blurred[-1].reason == "out_of_focus"
    assert blurred[-1].value < blurred[0].value


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("lamp off", lambda bgr: bgr // 20, "underexposed"),
        ("burnt out", lambda bgr: np.clip(bgr.astype(int) * 3, 0, 255).astype(np.uint8), "overexposed"),
        ("black", np.zeros_like, "underexposed"),
        ("bare glass", lambda bgr: np.full_like(bgr, 190), "empty"),
    ],
)
def test_poor_fields_are_refused_with_their_number(field, name, change, reason):
    quality = _judged(change(field))
    assert not quality.accepted, name
    assert quality.reason == reason
    assert quality.focus == 0.0
    assert np.isfinite(quality.value)


@pytest.mark.parametrize("degrees", [0, 35, 90, 140])
def test_a_moving_stage_is_told_from_poor_focus(field, degrees):
    moved = [_judged(_moved(field, length_um / UM, degrees)) for length_um in (0.3, 2.0, 4.0)]
    assert moved[0].accepted
    assert [quality.reason for quality in moved[1:]] == ["moving", "moving"]
    assert 0.0 < moved[2].value < moved[1].value < 0.75


@pytest.mark.parametrize("across", [False, True])
def test_edges_that_all_run_one_way_were_moved_along(across):
    """Across the other way no edge is steep: the steepest are then sought among the flat ones, too."""
    bgr = np.full((600, 600, 3), 235, np.uint8)
    for x in range(20, 600, 80):
        bgr[:, x : x + 40] = (170, 150, 200)
    quality = _judged(np.ascontiguousarray(bgr.transpose(1, 0, 2)) if across else bgr)
    assert quality.reason == "moving"
    assert quality.value < 0.05


def _moved(bgr, length_px, degrees):
    """Blur along one direction, as a moving stage does during the exposure."""
    side = 2 * int(length_px) + 3
    kernel = np.zeros((side, side), np.float32)
    for along in np.linspace(-length_px / 2, length_px / 2, 40 * side):
        x, y = along * np.cos(np.radians(degrees)), along * np.sin(np.radians(degrees))
        kernel[round(side // 2 + y), round(side // 2 + x)] += 1.0
    return cv2.filter2D(bgr, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def _bubbles(rng):
    bgr = np.full((600, 900, 3), 215, np.uint8)
    for x, y in rng.integers(0, 900, (12, 2)):
        cv2.circle(bgr, (int(x), int(y) * 2 // 3), int(rng.integers(20, 120)), (90, 92, 95), 6, cv2.LINE_AA)
    return bgr


def _print_out(_):
    bgr = np.full((600, 900, 3), 230, np.uint8)
    for row in range(10):
        cv2.putText(bgr, "lamp 3 gain 4 focus", (20, 55 + 58 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.8, (20, 20, 20), 3)
    return bgr


def _slide_edge(_):
    bgr = np.full((600, 900, 3), 220, np.uint8)
    bgr[:, 500:] = 35
    return cv2.GaussianBlur(bgr, (0, 0), 6)


@pytest.mark.parametrize("what", [_bubbles, _print_out, _slide_edge])
def test_what_is_no_smear_is_refused(what):
    quality = _judged(what(np.random.default_rng(3)))
    assert not quality.accepted
    assert quality.reason == "not_a_smear"
    assert quality.value < 0.04


def test_noise_on_bare_glass_is_still_empty():
    noise = np.random.default_rng(1).normal(190, 4, (400, 500, 3)).clip(0, 255).astype(np.uint8)
    assert _judged(noise).reason == "empty"


def test_focus_does_not_depend_on_the_cameras_scale(field):
    fine = cv2.resize(field, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    finer = judge(flatten_field(fine, UM / 2), UM / 2)
    assert finer.focus == pytest.approx(_judged(field).focus, abs=0.15)
