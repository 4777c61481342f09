"""The running mean of the networks over the last steps of a training."""

import pytest
import torch
from torch import nn

from smearwatch.train.training.averaging import RunningMean
from smearwatch.train.training.config import TrainConfig


class Pair(nn.Module):
    """A layer with weights, and one with statistics and a count."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)


def walk(pair: Pair, mean: RunningMean) -> list[float]:
    """Set every number to 1, 2, 3 in turn, and return the mean that a running mean over two steps has after each."""
    expected: list[float] = []
    for step in range(1, 4):
        with torch.no_grad():
            for value in pair.state_dict().values():
                value.fill_(step)
        mean.add()
        expected.append(float(step) if not expected else 0.5 * expected[-1] + 0.5 * step)
    return expected


def test_weights_and_statistics_become_the_mean_of_the_last_steps():
    pair = Pair()
    mean = RunningMean(TrainConfig(averaged_steps=2), pair)
    expected = walk(pair, mean)[-1]
    mean.take()
    for key, value in pair.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, torch.full_like(value, expected)), key
    assert expected == pytest.approx(2.25)


def test_without_it_the_last_step_stays():
    pair = Pair()
    mean = RunningMean(TrainConfig(), pair)
    walk(pair, mean)
    mean.take()
    assert mean.kept() == {}
    assert all(bool((value == 3).all()) for value in pair.state_dict().values())
