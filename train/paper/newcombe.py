"""The difference of two shares with its interval."""

import math

from smearwatch.train.statistics import wilson


def difference(hits_a: int, count_a: int, hits_b: int, count_b: int) -> tuple[float, float, float]:
    """Return a's share minus b's, and 95 % limits of that difference, for two independent samples.

    Newcombe, Statistics in Medicine 17 (1998) 873, method 10: the score limits of both shares, joined. Unlike the
    textbook interval it stays sensible where a share is at or near 1.

    Raises
    ------
    ValueError
        Where a count is 0 or hits are no part of it.
    """
    for hits, count in ((hits_a, count_a), (hits_b, count_b)):
        if count < 1 or not 0 <= hits <= count:
            msg = f"{hits} of {count} is no share"
            raise ValueError(msg)
    a, b = hits_a / count_a, hits_b / count_b
    (low_a, high_a), (low_b, high_b) = wilson(hits_a, count_a), wilson(hits_b, count_b)
    gap = a - b
    low = gap - math.hypot(a - low_a, high_b - b)
    high = gap + math.hypot(high_a - a, b - low_b)
    return gap, max(low, -1.0), min(high, 1.0)
