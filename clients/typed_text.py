"""Names and sentences as a person types them, ready for the record: at a command and on a screen alike."""

from typing import Final

from smearwatch.daemon.record.description import IN_A_TABLE
from smearwatch.daemon.record.values import printable

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 1000


class TextUnfit(ValueError):
    """What was typed cannot stand in the record."""


def typed_text(typed: str, longest: int, what: str) -> str:
    """Return a text with one space between its words; raises `TextUnfit`, which says what is expected.

    Parameters
    ----------
    longest
        Letters, at most.
    what
        What is to be done, as in ``name the person``.
    """
    text = " ".join(str(printable(typed)).split())
    if not 0 < len(text) <= longest:
        raise TextUnfit(f"{what} in 1 to {longest} letters")
    if not text.isprintable():
        raise TextUnfit(f"{what} in letters that can be seen: one here cannot")
    return text


def typed_name(typed: str, what: str) -> str:
    """Return a person's name, as `typed_text` does; raises `TextUnfit` where it begins as a formula, too."""
    name = typed_text(typed, LONGEST_NAME, what)
    if name[0] in IN_A_TABLE:
        raise TextUnfit(f"{what}: {name!r} begins with {name[0]!r}; begin with a letter or digit")
    return name
