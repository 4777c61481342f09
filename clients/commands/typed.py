"""Names and sentences as options of a command; what cannot be one is wrong usage."""

from typing import Annotated

import typer

from smearwatch.clients.typed_text import LONGEST_NAME, LONGEST_TEXT, TextUnfit, typed_text

HubOption = Annotated[
    str | None,
    typer.Option(
        "--hub", metavar="ADDRESS", help="The hub of another computer, tcp://HOST:PORT. [default: this computer's]"
    ),
]
"""Which hub is asked."""


def name_of_person(typed: str, option: str = "--by") -> str:
    """Return a person's name; raises `typer.BadParameter`."""
    return _within(typed, LONGEST_NAME, "name the person", option)


def sentence(typed: str, what: str, option: str) -> str:
    """Return a reason or a note; raises `typer.BadParameter`."""
    return _within(typed, LONGEST_TEXT, what, option)


def _within(typed: str, longest: int, what: str, option: str) -> str:
    try:
        return typed_text(typed, longest, what)
    except TextUnfit as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
