"""What every way of adapting can do, and how far its outcome is followed."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from smearwatch.models.memory import Memory
from smearwatch.train.adapting.folds import Places
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.data.cells import Targets
from smearwatch.train.data.samples import Sample

Weights = dict[str, torch.Tensor]
"""Tensors by name: those of both networks that a way changes."""

# Shares of the path from the present weights to the fitted ones that are tried in turn.
_SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)
_OUT_OF_REACH = -20.0


class Strategy(Protocol):
    """A way of adapting. New cells are known by their place; so are the old ones, apart in two halves.

    Attributes
    ----------
    name
        For the report.
    present
        The weights as they are.
    chosen_by, checked_by
        Old cells by which the share is chosen, and others that only say what came of it.
    """

    name: str
    present: Weights
    chosen_by: list[Sample]
    checked_by: list[Sample]

    def fit(self, places: Places) -> Weights:
        """Learn from some of the new cells, and from old ones so that nothing is forgotten."""
        ...

    def ask_new(self, weights: Weights, places: Places) -> Logits:
        """Logits of some of the new cells."""
        ...

    def ask_chosen_by(self, weights: Weights) -> Logits:
        """Logits of the old cells by which the share is chosen."""
        ...

    def ask_checked_by(self, weights: Weights) -> Logits:
        """Logits of the other old cells."""
        ...

    def of_networks(self, weights: Weights) -> Weights:
        """Name the changed tensors "resnet.KEY" and "bank.KEY"."""
        ...

    def remember(self, weights: Weights) -> Memory:
        """Memory that fits the adapted weights: of old cells and of all new ones."""
        ...


@dataclass(frozen=True, slots=True)
class Followed:
    """Weights between the present and the fitted ones; at share 0 they are the present ones."""

    weights: Weights
    share: float


def old_accuracy(way: Strategy, weights: Weights) -> float:
    """Accuracy on the leukocytes among the old cells by which the share is chosen; 1 without any."""
    known = is_leukocyte(way.chosen_by)
    return float(named_rightly(way.chosen_by, way.ask_chosen_by(weights))[known].mean()) if known.any() else 1.0


def follow(way: Strategy, fitted: Weights, least: float) -> Followed:
    """Go as far from the present weights towards the fitted ones as the old cells allow.

    The weights in between are averages (WiSE-FT; Wortsman et al., CVPR 2022). Only old cells decide, so that the new
    ones remain a fair check.

    Parameters
    ----------
    least
        The accuracy that the old cells must keep, as `old_accuracy` counts it.
    """
    for share in _SHARES:
        weights = between(way.present, fitted, share)
        if old_accuracy(way, weights) >= least:
            return Followed(weights, share)
    return Followed(way.present, 0.0)


def between(present: Weights, fitted: Weights, share: float) -> Weights:
    """Average tensor by tensor, in single precision."""
    return {name: present[name] + share * (fitted[name] - present[name]) for name in present}


def unpushed(logits: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Class logits [n, 6] of new cells, those of classes without a new cell put out of reach.

    Else every new cell would push such a class away, and the new microscope's look would come to speak against it.

    Parameters
    ----------
    targets
        Of all the cells learnt from, by which it is told what is missing.
    """
    missing = ~(targets.shares > 0).any(dim=0)
    return logits.masked_fill(missing & ~targets.reject.all(), _OUT_OF_REACH)


def shuffled(count: int, seed: int) -> Places:
    """Numbers below `count` in an order that depends on nothing but the seed."""
    return np.random.default_rng(seed).permutation(count).astype(np.int64)
