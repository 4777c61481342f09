"""Ruled lines and burned-in bars, drawn at known scales."""

from functools import cache

import cv2
import numpy as np
import pytest

from smearwatch.capture.scale.ruling import RulingNotFound, find_ruling
from smearwatch.capture.scale.scale_bar import BarNotFound, find_scale_bar
from smearwatch.capture.slide.slide import Slide


def micrometer(
    um_per_px, *, pitch_um=10.0, line_um=2.0, degrees=0.0, size=(1280, 960), dark=True, missing=(), shift=0.0
):
    """A ruling with long, middle and short lines, dust, uneven light, a little blur and noise."""
    rng = np.random.default_rng(5)
    width, height = size
    side = int(np.hypot(width, height)) + 8
    drawn = np.zeros((side, side), np.float32)
    x_um = (np.arange(side) - side / 2) * um_per_px
    for number in range(int(x_um[0] / pitch_um) - 1, int(x_um[-1] / pitch_um) + 2):
        if number in missing:
            continue
        place_um = number * pitch_um + shift * rng.normal()
        line = np.clip((line_um / 2 - np.abs(x_um - place_um)) / um_per_px + 0.5, 0, 1)
        length = 1.0 if number % 10 == 0 else 0.75 if number % 5 == 0 else 0.5
        rows = slice(int(side * (0.5 - 0.45 * length)), int(side * (0.5 + 0.3 * length)))
        drawn[rows] = np.maximum(drawn[rows], line)
    for _ in range(5):
        cv2.circle(drawn, [int(v) for v in rng.integers(0, side, 2)], int(rng.integers(3, 30)), 1.0, -1)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1)
    drawn = np.asarray(cv2.warpAffine(drawn, turn, (side, side)), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.3 / um_per_px + 0.3), np.float32)
    drawn = drawn[top : top + height, left : left + width]
    grey = 215 * (1 - 0.75 * drawn) if dark else 30 + 190 * drawn
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    grey = grey * (1 - 0.1 * (x**2 + y**2)) + rng.normal(0, 3, grey.shape)
    return np.dstack([np.clip(grey, 0, 255).astype(np.uint8)] * 3)


@pytest.mark.parametrize("degrees", [0.0, 7.3, -31.0, 44.0, 63.0, 90.0])
@pytest.mark.parametrize(
    ("um_per_px", "pitch_um", "line_um"), [(0.044, 10.0, 2.0), (0.1, 10.0, 2.0), (0.2, 10.0, 2.0), (0.5, 100.0, 8.0)]
)
def test_the_spacing_of_ruled_lines(um_per_px, pitch_um, line_um, degrees):
    ruling = find_ruling(micrometer(um_per_px, pitch_um=pitch_um, line_um=line_um, degrees=degrees))
    assert pitch_um / ruling.spacing_px == pytest.approx(um_per_px, rel=0.01)
    assert ruling.standard_error_px < 0.01 * ruling.spacing_px
    assert len(ruling.places_px) >= 4


def test_bright_lines_on_dark_ground():
    assert 10.0 / find_ruling(micrometer(0.1, dark=False)).spacing_px == pytest.approx(0.1, rel=0.005)


def test_lines_that_are_missing_do_not_change_the_spacing():
    ruling = find_ruling(micrometer(0.1, missing=(-2, 3)))
    assert 10.0 / ruling.spacing_px == pytest.approx(0.1, rel=0.005)


def _grain():
    return np.random.default_rng(1).integers(0, 255, (480, 640, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("what", "picture", "matter"),
    [
        ("grain", _grain, "no ruled lines"),
        ("a plain ground", lambda: np.full((480, 640, 3), 200, np.uint8), "no ruled lines"),
        ("a smear", lambda: Slide(3, um_per_px=0.1, width_px=900, height_px=600).field(1).bgr, "no ruled lines"),
        ("three lines", lambda: micrometer(0.02, size=(1400, 900)), "only [123] ruled lines"),
        ("uneven lines", lambda: micrometer(0.1, shift=1.5), "not evenly spaced"),
    ],
)
def test_what_is_no_ruling_is_refused(what, picture, matter):
    with pytest.raises(RulingNotFound, match=matter) as refused:
        find_ruling(picture())
    assert refused.value.hint, what


@cache
def _field():
    return Slide(3, um_per_px=0.1, width_px=900, height_px=600).field(1).bgr


def field():
    return _field().copy()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (0, 0, 230), (20, 220, 220)])
@pytest.mark.parametrize("ticks", [False, True])
def test_a_bar_is_measured_from_end_to_end(colour, ticks):
    bgr = field()
    cv2.rectangle(bgr, (640, 560), (839, 567), colour, -1)
    for x in (640, 836) if ticks else ():
        cv2.rectangle(bgr, (x, 548), (x + 3, 579), colour, -1)
    cv2.putText(bgr, "20 um", (690, 540), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, 2)
    assert find_scale_bar(bgr).length_px == 200


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (0, 0, 255)])
@pytest.mark.parametrize("thick", [1, 2, 4])
@pytest.mark.parametrize("quality", [None, 90])
def test_a_thin_line_with_ticks_and_text(colour, thick, quality):
    for ticks, label in ((0, False), (8, False), (0, True), (8, True)):
        if label and colour == (255, 255, 255):
            continue
        bgr = field()
        if label:  # on a plate of its own, as microscopes' programs write it
            cv2.rectangle(bgr, (620, 510), (859, 585), (255, 255, 255), -1)
        bgr[560 : 560 + thick, 640:840] = colour
        for x in (640, 840 - thick) if ticks else ():
            bgr[560 - ticks : 560 + thick + ticks, x : x + thick] = colour
        cv2.putText(bgr, "20 um", (690, 545), cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, 1, cv2.LINE_AA)
        if quality is not None:
            bgr = cv2.imdecode(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        assert find_scale_bar(bgr).length_px == pytest.approx(200, abs=2), (ticks, label)


def test_a_plate_without_a_bar_is_none():
    bgr = field()
    cv2.rectangle(bgr, (620, 550), (859, 585), (255, 255, 255), -1)
    cv2.putText(bgr, "20 um", (650, 577), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 1, cv2.LINE_AA)
    with pytest.raises(BarNotFound):
        find_scale_bar(bgr)


def test_a_standing_bar():
    bgr = field()
    cv2.rectangle(bgr, (40, 100), (46, 349), (0, 0, 0), -1)
    assert find_scale_bar(bgr).length_px == 250


def test_no_bar_or_several_are_refused():
    with pytest.raises(BarNotFound, match="no scale bar"):
        find_scale_bar(field())
    bgr = field()
    for y in (500, 560):
        cv2.rectangle(bgr, (640, y), (839, y + 7), (0, 0, 0), -1)
    with pytest.raises(BarNotFound, match="2 strokes"):
        find_scale_bar(bgr)
    unequal = field()
    cv2.rectangle(unequal, (640, 500), (739, 507), (0, 0, 0), -1)
    cv2.rectangle(unequal, (540, 560), (839, 567), (0, 0, 0), -1)
    with pytest.raises(BarNotFound, match=r"2 strokes that could be the scale bar \(300 px, 100 px\)"):
        find_scale_bar(unequal)
    framed = field()
    cv2.rectangle(framed, (0, 0), (899, 9), (0, 0, 0), -1)
    with pytest.raises(BarNotFound, match="no scale bar"):
        find_scale_bar(framed)
