"""Refuse values outside their limits, each with one line that names the value and the limits."""

from collections.abc import Iterable

from smearwatch.capture.slide.errors import SlideError


def check(what: str, limits: Iterable[tuple[str, float, float, float]]) -> None:
    """Refuse the first value outside its limits.

    Parameters
    ----------
    what
        What has the values, as the beginning of the message: ``a slide``.
    limits
        Name, value, lowest and highest allowed value of each.

    Raises
    ------
    SlideError
        Names the value and its limits.
    """
    for name, value, low, high in limits:
        # Written so that a value that is not a number is refused, too.
        if not low <= value <= high:
            raise SlideError(f"{what} cannot have {name} {value}", hint=f"use {low:g} to {high:g}")


def check_range(what: str, name: str, ends: tuple[float, float], low: float, high: float) -> None:
    """Refuse a range whose ends are outside their limits or in the wrong order."""
    check(what, ((name, ends[0], low, high), (name, ends[1], low, high)))
    if ends[0] > ends[1]:
        raise SlideError(f"{what} cannot have {name} {ends[0]:g} to {ends[1]:g}", hint="give the smaller end first")
