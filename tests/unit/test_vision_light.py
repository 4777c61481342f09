"""The same background white whatever lamp, lens and crowd of red cells."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.vision.light import WHITE, flatten_cell, flatten_field, measure_light

CELL_BGR = (140, 60, 90)
RED_CELL_BGR = (170, 160, 200)


def _field(width_px, height_px, red_cells, seed=5):
    """An evenly lit field on white with red cells and one leukocyte; returns it and its empty background."""
    rng = np.random.default_rng(seed)
    bgr = np.full((height_px, width_px, 3), 235, np.uint8)
    for _ in range(red_cells):
        x, y = int(rng.integers(0, width_px)), int(rng.integers(0, height_px))
        cv2.circle(bgr, (x, y), 32, RED_CELL_BGR, -1, cv2.LINE_AA)
    cv2.circle(bgr, (width_px // 3, height_px // 2), 60, CELL_BGR, -1, cv2.LINE_AA)
    background = (bgr == 235).all(axis=2)
    noisy = np.clip(bgr + rng.normal(0, 2, bgr.shape), 0, 255)
    return noisy, cv2.erode(background.astype(np.uint8), np.ones((5, 5))) > 0


def _lamp(shape, cast_bgr, vignetting):
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    fall = 1.0 - vignetting * (x**2 + y**2) / 2.0
    return fall[..., None] * np.array(cast_bgr)


@pytest.mark.parametrize("cast_bgr", [(1.0, 1.0, 1.0), (0.55, 0.5, 0.65), (0.9, 0.7, 0.5)])
@pytest.mark.parametrize("vignetting", [0.0, 0.4])
@pytest.mark.parametrize("red_cells", [0, 60, 250])
def test_background_becomes_white(cast_bgr, vignetting, red_cells):
    field, background = _field(1440, 900, red_cells)
    photographed = np.clip(field * _lamp(field.shape, cast_bgr, vignetting), 0, 255).astype(np.uint8)

    light = measure_light(photographed, 0.11)
    flat = light.flat(photographed)

    assert flat.shape == photographed.shape
    assert flat.dtype == np.uint8
    level = flat[background].astype(float)
    assert np.abs(level.mean(axis=0) - WHITE).max() < 5.0
    assert level.std(axis=0).max() < 8.0
    assert light.vignetting == pytest.approx(vignetting, abs=0.12)


def test_stained_cell_keeps_its_colour_under_any_lamp():
    field, _ = _field(1440, 900, 60)
    inside = (slice(440, 460), slice(470, 490))
    for cast in [(1.0, 1.0, 1.0), (0.6, 0.5, 0.7)]:
        photographed = np.clip(field * _lamp(field.shape, cast, 0.3), 0, 255).astype(np.uint8)
        seen = flatten_field(photographed, 0.11)[inside].reshape(-1, 3).mean(axis=0)
        assert np.abs(seen - CELL_BGR).max() < 8.0


def test_single_cell_picture_loses_its_cast():
    picture = np.full((363, 360, 3), (190, 215, 240), np.uint8)
    cv2.circle(picture, (180, 180), 70, (120, 50, 80), -1)

    flat = flatten_cell(picture)

    assert np.abs(flat[5, 5].astype(int) - WHITE).max() <= 2


@pytest.mark.parametrize("part", [(0, 900, 0, 1440), (0, 200, 0, 310), (333, 901, 700, 1440), (899, 900, 5, 6)])
def test_a_part_is_lit_as_the_whole_is(part):
    field, _ = _field(1440, 900, 60)
    photographed = np.clip(field * _lamp(field.shape, (0.7, 0.6, 0.8), 0.4), 0, 255).astype(np.uint8)
    light = measure_light(photographed, 0.11)
    rows, columns = slice(part[0], min(part[1], 900)), slice(part[2], part[3])
    window = light.flat_window(photographed, rows, columns).astype(int)
    apart = np.abs(window - light.flat(photographed)[rows, columns])
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.001


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (900, 2, 3), (5, 7, 3)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_odd_pictures_are_survived(shape, level):
    picture = np.full(shape, level, np.uint8)
    assert flatten_field(picture, 0.1).shape == shape
    assert flatten_cell(picture).shape == shape


def test_same_input_same_output():
    field, _ = _field(640, 480, 30)
    picture = field.astype(np.uint8)
    assert np.array_equal(flatten_field(picture, 0.07), flatten_field(picture, 0.07))
