"""Text in a table for spreadsheets: what one would take for a formula is neutralised, and read back as it was."""

import re
from typing import Final

_QUOTE: Final = "'"
_TRAP: Final = re.compile(r"'*[=+\-@\t\r\n]")
_NEUTRAL: Final = re.compile(r"'+[=+\-@\t\r\n]")


def neutralised(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that begins as such gets a ' in front."""
    return f"{_QUOTE}{text}" if _TRAP.match(text) else text


def as_it_was(text: str) -> str:
    """Return a text as it was before `neutralised`."""
    return text.removeprefix(_QUOTE) if _NEUTRAL.match(text) else text
