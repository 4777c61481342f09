"""Old pictures, so that learning from new cells does not cost what was known: to learn from again, and to check by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smearwatch.models.memory import Memory, short
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.adapting.labelled_cells import family
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Part, Sample
from smearwatch.train.data.split import split
from smearwatch.train.data.stains import cells_as_seen
from smearwatch.train.evaluation.seen_in_training import part

_MOST_OF_A_LABEL: dict[Part, int] = {"train": 80, "validation": 60, "test": 120}
_FEWEST_LEUKOCYTES = 20


@dataclass(frozen=True, slots=True)
class OldCells:
    """The three sides, as in training: learnt from again, chosen by, checked by."""

    again: CellSet
    chosen_by: CellSet
    checked_by: CellSet


def divide_old_cells(samples: Sequence[Sample], memory: Memory | None) -> dict[Part, list[Sample]]:
    """Divide old cells as the training of the weights did, so that none of its test is ever learnt from.

    Training cells of the weights are learnt from again, their validation cells choose again, and only cells that were
    never seen in training, nor anything like them, check. Where none was seen, all are divided by the hash of their
    groups.

    Parameters
    ----------
    memory
        Of the weights, None where they do not say what was seen in training.
    """
    if memory is None or not any(memory.seen_in_training(sample.digest) for sample in samples):
        return split(samples)
    fresh = {sample.sample_id for sample in part(samples, memory, "test").kept}
    sides: dict[Part, list[Sample]] = {"train": [], "validation": [], "test": []}
    for sample in samples:
        key = short(sample.digest)
        if key in memory.train_digests:
            sides["train"].append(sample)
        elif key in memory.validation_digests:
            sides["validation"].append(sample)
        elif sample.sample_id in fresh:
            sides["test"].append(sample)
    return sides


def draw_old_cells(
    where: Path,
    parts: Mapping[Part, Sequence[Sample]],
    preprocessing: Preprocessing,
    cache: Path,
    progress: Progress,
    seed: int,
) -> OldCells:
    """Take so many of each label from each side, and draw them.

    Raises
    ------
    DataUnusable
        Where a side holds too few leukocytes, or a picture cannot be read.
    """

    def drawn(part: Part) -> CellSet:
        chosen = _some_of_each(parts[part], _MOST_OF_A_LABEL[part], seed)
        known = sum(family(sample) != "reject" for sample in chosen)
        if known < _FEWEST_LEUKOCYTES:
            matter = f"{known} old leukocytes on the side of {part}, at least {_FEWEST_LEUKOCYTES} are needed"
            raise DataUnusable(where, matter, "name a larger set with --old, or leave it out")
        return cells_as_seen(chosen, preprocessing, cache, progress)

    return OldCells(drawn("train"), drawn("validation"), drawn("test"))


def _some_of_each(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """Choose at most so many of each label of each source, the order as given."""
    by_label: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in np.random.default_rng(seed).permutation(len(samples)):
        by_label[samples[index].source, samples[index].label].append(int(index))
    return [samples[index] for index in sorted(index for each in by_label.values() for index in each[:most])]
