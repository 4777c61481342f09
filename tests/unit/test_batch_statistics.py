"""Batch statistics follow the cells they are estimated on; nothing else of a network changes."""

import pytest
import torch
from torch import nn

from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.training.batch_statistics import adapt_batch_norm


def batches(shift: float, scale: float) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn((8, 3, 72, 72), generator=generator) * scale + shift for _ in range(3)]


@pytest.fixture(scope="module")
def resnet() -> LeukocyteResNet:
    """A network whose statistics are those of some cells."""
    torch.manual_seed(1)
    return adapt_batch_norm(LeukocyteResNet(), batches(0.0, 1.0))


def test_another_contrast_is_taken_out(resnet: LeukocyteResNet):
    # Contrast alone: at the border of a view a shift meets the padding, which does not shift with it.
    home, away = torch.cat(batches(0.0, 1.0)), torch.cat(batches(0.0, 0.4))
    moved = adapt_batch_norm(resnet, batches(0.0, 0.4))
    with torch.no_grad():
        wanted = resnet.body(home)
        kept, lost = ((network.body(away) - wanted).abs().mean() for network in (moved, resnet))
    assert kept < 0.05 * lost


def test_only_statistics_change_and_only_in_the_copy(resnet: LeukocyteResNet):
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    moved = adapt_batch_norm(resnet, batches(0.7, 0.4))
    assert not moved.training
    for name, value in moved.state_dict().items():
        assert torch.equal(resnet.state_dict()[name], before[name])
        assert torch.equal(value, before[name]) == ("running" not in name), name
    momenta = {layer.momentum for layer in moved.modules() if isinstance(layer, nn.BatchNorm2d)}
    assert momenta == {0.1}


def test_every_batch_counts_alike(resnet: LeukocyteResNet):
    one, two = batches(0.0, 1.0)[:1], batches(2.0, 1.0)[:1]
    first = next(layer for layer in adapt_batch_norm(resnet, one + two).modules() if isinstance(layer, nn.BatchNorm2d))
    halves = [
        next(
            layer for layer in adapt_batch_norm(resnet, each).modules() if isinstance(layer, nn.BatchNorm2d)
        ).running_mean
        for each in (one, two)
    ]
    assert halves[0] is not None
    assert halves[1] is not None
    torch.testing.assert_close(first.running_mean, (halves[0] + halves[1]) / 2)


def test_group_norm_has_nothing_to_settle():
    network = LeukocyteResNet("group")
    moved = adapt_batch_norm(network, batches(0.7, 0.4))
    assert all(torch.equal(value, moved.state_dict()[name]) for name, value in network.state_dict().items())
