"""A class's share and its limits in words: one form in every summary, list and screen."""

from collections.abc import Mapping
from typing import Final

DASH: Final = "\N{EN DASH}"
"""Stands where there is no value, and between the two ends of a range."""


def percent_text(share: Mapping[str, float | None]) -> str:
    """Return a share with one decimal, or a dash while there is none."""
    value = share["value"]
    return DASH if value is None else f"{value:.1f}"


def fine_limits_text(share: Mapping[str, float | None]) -> str:
    """Return a 95 % interval with one decimal."""
    low, high = share["low"], share["high"]
    if low is None or high is None:
        return DASH
    return f"{low:.1f} {DASH} {high:4.1f}"


def share_line(name: str, count: int, share: Mapping[str, float | None]) -> str:
    """Return a class's row in a summary: its cells, its share, and the share's limits."""
    return f"  {name:<12}{count:>6}{percent_text(share):>8} %   95 % interval {fine_limits_text(share):>12}"
