"""Errors that a person can mend carry how, as their attribute ``mend``; this makes the one line from them."""

import sys

from smearwatch.daemon.columns import fold


def one_line(error: BaseException) -> str | None:
    """Return the line for a person, or None for an error that nobody foresaw."""
    mend = getattr(error, "mend", None)
    return f"{error} ({mend})" if mend else None


def say(line: str) -> None:
    """Write a line of the program to stderr; a terminal gets it folded at words, a file or pipe whole."""
    line = f"smearwatch: {line}"
    folded = fold(line, rest="  ") if sys.stderr.isatty() else [line]
    sys.stderr.write("\n".join(folded) + "\n")
