"""Old pictures, so that learning from new cells does not cost what was known: to learn from again, and to check by."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.adapting.given import family
from smearwatch.train.fields_cache import Progress, shrunken_fields
from smearwatch.train.loop import CellSet
from smearwatch.train.promotion.cells import Asked, frozen_sets
from smearwatch.train.samples import DataUnusable, Part, Sample
from smearwatch.train.split import split

_MOST_OF_A_LABEL: dict[Part, int] = {"train": 80, "validation": 60, "test": 120}
_FEWEST_LEUKOCYTES = 20


@dataclass(frozen=True, slots=True)
class OldCells:
    """The three sides of the same split as in training: learnt from again, chosen by, checked by."""

    again: CellSet
    chosen_by: CellSet
    checked_by: CellSet


def read_old(asked: Asked, preprocessing: Preprocessing, cache: Path, progress: Progress, seed: int) -> OldCells:
    """Read old pictures, divide them as training did, take so many of each label, and draw them.

    Raises
    ------
    DataUnusable
        Where a source cannot be used, or a side of the split holds too few leukocytes.
    """
    every = [sample for each in frozen_sets(asked, ()) for sample in each.samples]
    parts = split(every)
    where = next((path for path in (asked.data, asked.fields, *asked.sessions) if path is not None), Path("old"))

    def drawn(part: Part) -> CellSet:
        chosen = _some_of_each(parts[part], _MOST_OF_A_LABEL[part], seed)
        known = sum(family(sample) != "reject" for sample in chosen)
        if known < _FEWEST_LEUKOCYTES:
            matter = f"{known} old leukocytes on the side of {part}, at least {_FEWEST_LEUKOCYTES} are needed"
            raise DataUnusable(where, matter, "name a larger set with --old, or leave it out")
        return CellSet(chosen, shrunken_fields(chosen, preprocessing, cache, progress))

    return OldCells(drawn("train"), drawn("validation"), drawn("test"))


def _some_of_each(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """At most so many of each label of each source, the order as given."""
    by_label: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in np.random.default_rng(seed).permutation(len(samples)):
        by_label[samples[place].source, samples[place].label].append(int(place))
    return [samples[place] for place in sorted(place for each in by_label.values() for place in each[:most])]
