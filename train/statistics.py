"""Shares with exact limits, as reports hold them."""

from typing import Any

from scipy.stats import binomtest

from smearwatch.daemon.record.intervals import clopper_pearson

_DECIMALS = 5


def share(hits: int, count: int) -> dict[str, Any]:
    """`hits` of `count` with value and exact 95 % limits (Clopper-Pearson); the value is None where count is 0."""
    low, high = clopper_pearson(hits, count)
    value = round(hits / count, _DECIMALS) if count else None
    return {"hits": hits, "n": count, "value": value, "low": round(low, _DECIMALS), "high": round(high, _DECIMALS)}


def say(entry: dict[str, Any]) -> str:
    """Write such a share for a person: value, limits and counts."""
    if not entry["n"]:
        return "none"
    limits = f"{entry['low']:.3f} to {entry['high']:.3f}"
    return f"{entry['value']:.4f} ({limits}; {entry['hits']}/{entry['n']})"


def wilson(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Limits of a share by the score method (Wilson, J. Am. Stat. Assoc. 1927), of which others are built."""
    limits = binomtest(hits, count).proportion_ci(level, method="wilson")
    return float(limits.low), float(limits.high)
