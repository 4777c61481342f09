"""A crop shows a fixed physical field, centred, whatever the camera's scale."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.vision.crop import SIZE_PX, cut_crop
from smearwatch.capture.vision.light import WHITE


def _disc(um_per_px, centre_um=(25.0, 20.0), diameter_um=12.0, field_um=(50.0, 40.0)):
    """A dark disc of known place and size, drawn at any scale with anti-aliased edges."""
    width, height = (round(f / um_per_px) for f in field_um)
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x + 0.5) * um_per_px - centre_um[0], (y + 0.5) * um_per_px - centre_um[1])
    inside = np.clip((diameter_um / 2 - distance) / um_per_px + 0.5, 0.0, 1.0)
    grey = (WHITE - inside * 180).astype(np.uint8)
    return cv2.merge([grey, grey, grey]), (centre_um[0] / um_per_px, centre_um[1] / um_per_px)


@pytest.mark.parametrize("um_per_px", [0.015, 0.022, 0.044, 0.07, 0.11, 0.25])
def test_size_and_place_do_not_depend_on_scale(um_per_px):
    picture, centre = _disc(um_per_px)

    crop = cut_crop(picture, centre, um_per_px)

    assert crop.shape == (SIZE_PX, SIZE_PX, 3)
    assert crop.dtype == np.uint8
    dark = WHITE - crop[..., 0].astype(float)
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX] + 0.5
    assert (x * dark).sum() / dark.sum() == pytest.approx(SIZE_PX / 2, abs=1.0)
    assert (y * dark).sum() / dark.sum() == pytest.approx(SIZE_PX / 2, abs=1.0)
    area_um2 = (dark > 90).sum() * (33.0 / SIZE_PX) ** 2
    assert area_um2 == pytest.approx(np.pi * 36.0, rel=0.03)


@pytest.mark.parametrize("um_per_px", [0.022, 0.11])
@pytest.mark.parametrize("centre_um", [(2.0, 2.0), (78.0, 58.0), (-30.0, 200.0)])
def test_outside_the_picture_is_white(um_per_px, centre_um):
    picture = np.zeros((round(60 / um_per_px), round(80 / um_per_px), 3), np.uint8)
    crop = cut_crop(picture, (centre_um[0] / um_per_px, centre_um[1] / um_per_px), um_per_px)
    px_per_um = SIZE_PX / 33.0
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX]
    slide_x = centre_um[0] - 16.5 + x / px_per_um
    slide_y = centre_um[1] - 16.5 + y / px_per_um
    margin = 3 * max(um_per_px, 0.044)
    outside = (slide_x < -margin) | (slide_x > 80 + margin) | (slide_y < -margin) | (slide_y > 60 + margin)
    inside = (slide_x > margin) & (slide_x < 80 - margin) & (slide_y > margin) & (slide_y < 60 - margin)
    assert outside.any()
    assert (crop[outside] == WHITE).all()
    assert (crop[inside] == 0).all()


def test_other_field_and_size():
    picture, centre = _disc(0.1)
    crop = cut_crop(picture, centre, 0.1, field_um=20.0, size_px=200)
    assert crop.shape == (200, 200, 3)
    assert (crop[..., 0] < 145).sum() * 0.01 == pytest.approx(np.pi * 36.0, rel=0.03)


@pytest.mark.parametrize("um_per_px", [0.0, -1.0, float("nan")])
def test_impossible_scale_is_refused(um_per_px):
    with pytest.raises(ValueError, match="um/px"):
        cut_crop(np.zeros((10, 10, 3), np.uint8), (5.0, 5.0), um_per_px)
