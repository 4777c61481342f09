"""The stain of one cell: its nucleus and the red cells around it, at whatever size the crop is kept."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.vision.cell_stain import measure_cell_stain
from smearwatch.capture.vision.light import WHITE
from smearwatch.models.preprocess import Preprocessing, shrink

NUCLEUS, RED = (0.41, 1.6, 1.23), (0.18, 0.30, 0.20)
UM_PER_PX = 33.0 / 750


def colour(density_bgr):
    return tuple(float(value) for value in np.round(WHITE * np.exp(-np.array(density_bgr))))


def drawn(red_cells=8):
    crop = np.full((750, 750, 3), WHITE, np.uint8)
    for angle in np.arange(red_cells) * 2 * np.pi / 8:
        x, y = (round(375 + 12.0 / UM_PER_PX * part) for part in (np.cos(angle), np.sin(angle)))
        cv2.circle(crop, (x, y), round(3.0 / UM_PER_PX), colour(RED), -1)
    cv2.circle(crop, (375, 375), round(6.0 / UM_PER_PX), colour((0.2, 0.3, 0.1)), -1)
    cv2.circle(crop, (375, 375), round(4.0 / UM_PER_PX), colour(NUCLEUS), -1)
    return crop


def test_nucleus_and_red_cells_are_measured():
    stain = measure_cell_stain(drawn())
    assert stain.nucleus_bgr == pytest.approx(NUCLEUS, abs=0.03)
    assert stain.red_cells_bgr == pytest.approx(RED, abs=0.01)
    assert all(value == round(value, 4) for value in stain.nucleus_bgr)


def test_a_cell_alone_has_no_red_cells():
    stain = measure_cell_stain(drawn(red_cells=0))
    assert stain.nucleus_bgr == pytest.approx(NUCLEUS, abs=0.03)
    assert stain.red_cells_bgr is None


def test_an_empty_crop_has_the_stain_of_nothing():
    stain = measure_cell_stain(np.full((750, 750, 3), WHITE, np.uint8))
    assert (stain.nucleus_bgr, stain.red_cells_bgr) == ((0.0, 0.0, 0.0), None)


@pytest.mark.parametrize("cls", ["segmented", "lymphocyte", "eosinophil"])
def test_a_shrunken_crop_has_the_same_stain(cls):
    rng = np.random.default_rng(7)
    crop = render_cell_picture(cls, rng, um_per_px=UM_PER_PX, size_px=750, jitter_um=0.0)
    whole, small = measure_cell_stain(crop), measure_cell_stain(shrink(crop, Preprocessing()))
    assert small.nucleus_bgr == pytest.approx(whole.nucleus_bgr, rel=0.05, abs=0.01)
    assert whole.red_cells_bgr is not None
    assert small.red_cells_bgr == pytest.approx(whole.red_cells_bgr, rel=0.05, abs=0.01)
