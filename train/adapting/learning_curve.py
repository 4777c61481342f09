"""The learning curve and what further labels would bring: a power law through the error at growing numbers of cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POWERS = np.linspace(0.0, 2.0, 81)
_REDRAWN = 1000
_PRIOR_ERRORS = 0.5  # added at each point, so that no error at all is not taken for a law
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """Cells learnt from (the mean over folds), and which of the checked ones were named rightly: bool [n]."""

    learnt_from: float
    right: NDArray[np.bool_]


def forecast(points: Sequence[Point], groups: Sequence[str], now: int, more: int, seed: int) -> dict[str, Any]:
    """Fit error = a * cells ** -b and forecast what `more` labels would gain.

    The likeliest law for Poisson counts of errors; limits by drawing whole groups of checked cells anew (bootstrap,
    percentiles 2.5 and 97.5), the same ones at every number of cells, since all points score the same cells.

    Parameters
    ----------
    points
        At least two, scoring the same n cells, at growing numbers of cells.
    groups
        Group of each checked cell.
    now
        How many cells are labelled.
    more
        How many more might be.

    Returns
    -------
    dict
        For JSON: points (cells, error), power (value, low, high), more, gain (value, low, high).
    """
    wrong = np.stack([~point.right for point in points]).astype(np.float64)
    cells = np.array([point.learnt_from for point in points])
    names, member = np.unique(np.array(groups), return_inverse=True)
    per_group = np.zeros((len(names), len(points)))
    np.add.at(per_group, member, wrong.T)
    sizes = np.bincount(member, minlength=len(names)).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), _REDRAWN)
    weights = np.vstack([np.ones(len(names)), drawn])
    errors, checked = weights @ per_group + _PRIOR_ERRORS, weights @ sizes + 2 * _PRIOR_ERRORS
    factor, power = _likeliest(errors, checked, cells)
    gain = factor * (float(now) ** -power - float(now + more) ** -power)
    return {
        "points": [
            {"cells": round(float(count), 1), "error": round(float(row.mean()), _DECIMALS)}
            for count, row in zip(cells, wrong, strict=True)
        ],
        "power": _limits(power),
        "more": more,
        "gain": _limits(gain),
    }


def _likeliest(
    errors: NDArray[np.float64], checked: NDArray[np.float64], cells: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit factor and power to each row of errors [m, points], of so many checked cells [m]."""
    shapes = cells[None, :] ** -_POWERS[:, None]
    factors = errors.sum(axis=1)[:, None] / (checked[:, None] * shapes.sum(axis=1)[None, :])
    # Of the Poisson likelihood what depends on the power; the sum of the expected errors is the same for all.
    likelihood = errors.sum(axis=1)[:, None] * np.log(factors) + errors @ np.log(shapes).T
    best = likelihood.argmax(axis=1)
    rows = np.arange(len(errors))
    return factors[rows, best], _POWERS[best]


def _limits(values: NDArray[np.float64]) -> dict[str, float]:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return {name: round(float(v), _DECIMALS) for name, v in (("value", values[0]), ("low", low), ("high", high))}
