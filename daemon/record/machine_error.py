"""Limits of a class's true share that hold both: which cells the smear happened to show, and how the machine errs.

What a person named counts as named. Of the rest the machine's word alone is known, and how often that word is right is
known from the cells of the same part that were drawn at random and named: as a distribution (mid-P) for each part. From
it follow draws of how many of the rest are of the class, and from each of these the exact limits of a counted share.
Where everything is named the limits are those of Clopper and Pearson.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from smearwatch.daemon.record.intervals import clopper_pearson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Real = NDArray[np.float64]

PART: Final = ("left", "hits", "others", "none", "known_hits", "known_others", "known_none")
"""The columns of a part: cells that were not drawn; drawn ones of the class, other leukocytes, neither; and of those
that were not drawn the ones that are known all the same, in the same order."""

DRAWS: Final = 4000
SEED: Final = 20
_GRID: Final = 200


def share_limits(
    settled: "Real", parts: "Real", *, level: float = 0.95, draws: int = DRAWS, seed: int = SEED
) -> "Real":
    """Return the lower and the upper limit of the class's share of the leukocytes, for each case [cases, 2].

    Parameters
    ----------
    settled
        Cells that are known for certain [cases, 2]: of the class, other leukocytes. The drawn ones are among them.
    parts
        What is not known for certain [cases, parts, 7], in the columns of `PART`. Drawn cells must be a random sample
        of their part. How many are left is a whole number; the others need not be, so that one can ask what more drawn
        cells would bring.
    level
        Confidence level.
    draws
        How many draws; more make the limits steadier.
    seed
        Of the draws: the same counts give the same limits.

    Notes
    -----
    A part's distribution is the mid-P confidence distribution of a binomial share, half of Beta(x, n - x + 1) and half
    of Beta(x + 1, n - x), so that no error seen in n cells still leaves room for about 3/n. Parts are joined draw by
    draw, as in Fay, Proschan and Brittain, Biometrics 71 (2015) 146; the smear's own chance comes last, as the
    beta distributions of Clopper and Pearson.
    """
    import numpy as np  # slow to load, and only needed where cells were drawn

    # Cases that came out alike have the same limits, and are computed once.
    alike, which = np.unique(
        np.concatenate([settled, parts.reshape(len(parts), -1)], axis=1), axis=0, return_inverse=True
    )
    settled, parts = alike[:, :2], alike[:, 2:].reshape(len(alike), *parts.shape[1:])
    random = np.random.default_rng(seed)
    hits, others = (np.repeat(column[:, None], draws, axis=1).astype(float) for column in settled.T)
    for part in np.moveaxis(parts, 1, 0):
        left, x, y, z, known_x, known_y, known_z = (column[:, None] for column in part.T)
        found = random.binomial(left.astype(np.int64), _shares(x, x + y + z, random, draws))
        found = np.clip(found, known_x, left - known_y - known_z).astype(np.int64)
        rest = left.astype(np.int64) - found
        hits += found
        others += np.clip(random.binomial(rest, _shares(y, y + z, random, draws)), known_y, rest - known_z)
    tail = (1 - level) / 2
    low = np.quantile(_beta(hits, others + 1, random), tail, axis=1, method="weibull")
    high = np.quantile(_beta(hits + 1, others, random), 1 - tail, axis=1, method="weibull")
    limits = np.stack([low, high], axis=1)
    for case in np.flatnonzero(parts[:, :, 0].sum(axis=1) == 0):  # nothing is left to chance but the smear
        k, n = round(settled[case, 0]), round(settled[case].sum())
        limits[case] = clopper_pearson(k, n, level)
    return limits[which.ravel()]


def _shares(x: "Real", n: "Real", random: Any, draws: int) -> "Real":
    """Draw shares of which x in n were seen [cases, draws]."""
    import numpy as np

    pairs, which = np.unique(np.concatenate([x, n], axis=1), axis=0, return_inverse=True)
    table = np.stack([_spread(float(seen), float(of)) for seen, of in pairs])
    drawn: Real = table[which.reshape(-1, 1), random.integers(0, 2 * _GRID, (len(x), draws))]
    return drawn


@lru_cache(maxsize=8192)
def _spread(x: float, n: float) -> "Real":
    """Return evenly spaced quantiles of the mid-P confidence distribution of a share."""
    import numpy as np
    from scipy.special import betaincinv

    at = (np.arange(_GRID) + 0.5) / _GRID
    low = np.zeros(_GRID) if x == 0 else betaincinv(x, n - x + 1, at)
    high = np.ones(_GRID) if x == n else betaincinv(x + 1, n - x, at)
    return np.concatenate([low, high])


def _beta(a: "Real", b: "Real", random: Any) -> "Real":
    """Draw from beta distributions; where a parameter is 0 the share is at that end for certain."""
    import numpy as np

    drawn = random.beta(np.maximum(a, 1e-9), np.maximum(b, 1e-9))
    ends: Real = np.where(a == 0, 0.0, np.where(b == 0, 1.0, drawn))
    return ends
