"""A pale field is searched as one stained as usual; an usual one and an empty one hardly change."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import WHITE, flatten_field
from smearwatch.capture.vision.stain import RED_CELLS_GREEN, measure_red_cells_green, restain_field

UM = 0.09


@pytest.fixture(scope="module")
def field():
    return Slide(seed=5, um_per_px=UM, leukocytes_per_mm2=500).field(0).bgr


def paler(bgr, density):
    return np.clip(np.round(WHITE * (np.maximum(bgr, 1) / WHITE) ** density), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("density", [0.4, 0.7, 1.0, 1.6])
def test_red_cells_stand_where_they_usually_do(field, density):
    flat = flatten_field(paler(field, density), UM)
    before, after = measure_red_cells_green(flat), measure_red_cells_green(restain_field(flat))
    assert before is not None
    assert after is not None
    assert after == pytest.approx(RED_CELLS_GREEN, rel=0.1)
    assert before / density == pytest.approx(measure_red_cells_green(flatten_field(field, UM)), rel=0.15)


@pytest.mark.parametrize("grey", [0, 200, WHITE, 255])
def test_a_field_without_red_cells_stays_as_it_is_or_at_least_a_picture(grey):
    flat = np.full((300, 400, 3), grey, np.uint8)
    seen = restain_field(flat)
    assert seen.shape == flat.shape
    assert seen.dtype == np.uint8
    if grey >= WHITE:
        assert np.array_equal(seen, flat)


def found(bgr, *, restain):
    result = find(cv2.imencode(".png", bgr)[1].tobytes(), um_per_px=UM, um_per_px_source="configured", restain=restain)
    assert isinstance(result, FieldFound)
    return result


def test_what_is_lost_in_a_pale_field_is_found_again_and_cut_as_photographed(field):
    as_usual = found(field, restain=False)
    pale = paler(field, 0.25)
    lost, again = found(pale, restain=False), found(pale, restain=True)
    assert len(as_usual.cells) == 6
    assert len(lost.cells) < 3
    assert len(again.cells) == len(as_usual.cells)
    assert "restain" in again.stages_ms
    crop = next(cell.crop_bgr for cell in again.cells if cell.crop_bgr is not None)
    assert crop.min() > 60  # as pale as it was photographed
