"""Errors that a person can put right carry how, as their attribute ``hint``; this makes the one line from them."""

import sys

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.withheld import for_stream


def one_line(error: BaseException) -> str | None:
    """Return the line for a person, or None for an error that nobody foresaw."""
    # Packages with sources of frames that were written for earlier versions call it ``mend``.
    hint = getattr(error, "hint", None) or getattr(error, "mend", None)
    return f"{error} ({hint})" if hint else None


def say(line: str) -> None:
    """Write a line of the program to stderr; a terminal gets it folded at words, a file whole, the journal no names."""
    write_line(sys.stderr, for_stream(sys.stderr, f"smearwatch: {line}"))
