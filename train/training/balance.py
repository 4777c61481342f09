"""How often each laboratory's cells of each class are shown: the cells of an epoch, drawn so that they weigh as asked.

Like everything in a run's plan they follow from the seed and the epoch's number alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.train.data.samples import Sample, has_class
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.seeds import derive_seed

_COUNTS, _ORDER = -1, -2  # among the seeds of an epoch, beside those of its steps

Pair = tuple[str, str]


def pair_of(sample: Sample) -> Pair:
    """Return a cell's laboratory and its label; "reject" for all that is to be rejected, "leukocyte" for no class."""
    return (sample.source, sample.label if has_class(sample) else sample.target.kind)


def pair_weights(counts: Sequence[int], evenness: float, factors: Sequence[float]) -> NDArray[np.float64]:
    """Return the share of an epoch, summing to one, of pairs with n cells each: like n^(1 - evenness) by a factor."""
    weights = np.asarray(counts, dtype=np.float64) ** (1.0 - evenness) * np.asarray(factors, dtype=np.float64)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def balanced_order(config: TrainConfig, samples: Sequence[Sample], epoch: int) -> NDArray[np.int64]:
    """Draw the indices of an epoch's cells, in order: `epoch_cells` of them, or as many as there are samples.

    Each pair of laboratory and class is gone through in rounds: no cell is drawn again before all others of its pair
    were drawn, over the ends of epochs too. Where a pair's share is no whole number of cells, it is so on average.
    """
    members: dict[Pair, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        members[pair_of(sample)].append(index)
    pairs = sorted(members)
    factors = [config.balance_factors.get(source, 1.0) for source, _ in pairs]
    weights = pair_weights([len(members[pair]) for pair in pairs], config.balance_evenness, factors)
    wanted = config.epoch_cells or len(samples)
    counts = np.stack([_counts(weights, wanted, derive_seed(config.seed, each, _COUNTS)) for each in range(epoch + 1)])
    done = counts[:-1].sum(axis=0)
    chosen = [
        _from_rounds(members[pair], int(start), int(count), derive_seed(config.seed, _number(pair)))
        for pair, start, count in zip(pairs, done, counts[-1], strict=True)
    ]
    drawn = np.concatenate(chosen)
    generator = torch.Generator().manual_seed(derive_seed(config.seed, epoch, _ORDER))
    shuffled: NDArray[np.int64] = drawn[torch.randperm(len(drawn), generator=generator).numpy()]
    return shuffled


def _counts(weights: NDArray[np.float64], wanted: int, seed: int) -> NDArray[np.int64]:
    """Divide `wanted` cells by weight, each share rounded up or down by one draw for all (systematic sampling)."""
    ends = np.cumsum(weights) * wanted
    ends[-1] = wanted
    whole = np.floor(ends + np.random.default_rng(seed).random()).astype(np.int64)
    return np.diff(whole, prepend=0)


def _from_rounds(members: Sequence[int], start: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return the members from `start` on of an endless row of rounds, each of them all in an order of its own."""
    size = len(members)
    first, last = start // size, (start + count - 1) // size if count else start // size
    rounds = [_shuffled(size, derive_seed(seed, number)) for number in range(first, last + 1)]
    indices = np.concatenate(rounds)[start - first * size :][:count]
    return np.asarray(members, dtype=np.int64)[indices]


def _shuffled(count: int, seed: int) -> NDArray[np.int64]:
    order: NDArray[np.int64] = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    return order


def _number(pair: Pair) -> int:
    return int.from_bytes(sha256("\n".join(pair).encode()).digest()[:8])
