"""What stdout is: a terminal that can be drawn on, or whole lines to a reader that may go."""

import os
import sys
from collections.abc import Callable


def has_terminal() -> bool:
    """Return whether a screen can be drawn: keys come in, stdout is seen, and stderr, on which Textual draws."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and os.environ.get("TERM", "dumb") != "dumb"


def to_stdout() -> Callable[[str], None]:
    """Return a writer of whole lines to stdout; each is out when it returns."""

    def write(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    return write


def close_stdout() -> None:
    """Send what is still buffered nowhere: the reader has gone, which is no fault of ours."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
