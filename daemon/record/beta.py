"""Quantiles of the beta distribution, in plain Python: to load SciPy takes longer than all limits of a session."""

import math
from typing import Final

_ENOUGH: Final = 1e-7  # a step as small as this, of one that triples its digits, is the last one
_MOST_STEPS: Final = 200
_MOST_TERMS: Final = 100_000  # ten million cells take some thousand
_SMALL: Final = 10.0
_HALF_LOG_2_PI: Final = 0.5 * math.log(2 * math.pi)


def beta_quantile(a: float, b: float, below: float) -> float:
    """Return where the beta distribution has this probability below it.

    Parameters
    ----------
    a, b : float
        The distribution's parameters, both at least 1.
    below : float
        Probability between 0 and 1, both excluded.

    Returns
    -------
    float
        Between 0 and 1, to twelve digits.

    Notes
    -----
    Halley's steps within an interval that is cut in half where a step leaves it.
    """
    low, high, x = 0.0, 1.0, _first_guess(a, b, below)
    for _ in range(_MOST_STEPS):
        inside = _density_times(a, b, x)
        off = _probability(a, b, x, inside) - below
        low, high = (low, x) if off > 0 else (x, high)
        density = inside / (x * (1 - x))
        step = off / density if density > 0 else math.inf
        if math.isfinite(step):
            step /= min(1.5, max(0.5, 1 - 0.5 * step * ((a - 1) / x - (b - 1) / (1 - x))))
        nearer = x - step
        if not low <= nearer <= high:
            nearer = (low + high) / 2
        if abs(nearer - x) <= _ENOUGH * min(x, 1 - x):
            return nearer
        x = nearer
    return x


def _first_guess(a: float, b: float, below: float) -> float:
    """Return Wilson's limit, which is near, for shares that are not."""
    far = math.sqrt(-2 * math.log(min(below, 1 - below)))
    z = far - (2.30753 + 0.27061 * far) / (1 + (0.99229 + 0.04481 * far) * far)  # the normal quantile, to 0.003
    z, n = math.copysign(z, below - 0.5), a + b - 1
    share = (a - 0.5) / n
    middle = share + z * z / (2 * n)
    return (middle + z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)) / (1 + z * z / n)


def _density_times(a: float, b: float, x: float) -> float:
    """Return x (1 - x) times the density, without the cancelling of large logarithms: Loader's way."""
    mean, n = a / (a + b), a + b
    off = x - mean
    power = a * math.log1p(off / mean) + b * math.log1p(-off / (1 - mean))
    return math.sqrt(a * b / (2 * math.pi * n)) * math.exp(power + _beyond(n) - _beyond(a) - _beyond(b))


def _beyond(n: float) -> float:
    """Return what the logarithm of the gamma function has beyond Stirling's first terms."""
    if n < _SMALL:
        return math.lgamma(n) - ((n - 0.5) * math.log(n) - n + _HALF_LOG_2_PI)
    square = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n


def _probability(a: float, b: float, x: float, inside: float) -> float:
    """Return the probability below x; `inside` is `_density_times` there."""
    if x > (a + 1) / (a + b + 2):
        return 1 - inside * _fraction(b, a, 1 - x) / b
    return inside * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz; x is not beyond the mean by much."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    whole = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        c, d = 1 + even / c, 1 / (1 + even * d)
        whole *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        c, d = 1 + odd / c, 1 / (1 + odd * d)
        whole *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return whole
