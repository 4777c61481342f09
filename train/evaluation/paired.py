"""Two answers to the same cells: how much better is the second, with limits."""

import math
from typing import Any

from smearwatch.train.statistics import share, wilson

_DECIMALS = 5


def net_gain(fixed: int, broken: int, right_both: int, count: int) -> dict[str, Any]:
    """Gain in accuracy of second answers over first ones for the same cells.

    Parameters
    ----------
    fixed
        Cells that were wrong and became right.
    broken
        Cells that were right and became wrong.
    right_both
        Cells that were and stayed right.
    count
        All cells.

    Returns
    -------
    dict
        fixed, broken, net (cells), n, fixed_of_changed (share with exact limits, one half is no gain), rate (net / n),
        low, high: 95 % limits of the rate by Newcombe's score method for paired proportions; None without cells.
    """
    low, high = newcombe_paired(fixed, broken, right_both, count) if count else (None, None)
    return {
        "fixed": fixed,
        "broken": broken,
        "net": fixed - broken,
        "n": count,
        "fixed_of_changed": share(fixed, fixed + broken),
        "rate": round((fixed - broken) / count, _DECIMALS) if count else None,
        "low": low,
        "high": high,
    }


def newcombe_paired(fixed: int, broken: int, right_both: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Limits of (fixed - broken) / count.

    Notes
    -----
    Newcombe, Statistics in Medicine 17 (1998) 2635, method 10: Wilson's limits of both accuracies, joined with their
    correlation, which is corrected for continuity.
    """
    wrong_both = count - right_both - fixed - broken
    first, second = right_both + broken, right_both + fixed
    low_1, high_1 = wilson(first, count, level)
    low_2, high_2 = wilson(second, count, level)
    one, two = first / count, second / count
    tie = _correlation(right_both, broken, fixed, wrong_both)
    down, up = two - low_2, high_1 - one
    under = math.sqrt(max(0.0, down * down - 2 * tie * down * up + up * up))
    up_2, down_1 = high_2 - two, one - low_1
    over = math.sqrt(max(0.0, up_2 * up_2 - 2 * tie * up_2 * down_1 + down_1 * down_1))
    return round(two - one - under, _DECIMALS), round(two - one + over, _DECIMALS)


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    if product > 0:
        product = max(product - (both + only_first + only_second + neither) / 2, 0)  # type: ignore[assignment]
    return product / math.sqrt(margins)
