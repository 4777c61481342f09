"""Names and sentences as options of a command; what cannot be one is wrong usage."""

from typing import Annotated

import typer

from smearwatch.clients.typed_text import LONGEST_TEXT, TextUnfit, typed_name, typed_text

HubOption = Annotated[
    str | None,
    typer.Option(
        "--hub", metavar="ADDRESS", help="The hub of another computer, tcp://HOST:PORT. [default: this computer's]"
    ),
]
"""Which hub is asked."""


def name_of_person(typed: str, option: str = "--by") -> str:
    """Return a person's name; raises `typer.BadParameter`."""
    try:
        return typed_name(typed, "name the person")
    except TextUnfit as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def sentence(typed: str, what: str, option: str) -> str:
    """Return a reason or a note; raises `typer.BadParameter`."""
    try:
        return typed_text(typed, LONGEST_TEXT, what)
    except TextUnfit as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
