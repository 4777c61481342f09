"""Stain and camera are taken out of a view by its own nucleus and its own red cells; nothing else decides."""

import numpy as np
import pytest
import torch

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.vision.crop import cut_crop
from smearwatch.capture.vision.light import WHITE, flatten_cell
from smearwatch.models.classes import CLASSES
from smearwatch.models.preprocess import Preprocessing, normalise, shrink, to_tensor, view

RAW, DENSITY, RED_CELLS = (Preprocessing(stain=stain) for stain in (None, "density", "red_cells"))
UM_PER_PX = 0.1


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """One view of each class among its red cells, float [6, 3, 128, 128]."""
    found = []
    for place, name in enumerate(CLASSES):
        drawn = render_cell_picture(name, np.random.default_rng(place), um_per_px=UM_PER_PX, size_px=360)
        crop = cut_crop(flatten_cell(np.asarray(drawn)), (180.0, 180.0), UM_PER_PX)
        found.append(view(shrink(crop, RAW), RAW))
    return to_tensor(np.stack(found))


def photographed(pictures: torch.Tensor, amounts: tuple[float, ...], curve: float) -> torch.Tensor:
    """The same cells with other amounts of stain, by a camera that renders what lies between by a curve of its own."""
    density = -torch.log(pictures.clamp(min=2 / 255) * (255 / WHITE))
    bent = density.sign() * (density.abs() / 0.8).clamp(min=1e-6) ** curve * 0.8
    return torch.exp(-bent * torch.tensor(amounts).view(1, 3, 1, 1)) * (WHITE / 255)


def apart(one: torch.Tensor, two: torch.Tensor) -> float:
    return float((one - two).abs().mean())


def test_paler_stain_of_another_hue_looks_the_same(pictures: torch.Tensor):
    paler = photographed(pictures, (0.8, 0.5, 0.6), 1.0)
    for preprocessing in (DENSITY, RED_CELLS):
        moved = apart(normalise(pictures, preprocessing), normalise(paler, preprocessing))
        assert moved < 0.1 * apart(normalise(pictures, RAW), normalise(paler, RAW))


@pytest.mark.parametrize("curve", [0.6, 0.8, 1.4])
def test_red_cells_take_a_cameras_curve_out(pictures: torch.Tensor, curve: float):
    other = photographed(pictures, (0.7, 0.7, 0.7), curve)
    with_red, without = (
        apart(normalise(pictures, preprocessing), normalise(other, preprocessing))
        for preprocessing in (RED_CELLS, DENSITY)
    )
    assert with_red < 0.5 * without


@pytest.mark.parametrize("preprocessing", [DENSITY, RED_CELLS], ids=["density", "red_cells"])
def test_a_view_is_treated_by_itself(pictures: torch.Tensor, preprocessing: Preprocessing):
    together = normalise(pictures, preprocessing)
    for place in range(len(pictures)):
        assert torch.equal(normalise(pictures[place : place + 1], preprocessing)[0], together[place])


def test_a_view_without_red_cells_is_left_as_the_nucleus_says(pictures: torch.Tensor):
    lonely = torch.full_like(pictures, WHITE / 255)
    lonely[:, :, 32:96, 32:96] = pictures[:, :, 32:96, 32:96]
    assert apart(normalise(lonely, RED_CELLS), normalise(lonely, DENSITY)) < 0.02


@pytest.mark.parametrize("grey", [0.0, 0.5, WHITE / 255, 1.0])
def test_an_empty_view_gives_bounded_numbers(grey: float):
    for preprocessing in (DENSITY, RED_CELLS):
        empty = normalise(torch.full((2, 3, 128, 128), grey), preprocessing)
        assert torch.isfinite(empty).all()
        assert float(empty.abs().max()) < 8


def test_specks_darker_than_the_nucleus_are_bounded(pictures: torch.Tensor):
    dirty = pictures.clone()
    dirty[:, :, 4:8, 4:8] = 0.0
    assert float(normalise(dirty, RED_CELLS).max()) < 5
