"""Is a difference between a count and an analyser's share explained by sampling? Exact tests, each against the rest."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

LEVEL: Final = 0.05
"""Below this probability a difference is not explained by sampling."""

POWER: Final = 0.8
MOST_CELLS: Final = 10_000
"""More cells than this nobody counts by hand or by camera: it is not looked further."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An analyser's share of one part.

    Attributes
    ----------
    low, high
        Between which fractions it lies: it was rounded when it was printed.
    cells
        Of how many cells it is, None where that is not known: then the share is taken as without error.
    """

    low: float
    high: float
    cells: int | None

    @property
    def middle(self) -> float:
        """The share as printed."""
        return (self.low + self.high) / 2


def p_value(k: int, n: int, reference: Reference) -> float:
    """Return the two-sided probability of so large a difference by sampling alone.

    Parameters
    ----------
    k, n : int
        Cells of the part, and all that were counted.
    reference : Reference
        The analyser's share.

    Returns
    -------
    float
        The largest one for any share that could have been printed so.

    Notes
    -----
    Fisher's exact test where the analyser's cells are known, else the exact binomial test. Both sum the probabilities
    of all outcomes that are no likelier than the one seen.
    """
    import numpy as np
    from scipy.stats import binomtest, fisher_exact  # a second to load

    low, high, cells = reference.low, reference.high, reference.cells
    if cells is None:
        shares = {low, high, min(max(k / n, low), high)}
        return max(float(binomtest(k, n, share).pvalue) for share in shares)
    first, last = math.ceil(low * cells - 1e-9), math.floor(high * cells + 1e-9)
    if first > last:  # no number of cells gives the printed share
        first = last = round(reference.middle * cells)
    theirs = {first, last, min(max(round(k / n * cells), first), last)}
    return max(float(fisher_exact(np.array([[k, n - k], [x, cells - x]])).pvalue) for x in theirs)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the probabilities adjusted for their number, by the method of Holm (1979), in their order."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def cells_to_settle(k: int, n: int, reference: Reference, *, tests: int) -> int | None:
    """Return of how many cells in all the difference would be found with a probability of 80 %.

    Parameters
    ----------
    k, n : int
        Cells of the part, and all that were counted. The share is taken as it is now.
    reference : Reference
        The analyser's share; its cells stay as many.
    tests : int
        Among how many tests this is one: it has to hold at 5 % divided by them.

    Returns
    -------
    int or None
        Computed exactly, to 1 %; None where there is no difference, or `MOST_CELLS` are not enough.
    """
    share = k / n
    if reference.low <= share <= reference.high:
        return None
    level = LEVEL / tests
    few, many = 0, n
    while _power(share, many, reference, level) < POWER:
        if many == MOST_CELLS:
            return None
        few, many = many, min(MOST_CELLS, math.ceil(many * 1.5) + 1)
    while many - few > max(1, many // 100):
        middle = (few + many) // 2
        if _power(share, middle, reference, level) < POWER:
            few = middle
        else:
            many = middle
    return many


def _power(share: float, n: int, reference: Reference, level: float) -> float:
    """Return how probable it is that so many cells show a difference from the reference."""
    from scipy.stats import binom

    centre = round(n * reference.middle)
    found: Callable[[int], bool] = lambda k: p_value(k, n, reference) < level  # noqa: E731
    # On either side of the centre a larger difference is never more probable.
    low = _last(0, centre, found)
    high = n - _last(0, n - centre, lambda k: found(n - k))
    return float((binom.cdf(low, n, share) if low >= 0 else 0.0) + (binom.sf(high - 1, n, share) if high <= n else 0.0))


def _last(first: int, last: int, holds: Callable[[int], bool]) -> int:
    """Return the last number for which something holds that holds up to there; the one before the first if none."""
    if not holds(first):
        return first - 1
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if holds(middle) else (first, middle)
    return first
