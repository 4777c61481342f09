"""Band and segmented as one class: what every person can label, beside what few can."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.statistics import Share

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

FIVE = ("neutrophil", *CLASSES[2:])
"""The order of every table of five."""


def five(places: Places) -> Places:
    """Places in `CLASSES` to places in `FIVE`."""
    return np.where(np.isin(places, NEUTROPHILS), 0, places - 1)


def five_confidence(probabilities: NDArray[np.float64]) -> tuple[Places, NDArray[np.float64]]:
    """Return the likeliest of the six as a place in `FIVE`, and its probability: band's and segmented's add up.

    Parameters
    ----------
    probabilities : float64 array of shape [n, 6]

    Returns
    -------
    int64 array of shape [n], float64 array of shape [n]
    """
    summed = np.column_stack([probabilities[:, list(NEUTROPHILS)].sum(axis=1), probabilities[:, 2:]])
    said = five(probabilities.argmax(axis=1))
    return said, summed[np.arange(len(said)), said]


def confusion_table(truth: Places, said: Places, count: int) -> Places:
    """How often each of `count` labels (rows) got each answer (columns)."""
    table = np.zeros((count, count), dtype=np.int64)
    np.add.at(table, (truth, said), 1)
    return table


def per_class(confusion: Places, names: Sequence[str]) -> dict[str, Any]:
    """Recall and precision of each class, from a confusion table whose rows are labels."""
    return {
        name: {
            "recall": Share(int(confusion[place, place]), int(confusion[place].sum())).to_json(),
            "precision": Share(int(confusion[place, place]), int(confusion[:, place].sum())).to_json(),
        }
        for place, name in enumerate(names)
    }


def neutrophils(truth: Places, said: Places, six: Flags, known: Flags) -> dict[str, Any]:
    """Band, segmented and both together side by side.

    Parameters
    ----------
    truth, said : int64 arrays of shape [n]
    six, known : bool arrays of shape [n]
        Which cells have a label of the six, and which have one that may join band and segmented.

    Returns
    -------
    dict
        "band", "segmented", "neutrophils", each with recall and precision.
    """
    apart = confusion_table(truth[six], said[six], len(CLASSES))
    together = confusion_table(five(truth[known]), five(said[known]), len(FIVE))
    two: tuple[str, ...] = CLASSES[:2]
    return {
        **{name: per_class(apart, CLASSES)[name] for name in two},
        "neutrophils": per_class(together, FIVE)["neutrophil"],
    }
