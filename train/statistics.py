"""Intervals and paired tests, each once: shares, two answers to the same cells, two independent shares."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import binomtest

from smearwatch.capture.arrays import Flags
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.train.json_record import JsonRecord

_DECIMALS: Final = 5
_P_DECIMALS: Final = 6
_MOST_CELLS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Share(JsonRecord):
    """`hits` of `n` with exact 95 % limits (Clopper-Pearson).

    Attributes
    ----------
    value
        None where n is 0.
    low, high
        Limits; 0 and 1 where n is 0.

    Raises
    ------
    ValueError
        Where `hits` is not within 0 to `n`.
    """

    hits: int
    n: int
    value: float | None = field(init=False, compare=False)
    low: float = field(init=False, compare=False)
    high: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        low, high = clopper_pearson(self.hits, self.n)
        _set(self, "value", round(self.hits / self.n, _DECIMALS) if self.n else None)
        _set(self, "low", round(low, _DECIMALS))
        _set(self, "high", round(high, _DECIMALS))

    @staticmethod
    def of(flags: Flags) -> "Share":
        """Count the flags that are set, of all of them."""
        return Share(int(flags.sum()), len(flags))

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Share":
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError where it is something else."""
        return Share(content["hits"], content["n"])

    def text(self) -> str:
        """Format for a person: value, limits and counts."""
        if self.value is None:
            return "none"
        return f"{self.value:.4f} ({self.low:.3f} to {self.high:.3f}; {self.hits}/{self.n})"


def share_text(content: Mapping[str, Any]) -> str:
    """Format a share as it stands in JSON."""
    return Share.from_json(content).text()


@dataclass(frozen=True, slots=True)
class Difference(JsonRecord):
    """A difference of two shares with its 95 % limits, rounded."""

    value: float
    low: float
    high: float

    def text(self, decimals: int = 4) -> str:
        """Format for a person: value and limits, signed."""
        value, low, high = (f"{number:+.{decimals}f}" for number in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Paired(JsonRecord):
    """Something that is true or false of the same n cells, before and after.

    Attributes
    ----------
    both, gained, lost, neither
        Cells of which it is true both times, after alone, before alone, never.
    difference
        after - before with limits by Tango's score method; None without cells.
    p_value
        Of the exact test of McNemar, two-sided.
    """

    n: int
    both: int
    gained: int
    lost: int
    neither: int = field(init=False, compare=False)
    before: Share = field(init=False, compare=False)
    after: Share = field(init=False, compare=False)
    difference: Difference | None = field(init=False, compare=False)
    p_value: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, "neither", self.n - self.both - self.gained - self.lost)
        _set(self, "before", Share(self.both + self.lost, self.n))
        _set(self, "after", Share(self.both + self.gained, self.n))
        _set(self, "difference", _paired_difference(self.gained, self.lost, self.n))
        _set(self, "p_value", round(mcnemar(self.gained, self.lost), _P_DECIMALS))

    @staticmethod
    def of(before: Flags, after: Flags) -> "Paired":
        """Compare flags [n] of the same cells in the same order."""
        gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
        return Paired(len(before), int((before & after).sum()), gained, lost)

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Paired":
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError where it is something else."""
        return Paired(content["n"], content["both"], content["gained"], content["lost"])

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name; without cells the difference has value, low and high, all None."""
        return {**JsonRecord.to_json(self), "difference": _limits_json(self.difference)}


@dataclass(frozen=True, slots=True)
class NetGain(JsonRecord):
    """What second answers to the same n cells gain over the first ones.

    Attributes
    ----------
    fixed, broken
        Cells that were wrong and became right, and the reverse.
    fixed_of_changed
        One half is no gain.
    rate
        (fixed - broken) / n with limits by Tango's score method; None without cells.
    """

    fixed: int
    broken: int
    n: int
    net: int = field(init=False, compare=False)
    fixed_of_changed: Share = field(init=False, compare=False)
    rate: Difference | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, "net", self.fixed - self.broken)
        _set(self, "fixed_of_changed", Share(self.fixed, self.fixed + self.broken))
        _set(self, "rate", _paired_difference(self.fixed, self.broken, self.n))

    @staticmethod
    def of(was_right: Flags, is_right: Flags) -> "NetGain":
        """Compare flags [n] of the same cells in the same order."""
        return NetGain(int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum()), len(was_right))

    def to_json(self) -> dict[str, Any]:
        """Return fixed, broken, net, n, fixed_of_changed; rate, low and high are None without cells."""
        rate = _limits_json(self.rate)
        limits = {"rate": rate["value"], "low": rate["low"], "high": rate["high"]}
        return {
            "fixed": self.fixed,
            "broken": self.broken,
            "net": self.net,
            "n": self.n,
            "fixed_of_changed": self.fixed_of_changed.to_json(),
            **limits,
        }


def mcnemar(gained: int, lost: int) -> float:
    """Return the p value, two-sided and exact: were both as likely, how often so unequal (McNemar 1947)."""
    changed = gained + lost
    return float(binomtest(lost, changed, 0.5).pvalue) if changed else 1.0


def tango(gained: int, lost: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the limits of (gained - lost) / count for paired cells.

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


def independent_difference(one: Share, two: Share) -> Difference:
    """Return one's share minus two's, of two independent samples.

    Raises
    ------
    ValueError
        Where one of them has no cells.

    Notes
    -----
    Newcombe, Statistics in Medicine 17 (1998) 873, method 10: the score limits of both shares, joined. Unlike the
    textbook interval it stays sensible where a share is at or near 1.
    """
    if not (one.n and two.n):
        raise ValueError("0 of 0 is no share")
    a, b = one.hits / one.n, two.hits / two.n
    (low_a, high_a), (low_b, high_b) = _wilson(one), _wilson(two)
    gap = a - b
    low = max(gap - math.hypot(a - low_a, high_b - b), -1.0)
    high = min(gap + math.hypot(high_a - a, b - low_b), 1.0)
    return Difference(round(gap, _DECIMALS), round(low, _DECIMALS), round(high, _DECIMALS))


def _wilson(share: Share, level: float = 0.95) -> tuple[float, float]:
    """Return the limits of a share by the score method (Wilson, J. Am. Stat. Assoc. 1927)."""
    limits = binomtest(share.hits, share.n).proportion_ci(level, method="wilson")
    return float(limits.low), float(limits.high)


def _paired_difference(gained: int, lost: int, count: int) -> Difference | None:
    if count == 0:
        return None
    return Difference(round((gained - lost) / count, _DECIMALS), *tango(gained, lost, count))


def _limits_json(difference: Difference | None) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None} if difference is None else difference.to_json()


def _set(result: object, name: str, value: object) -> None:
    """Set what follows from the counts, once, in a frozen dataclass."""
    object.__setattr__(result, name, value)
