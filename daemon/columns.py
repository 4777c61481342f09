"""Text in lines that fit a terminal of the usual width."""

import textwrap
from typing import Final

COLUMNS: Final = 80
"""What every line for a person fits into."""


def fold(text: str, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most `COLUMNS` characters; only a single longer word (a path) may be longer.

    Parameters
    ----------
    text : str
        One paragraph; its own line breaks are taken as spaces.
    first, rest : str
        What stands before the first line and before each further one.
    """
    lines = textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first.rstrip()]
