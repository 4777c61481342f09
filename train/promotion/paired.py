"""The same cells judged twice: how far apart, how surely, and how many cells would settle it."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import binomtest

from smearwatch.train.statistics import share

_DECIMALS: Final = 5
_MOST_CELLS: Final = 200_000


def paired(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, Any]:
    """Compare something that is true or false of n cells, before and after.

    Parameters
    ----------
    before, after : bool arrays of shape [n]
        Of the same cells in the same order.

    Returns
    -------
    dict
        For JSON: n; both, gained (after alone), lost (before alone), neither, as counts; before and after as shares
        with exact limits; difference (after - before) with its 95 % limits by Tango's score method, None without
        cells; p_value of the exact test of McNemar, two-sided.
    """
    count = len(before)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    both = int((before & after).sum())
    low, high = tango(gained, lost, count) if count else (None, None)
    value = round((gained - lost) / count, _DECIMALS) if count else None
    return {
        "n": count,
        "both": both,
        "gained": gained,
        "lost": lost,
        "neither": count - both - gained - lost,
        "before": share(both + lost, count),
        "after": share(both + gained, count),
        "difference": {"value": value, "low": low, "high": high},
        "p_value": round(mcnemar(gained, lost), 6),
    }


def mcnemar(gained: int, lost: int) -> float:
    """P value, two-sided and exact: were both as likely, how often would they be so unequal (McNemar 1947)."""
    changed = gained + lost
    return float(binomtest(lost, changed, 0.5).pvalue) if changed else 1.0


def tango(gained: int, lost: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Limits of (gained - lost) / count for paired cells.

    The score method keeps its width where the two never differ (without a change in n cells the limits are
    -z²/(n + z²) and z²/(n + z²)), so a handful of cells never passes for a proof that nothing became worse.

    Raises
    ------
    ValueError
        The counts are no part of `count`, or that is 0.

    Notes
    -----
    Tango, Statistics in Medicine 17 (1998) 891: all differences that the score test does not reject, with the share
    of the lost at its likeliest value under each.
    """
    if not (gained >= 0 and lost >= 0 and 0 < count >= gained + lost):
        msg = f"{gained} gained and {lost} lost are no part of {count} cells"
        raise ValueError(msg)
    z = float(ndtri(0.5 + level / 2))
    point = (gained - lost) / count

    def score(difference: float) -> float:
        linear = -gained - lost + (2 * count - gained + lost) * difference
        constant = -lost * difference * (1 - difference)
        likeliest = (math.sqrt(max(linear * linear - 8 * count * constant, 0.0)) - linear) / (4 * count)
        variance = count * (2 * likeliest + difference * (1 - difference))
        return (gained - lost - count * difference) / math.sqrt(max(variance, 1e-300))

    edge = 1 - 1e-12
    low = -1.0 if lost == count else brentq(lambda at: score(at) - z, -edge, point)
    high = 1.0 if gained == count else brentq(lambda at: score(at) + z, point, edge)
    return round(float(low), _DECIMALS), round(float(high), _DECIMALS)


def cells_needed(gained: int, lost: int, count: int, margin: float) -> int | None:
    """Return how many cells would put the lower limit above ``-margin``, were they to change as these did.

    Returns
    -------
    int or None
        None where the difference itself is that low, or more than 200,000 were needed.
    """
    if count == 0 or (gained - lost) / count <= -margin:
        return None

    def enough(cells: int) -> bool:
        changed = [round(part * cells / count) for part in (gained, lost)]
        return tango(changed[0], changed[1], cells)[0] > -margin

    low, high = 0, count
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST_CELLS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
