"""Names and sentences as a person types them, ready for the record; what cannot be one is wrong usage."""

from typing import Final

import typer

from smearwatch.daemon.record.values import printable

_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 1000


def name_of_person(typed: str, option: str = "--by") -> str:
    """Return a person's name; raises `typer.BadParameter`."""
    return _within(typed, _LONGEST_NAME, "name the person", option)


def sentence(typed: str, what: str, option: str) -> str:
    """Return a reason or a note; raises `typer.BadParameter`."""
    return _within(typed, _LONGEST_TEXT, what, option)


def _within(typed: str, longest: int, what: str, option: str) -> str:
    text = " ".join(str(printable(typed)).split())
    if not 0 < len(text) <= longest:
        raise typer.BadParameter(f"{what} in 1 to {longest} letters", param_hint=option)
    if not text.isprintable():
        raise typer.BadParameter(f"{what} in letters that can be seen: one here cannot", param_hint=option)
    return text
