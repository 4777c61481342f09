"""The learning curve and what further labels would bring: a power law through the error at growing numbers of cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.json_record import JsonRecord

_POWERS = np.linspace(0.0, 2.0, 81)
_REDRAWN = 1000
_PRIOR_ERRORS = 0.5  # added at each point, so that no error at all is not taken for a law
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """Cells learnt from (the mean over folds), and which of the checked ones were named rightly: bool [n]."""

    learnt_from: float
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CurvePoint(JsonRecord):
    """Cells learnt from, and the share of the checked ones that was named wrongly."""

    cells: float
    error: float


@dataclass(frozen=True, slots=True)
class Estimate(JsonRecord):
    """A number with its 95 % limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast(JsonRecord):
    """What `more` labels would gain in accuracy, by error = a * cells ** -power through the points."""

    points: list[CurvePoint]
    power: Estimate
    more: int
    gain: Estimate


def forecast(points: Sequence[Point], groups: Sequence[str], now: int, more: int, seed: int) -> Forecast:
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
    curve = [
        CurvePoint(round(float(count), 1), round(float(row.mean()), _DECIMALS))
        for count, row in zip(cells, wrong, strict=True)
    ]
    return Forecast(curve, _estimate(power), more, _estimate(gain))


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


def _estimate(values: NDArray[np.float64]) -> Estimate:
    low, high = (float(limit) for limit in np.percentile(values[1:], [2.5, 97.5]))
    return Estimate(round(float(values[0]), _DECIMALS), round(low, _DECIMALS), round(high, _DECIMALS))
