"""The plan of a run: which cells when, at which rate, and where each step's randomness comes from.

Everything follows from the seed, the epoch's number, the step's and the part's, and nothing from what happened before:
so a run that is taken up within an epoch, or divided between processes, draws the same numbers as any other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.train.data.samples import Sample
from smearwatch.train.training.balance import balanced_order
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.seeds import derive_seed

PARTS = 4  # of a batch, each augmented by itself: up to four processes divide the work without doing any of it twice


@dataclass(frozen=True, slots=True)
class Part:
    """Some cells of a batch that are augmented together: the number of the part and where it lies in the batch."""

    number: int
    start: int
    stop: int


def parts_of(count: int, start: int, stop: int) -> list[Part]:
    """List the parts of a batch of `count` cells that hold any of the cells from `start` to `stop`."""
    ends = [count * number // PARTS for number in range(PARTS + 1)]
    every = [Part(number, ends[number], ends[number + 1]) for number in range(PARTS)]
    return [part for part in every if part.start < min(part.stop, stop) and part.stop > start]


def epoch_batches(config: TrainConfig, samples: Sequence[Sample], epoch: int) -> list[NDArray[np.int64]]:
    """List the indices of each step's cells in an epoch; a last batch that is not full is left out, unless alone."""
    if config.balance == "none":
        order = epoch_order(samples, config.repeats, torch.Generator().manual_seed(derive_seed(config.seed, epoch)))
    else:
        order = balanced_order(config, samples, epoch)
    batches = [order[start : start + config.batch] for start in range(0, len(order), config.batch)]
    return [batch for batch in batches if len(batch) == config.batch] or batches


def epoch_order(samples: Sequence[Sample], repeats: dict[str, int], generator: torch.Generator) -> NDArray[np.int64]:
    """Shuffle the samples' indices, each as often as its source is to be repeated."""
    counts = np.array([repeats.get(sample.source, 1) for sample in samples], dtype=np.int64)
    indices = np.repeat(np.arange(len(samples), dtype=np.int64), counts)
    shuffled: NDArray[np.int64] = indices[torch.randperm(len(indices), generator=generator).numpy()]
    return shuffled


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Return the rate after so many epochs: linear warm-up, half a cosine to zero; the same after a warm restart."""
    peak, share = config.learning_rate, epochs_done / config.epochs
    if share >= 1:
        if not config.again_epochs:
            return 0.0
        peak *= config.again_rate
        share = min((epochs_done - config.epochs) / config.again_epochs, 1.0)
    if share < config.warmup_share:
        return peak * min((share + 1e-3) / config.warmup_share, 1.0)
    return peak * 0.5 * (1 + math.cos(math.pi * (share - config.warmup_share) / (1 - config.warmup_share)))


def work_of_epochs(config: TrainConfig, first: int, stop: float) -> float:
    """Return the work of the epochs from `first` to `stop`, in epochs at full size: `small_px` has fewer pixels."""
    small_work = min((config.small_px / config.preprocessing.view_px) ** 2, 1.0)
    small = max(0.0, min(stop, config.small_epochs) - first)
    return small * small_work + (stop - first - small)
