"""Confidence against accuracy: reliability bins and the calibration error that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Share

BINS = 15
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Bin(JsonRecord):
    """The answers of about one confidence.

    Attributes
    ----------
    low, high
        Limits of the bin, 0..1.
    confidence
        Mean probability of its answers.
    """

    low: float
    high: float
    confidence: float
    accuracy: Share


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Bin]:
    """Divide answers by confidence into bins of equal width; bins without answers are left out.

    Parameters
    ----------
    confidence : float64 array of shape [n]
        Probability of the answer that was given.
    right : bool array of shape [n]
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        Bin(
            low=round(index / BINS, _DECIMALS),
            high=round((index + 1) / BINS, _DECIMALS),
            confidence=float(confidence[bins == index].mean()),
            accuracy=Share.of(right[bins == index]),
        )
        for index in sorted(set(bins.tolist()))
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Return the mean gap between confidence and accuracy over the bins (Guo et al., ICML 2017); None without them."""
    count = sum(each.accuracy.n for each in bins)
    if count == 0:
        return None
    gaps = (abs(each.accuracy.hits - each.confidence * each.accuracy.n) for each in bins)
    return float(round(float(sum(gaps)) / count, _DECIMALS))
