"""Text in lines that fit a terminal of the usual width."""

import textwrap
from typing import Final, TextIO

COLUMNS: Final = 80
"""What every line for a person fits into."""

_BREAKS: Final = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_IN_A_LINE: Final = "\N{REPLACEMENT CHARACTER}"


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


def lines_for(stream: TextIO, text: str, *, rest: str = "  ") -> list[str]:
    """Return a line as whoever reads the stream wants it: folded on a terminal, whole in a file or pipe.

    Parameters
    ----------
    stream : TextIO
        Where the line will be written.
    text : str
        One line.
    rest : str
        What stands before each further line.
    """
    if stream.isatty():
        return fold(visible(text), rest=rest)
    # Whoever reads a file or the journal takes each line for one: no name of a file makes two of it.
    return [visible("".join(_IN_A_LINE if each in _BREAKS else each for each in text))]


def visible(text: str) -> str:
    """Return a text without letters that cannot be seen: the name of a file may hold what moves a terminal's cursor."""
    return "".join(each if each.isprintable() or each.isspace() else _IN_A_LINE for each in text)


def write_line(stream: TextIO, text: str, *, rest: str = "  ") -> None:
    """Write a line as `lines_for` gives it."""
    stream.write("\n".join(lines_for(stream, text, rest=rest)) + "\n")


def size_text(size_bytes: int) -> str:
    """Return a size with its unit, in steps of a thousand."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
