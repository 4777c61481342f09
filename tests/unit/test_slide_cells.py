"""The drawn leukocytes: each class looks as its description says, and the same seed draws the same cell."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.cells import render_cell, render_cell_picture
from smearwatch.capture.slide.nuclei import NucleusShape, draw_shape, rasterise
from smearwatch.capture.slide.optics import Optics
from smearwatch.capture.slide.stain import CELL_CLASSES, Stain

UM_PER_PX = 0.1


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _whole(shape: NucleusShape) -> np.ndarray:
    lobes, threads = rasterise(shape, (240, 240), 0.1)
    return np.maximum(lobes, threads)


def _pieces(mask: np.ndarray) -> int:
    return int(cv2.connectedComponents(mask)[0]) - 1


@pytest.mark.parametrize("cls", CELL_CLASSES)
def test_the_same_state_draws_the_same_cell_and_another_does_not(cls):
    first, again, other = (render_cell_picture(cls, _rng(seed), um_per_px=UM_PER_PX, size_px=200) for seed in (1, 1, 2))
    assert first.shape == (200, 200, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("cls", "smallest_um", "largest_um"),
    [
        ("band", 10.0, 16.5),
        ("segmented", 10.0, 16.5),
        ("eosinophil", 10.0, 16.5),
        ("basophil", 9.0, 15.5),
        ("monocyte", 12.5, 20.5),
        ("lymphocyte", 7.0, 15.5),
    ],
)
def test_cells_have_their_class_size(cls, smallest_um, largest_um):
    for seed in range(20):
        box = render_cell(cls, _rng(seed), um_per_px=UM_PER_PX, stain=Stain()).box_xywh_px
        assert smallest_um < np.mean(box[2:]) * UM_PER_PX < largest_um


@pytest.mark.parametrize("cls", CELL_CLASSES)
def test_a_nucleus_lies_in_its_cell_and_is_darker_than_the_rest(cls):
    # A basophil's granules are as dark as its nucleus.
    contrast = 0.9 if cls == "basophil" else 1.3
    for seed in range(8):
        cell = render_cell(cls, _rng(seed, 3), um_per_px=UM_PER_PX, stain=Stain())
        assert not np.any(cell.nucleus & (cell.cover < 0.5))
        red = cell.od_bgr[:, :, 2]
        cytoplasm = (cell.cover > 0.95) & ~cell.nucleus
        assert red[cell.nucleus].mean() > contrast * red[cytoplasm].mean()


@pytest.mark.parametrize("um_per_px", [0.022, 0.044, 0.13])
def test_a_cell_keeps_its_physical_size_at_every_scale(um_per_px):
    box = render_cell("lymphocyte", _rng(4), um_per_px=um_per_px, stain=Stain()).box_xywh_px
    assert 7.0 < np.mean(box[2:]) * um_per_px < 15.5


def test_segmented_nuclei_fall_apart_without_their_filaments_and_bands_have_none():
    for seed in range(40):
        segmented = draw_shape("segmented", _rng(seed), 6.3)
        lobes, _ = rasterise(segmented, (240, 240), 0.1)
        assert 2 <= _pieces(lobes) == len(segmented.lobes) <= 5
        assert _pieces(_whole(segmented)) == 1
        assert all(thread.radii_um.max() < 0.4 for thread in segmented.filaments)
        band = draw_shape("band", _rng(seed), 6.3)
        assert not band.filaments
        assert _pieces(_whole(band)) == 1


def test_a_band_is_a_ribbon_of_even_width():
    for seed in range(40):
        (ribbon,) = draw_shape("band", _rng(seed), 6.3).lobes
        assert ribbon.radii_um.min() > 0.6 * ribbon.radii_um.max()


def test_the_colours_tell_the_granulocytes_apart():
    def cytoplasm_od(cls):
        cells = [render_cell(cls, _rng(seed, 9), um_per_px=UM_PER_PX, stain=Stain()) for seed in range(5)]
        return np.mean([c.od_bgr[(c.cover > 0.95) & ~c.nucleus].mean(axis=0) for c in cells], axis=0)

    neutrophil, eosinophil, basophil = (cytoplasm_od(c) for c in ("segmented", "eosinophil", "basophil"))
    # Orange-red takes blue and green light and lets red through; dark purple takes all three.
    assert eosinophil[1] > 1.8 * neutrophil[1]
    assert eosinophil[2] < 0.6 * eosinophil[1]
    assert basophil[2] > 1.4 * eosinophil[2]


def test_stain_and_light_can_be_fixed_or_drawn():
    fixed = Stain.draw(_rng(1), variation=0.0)
    assert fixed.chromatin == pytest.approx(Stain().chromatin)
    assert Stain.draw(_rng(1)) != Stain.draw(_rng(2))
    even = Optics(vignetting=0.0, noise=0.0, background_bgr=(200.0, 210.0, 220.0))
    picture = render_cell_picture("band", _rng(1), um_per_px=0.1, size_px=300, stain=fixed, optics=even)
    assert np.percentile(picture.reshape(-1, 3), 90, axis=0) == pytest.approx((200, 210, 220), abs=4)
