"""What every strategy of adapting can do, and the interpolation between present and fitted weights."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from smearwatch.models.memory import Memory
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.data.cells import Targets
from smearwatch.train.data.samples import Sample

Weights = dict[str, torch.Tensor]
"""Tensors by name: those of both networks that a strategy changes."""

# Shares of the fitted weights in the interpolated ones that are tried in turn.
_SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)
_OUT_OF_REACH = -20.0


class Strategy(Protocol):
    """A strategy of adapting. New cells are known by their index; so are the old ones, apart in two halves.

    Attributes
    ----------
    name
        For the report.
    present
        The weights as they are.
    chosen_by, checked_by
        Old cells by which the share is chosen, and others that only measure the outcome.
    by_statistics
        Whether new cells are judged by their session's statistics, with the adapted weights as with the present ones.
    """

    name: str
    present: Weights
    chosen_by: list[Sample]
    checked_by: list[Sample]
    by_statistics: bool

    def fit(self, indices: Indices) -> Weights:
        """Learn from some of the new cells, and from old ones so that nothing is forgotten."""
        ...

    def predict_new(self, weights: Weights, indices: Indices) -> Logits:
        """Return the logits of some of the new cells."""
        ...

    def predict_chosen_by(self, weights: Weights) -> Logits:
        """Return the logits of the old cells by which the share is chosen."""
        ...

    def predict_checked_by(self, weights: Weights) -> Logits:
        """Return the logits of the other old cells."""
        ...

    def of_networks(self, weights: Weights) -> Weights:
        """Name the changed tensors "resnet.KEY" and "bank.KEY"."""
        ...

    def remember(self, weights: Weights) -> Memory:
        """Make the memory that fits the adapted weights: of old cells and of all new ones."""
        ...


@dataclass(frozen=True, slots=True)
class Interpolated:
    """Weights between the present and the fitted ones; at share 0 they are the present ones."""

    weights: Weights
    share: float


def old_accuracy(strategy: Strategy, weights: Weights) -> float:
    """Measure the accuracy on the leukocytes among the old cells by which the share is chosen; 1 without any."""
    known = is_leukocyte(strategy.chosen_by)
    return (
        float(named_rightly(strategy.chosen_by, strategy.predict_chosen_by(weights))[known].mean())
        if known.any()
        else 1.0
    )


def interpolate(strategy: Strategy, fitted: Weights, least: float) -> Interpolated:
    """Interpolate from the present weights towards the fitted ones as far as the old cells allow.

    The weights in between are averages (WiSE-FT; Wortsman et al., CVPR 2022). Only old cells decide, so that the new
    ones remain a fair check.

    Parameters
    ----------
    least
        The accuracy that the old cells must keep, as `old_accuracy` counts it.
    """
    for share in _SHARES:
        weights = average_weights(strategy.present, fitted, share)
        if old_accuracy(strategy, weights) >= least:
            return Interpolated(weights, share)
    return Interpolated(strategy.present, 0.0)


def average_weights(present: Weights, fitted: Weights, share: float) -> Weights:
    """Average tensor by tensor, in single precision."""
    return {name: present[name] + share * (fitted[name] - present[name]) for name in present}


def mask_absent_classes(logits: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Put the logits of classes without a new cell out of reach, in class logits [n, 6] of new cells.

    Else every new cell would push such a class away, and the appearance of the new microscope would count against it.

    Parameters
    ----------
    targets
        Of all the cells learnt from; they decide which classes are missing.
    """
    missing = ~(targets.shares > 0).any(dim=0)
    return logits.masked_fill(missing & ~targets.reject.all(), _OUT_OF_REACH)


def shuffle_indices(count: int, seed: int) -> Indices:
    """Shuffle the numbers below `count` in an order that depends on nothing but the seed."""
    return np.random.default_rng(seed).permutation(count).astype(np.int64)
