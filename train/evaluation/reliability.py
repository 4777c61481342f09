"""What was said against what came true: reliability bins and the calibration error that follows from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.statistics import Share

BINS = 15
_DECIMALS = 5


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Divide answers by confidence into bins of equal width; bins without answers are left out.

    Parameters
    ----------
    confidence : float64 array of shape [n]
        Probability of the answer that was given.
    right : bool array of shape [n]

    Returns
    -------
    list of dict
        low, high (limits of the bin), confidence (mean), accuracy (a share with exact limits).
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "low": round(place / BINS, _DECIMALS),
            "high": round((place + 1) / BINS, _DECIMALS),
            "confidence": float(confidence[bins == place].mean()),
            "accuracy": Share(int(right[bins == place].sum()), int((bins == place).sum())).to_json(),
        }
        for place in sorted(set(bins.tolist()))
    ]


def calibration_error(bins: list[dict[str, Any]]) -> float | None:
    """Mean gap between confidence and accuracy over the bins (Guo et al., ICML 2017); None without answers."""
    count = sum(entry["accuracy"]["n"] for entry in bins)
    if count == 0:
        return None
    gaps = (abs(entry["accuracy"]["hits"] - entry["confidence"] * entry["accuracy"]["n"]) for entry in bins)
    return float(round(float(sum(gaps)) / count, _DECIMALS))
