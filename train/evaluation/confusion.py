"""Confusion tables, and what they say of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Share

ClassIndices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassScores(JsonRecord):
    """How many cells of a class are named so, and how many that are named so are of it."""

    recall: Share
    precision: Share


def confusion_table(truth: ClassIndices, predicted: ClassIndices, count: int) -> ClassIndices:
    """Count how often each of `count` labels (rows) got each answer (columns)."""
    table = np.zeros((count, count), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def per_class(confusion: ClassIndices, names: Sequence[str]) -> dict[str, ClassScores]:
    """Score each class by a confusion table whose rows are labels."""
    return {
        name: ClassScores(
            recall=Share(int(confusion[index, index]), int(confusion[index].sum())),
            precision=Share(int(confusion[index, index]), int(confusion[:, index].sum())),
        )
        for index, name in enumerate(names)
    }
