"""What sessions, calibrations and sources of frames may be called: one rule, for each is typed and names files."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

NAME_RULE: Final = "use 1 to 64 letters, digits, dots, dashes and underscores, not beginning with a dot or dash"
"""The rule in words, as a hint to whoever typed a name."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


class NameUnusable(ValueError):
    """A name that cannot be a file's on every system.

    Parameters
    ----------
    name
        As it was typed.
    whose
        What it was to be the name of: session, calibration, source.
    """

    wrongly_typed = True
    hint = NAME_RULE

    def __init__(self, name: str, whose: str) -> None:
        super().__init__(f"{name!r} cannot be the name of a {whose}")


def is_name(text: str) -> bool:
    """Return whether a text keeps the rule."""
    return _NAME.fullmatch(text) is not None


def checked_name(name: str, whose: str) -> str:
    """Return a name that keeps the rule; raises `NameUnusable`."""
    if not is_name(name):
        raise NameUnusable(name, whose)
    return name


def _keeps_the_rule(text: str) -> str:
    if not is_name(text):
        raise ValueError(NAME_RULE)
    return text


PrintableName = Annotated[str, AfterValidator(_keeps_the_rule)]
"""A name in a settings model or a plan."""
