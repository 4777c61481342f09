"""What a run is to reach, as it is typed: ``CLASS=N`` and ``[CLASS=]POINTS``."""

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

import typer

from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.targets import TARGET_NAMES, WIDEST

_Value = TypeVar("_Value", int, float)
_MOST = 1_000_000


def choose_classes(given: Iterable[str]) -> dict[str, int]:
    """Return the wanted cells by class; raises `typer.BadParameter` for what is none."""
    return _by_class(given, "--target-class", _cells)


def choose_within(given: Iterable[str]) -> dict[str, float]:
    """Return the wanted half widths by class, in percent points; a number alone is for every class.

    Raises
    ------
    typer.BadParameter
        It is none.
    """
    every = [f"{name}={text}" for text in given if "=" not in text for name in CLASSES]
    own = [text for text in given if "=" in text]
    named = {text.partition("=")[0] for text in own}
    return _by_class(
        [*(text for text in every if text.partition("=")[0] not in named), *own], "--target-within", _points
    )


def _by_class(given: Iterable[str], option: str, value_of: Callable[[str], _Value]) -> dict[str, _Value]:
    wanted: dict[str, _Value] = {}
    for text in given:
        name, equals, number = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not of the form CLASS=N, as in monocyte=50", param_hint=option)
        if name not in TARGET_NAMES:
            near = difflib.get_close_matches(name, TARGET_NAMES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(TARGET_NAMES)}"
            raise typer.BadParameter(f"{name!r} is no class; {hint}", param_hint=option)
        if name in wanted:
            raise typer.BadParameter(f"{name} is given twice", param_hint=option)
        try:
            wanted[name] = value_of(number)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r}: {error}", param_hint=option) from None
    return wanted


def _cells(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= _MOST):
        raise ValueError(f"give a number of cells from 1 to {_MOST}")
    return int(text)


def _points(text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = 0.0
    if not 0.0 < points <= WIDEST:
        raise ValueError(f"give percent points above 0, {WIDEST:g} at most")
    return points
