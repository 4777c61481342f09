"""Exact confidence limits of a counted share, as fractions and as JSON has them."""

from functools import lru_cache

from smearwatch.daemon.record.beta import beta_quantile


@lru_cache(maxsize=4096)
def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided binomial limits of k in n.

    Parameters
    ----------
    k : int
        How many cells are of the class, 0 to `n`.
    n : int
        How many cells were counted; with 0 nothing is known and the limits are 0 and 1.
    level : float
        Confidence level between 0 and 1, both excluded.

    Returns
    -------
    tuple of float
        Lower and upper limit as fractions. 0 of `n` has the lower limit 0 and `n` of `n` the upper limit 1, exactly.

    Raises
    ------
    ValueError
        `k` is not within 0 to `n`, or `level` is not between 0 and 1.

    Notes
    -----
    Clopper and Pearson, Biometrika 26 (1934) 404, written as quantiles of the beta distribution.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    if not 0 < level < 1:
        raise ValueError(f"a confidence level of {level} is not between 0 and 1")
    if n == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else beta_quantile(k, n - k + 1, tail)
    high = 1.0 if k == n else beta_quantile(k + 1, n - k, 1 - tail)
    return low, high


def percent_json(k: int, n: int) -> dict[str, float | None]:
    """Return the share of k in n and its exact 95 % limits, in percent; without cells the value is None."""
    low, high = clopper_pearson(k, n)
    return {
        "value": round(100 * k / n, 4) if n else None,  # so that one decimal on a screen is rounded once
        "low": round(100 * low, 2),
        "high": round(100 * high, 2),
    }
