"""Augmentation: shapes, ranges, repeatability, and that no cell leaves its place."""

import pytest
import torch

from smearwatch.capture.vision.light import WHITE
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.training.augment import augment

USUAL = Preprocessing()


def fields_with_a_disc(count: int) -> torch.Tensor:
    """White fields with a dark disc of 9 um in the middle."""
    steps = torch.arange(176) - 87.5
    disc = steps[:, None] ** 2 + steps[None, :] ** 2 < 24**2
    field = torch.where(disc, torch.tensor(60), torch.tensor(WHITE)).to(torch.uint8)
    return field[None, :, :, None].expand(count, 176, 176, 3).contiguous()


@pytest.mark.parametrize("seed", range(4))
def test_shape_range_and_repeatability(seed: int):
    fields = torch.randint(0, 256, (9, 176, 176, 3), dtype=torch.uint8)
    one, two = (augment(fields, USUAL, 1.0, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert one.shape == (9, 3, 128, 128)
    assert torch.equal(one, two)
    assert bool(torch.isfinite(one).all())
    assert 0.0 <= float(one.min()) <= float(one.max()) <= 1.0


@pytest.mark.parametrize("seed", range(6))
def test_the_cell_stays_whole_and_near_the_middle(seed: int):
    views = augment(fields_with_a_disc(16), USUAL, 1.0, torch.Generator().manual_seed(seed))
    for view in views.mean(dim=1):
        levels = view - view.median()
        dark = (levels < 0.5 * levels.amin()).float()
        total = dark.sum()
        steps = torch.arange(128, dtype=torch.float32) - 63.5
        centre = ((dark.sum(1) * steps).sum() / total, (dark.sum(0) * steps).sum() / total)
        assert max(abs(float(value)) for value in centre) * USUAL.um_per_px < 3.5
        assert 0.4 < float(total) / (3.1416 * 24**2) < 2.0


def test_without_strength_only_place_and_turn_change():
    fields = fields_with_a_disc(8)
    views = augment(fields, USUAL, 0.0, torch.Generator().manual_seed(1))
    assert float(views.amax()) == pytest.approx(WHITE / 255, abs=0.01)
    assert float(views.amin()) == pytest.approx(60 / 255, abs=0.01)


def test_cells_of_one_batch_get_different_variants():
    views = augment(fields_with_a_disc(16), USUAL, 1.0, torch.Generator().manual_seed(2))
    assert len({round(float(view.mean()), 4) for view in views}) > 12
