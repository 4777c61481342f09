"""Which cells to learn from and which to check by: whole groups, every class spread as evenly as it goes."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.adapting.labelled_cells import family
from smearwatch.train.data.samples import Sample

Indices = NDArray[np.int64]


def make_folds(samples: Sequence[Sample], count: int, seed: int) -> list[Indices]:
    """Divide cells into at most `count` folds of whole groups, to be checked in turn by what the others taught.

    The largest groups are dealt first, each to the fold that holds the fewest cells of the same classes, then the
    fewest cells.

    Returns
    -------
    list of int64 arrays
        Indices of each fold's cells. Where all cells are of one group, cells are dealt singly.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(name_groups(samples)):
        groups[name].append(index)
    if len(groups) < 2:
        groups = {str(index): [index] for index in range(len(samples))}
    order = [sorted(groups)[at] for at in np.random.default_rng(seed).permutation(len(groups))]
    order.sort(key=lambda name: -len(groups[name]))
    folds: list[list[int]] = [[] for _ in range(min(count, len(groups)))]
    held: list[dict[str, int]] = [defaultdict(int) for _ in folds]
    for name in order:
        kinds = [family(samples[index]) for index in groups[name]]
        best = min(range(len(folds)), key=lambda fold: (sum(held[fold][kind] for kind in kinds), len(folds[fold])))
        folds[best] += groups[name]
        for kind in kinds:
            held[best][kind] += 1
    return [np.array(sorted(fold), dtype=np.int64) for fold in folds]


def name_groups(samples: Sequence[Sample]) -> list[str]:
    """Name for each cell the group that a check keeps whole: its slide, where its class stands on other slides too.

    Slides differ in stain, so runs of one slide on both sides would check little. A class of a single slide is divided
    by its runs; without its slide it would not be learnt at all. A group is named SOURCE/SLIDE/RUN.
    """
    slides: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        slides[family(sample)].add(slide_of(sample))
    return [slide_of(each) if len(slides[family(each)]) > 1 else each.group for each in samples]


def slide_of(sample: Sample) -> str:
    """Name the slide, session or class folder that a cell's group belongs to."""
    return sample.group.rpartition("/")[0] or sample.group


def is_divided_singly(samples: Sequence[Sample]) -> bool:
    """Return whether all cells are of one group, so that a check cannot keep groups apart."""
    return len({sample.group for sample in samples}) < 2


def indices_outside(samples: Sequence[Sample], fold: Indices) -> Indices:
    """Return the indices of all cells outside a fold."""
    return np.setdiff1d(np.arange(len(samples), dtype=np.int64), fold)


def thin_out(samples: Sequence[Sample], indices: Indices, share: float, seed: int) -> Indices:
    """Keep a share of some cells, of every class alike and at least one of each: as if fewer had been labelled."""
    if share >= 1:
        return indices
    rng = np.random.default_rng(seed)
    kinds: dict[str, list[int]] = defaultdict(list)
    for index in rng.permutation(indices):
        kinds[family(samples[int(index)])].append(int(index))
    kept = [index for each in kinds.values() for index in each[: max(1, round(share * len(each)))]]
    return np.array(sorted(kept), dtype=np.int64)
