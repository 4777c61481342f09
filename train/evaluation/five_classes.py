"""Band and segmented as one class: what every person can label, beside what few can."""

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Flags
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.evaluation.confusion import ClassIndices, ClassScores, confusion_table, per_class

FIVE = ("neutrophil", *CLASSES[2:])
"""The order of every table of five."""


def five(indices: ClassIndices) -> ClassIndices:
    """Return indices in `FIVE` for indices in `CLASSES`."""
    return np.where(np.isin(indices, NEUTROPHILS), 0, indices - 1)


def five_confidence(probabilities: NDArray[np.float64]) -> tuple[ClassIndices, NDArray[np.float64]]:
    """Return the likeliest of the six as an index in `FIVE`, and its probability: band's and segmented's add up.

    Parameters
    ----------
    probabilities : float64 array of shape [n, 6]

    Returns
    -------
    int64 array of shape [n], float64 array of shape [n]
    """
    summed = np.column_stack([probabilities[:, list(NEUTROPHILS)].sum(axis=1), probabilities[:, 2:]])
    predicted = five(probabilities.argmax(axis=1))
    return predicted, summed[np.arange(len(predicted)), predicted]


def neutrophils(truth: ClassIndices, predicted: ClassIndices, six: Flags, known: Flags) -> dict[str, ClassScores]:
    """Score band, segmented and both together, side by side.

    Parameters
    ----------
    truth, predicted : int64 arrays of shape [n]
    six, known : bool arrays of shape [n]
        Which cells have a label of the six, and which have one that may join band and segmented.

    Returns
    -------
    dict
        "band", "segmented", "neutrophils".
    """
    apart = per_class(confusion_table(truth[six], predicted[six], len(CLASSES)), CLASSES)
    together = per_class(confusion_table(five(truth[known]), five(predicted[known]), len(FIVE)), FIVE)
    two: tuple[str, ...] = CLASSES[:2]
    return {**{name: apart[name] for name in two}, "neutrophils": together["neutrophil"]}
