"""Whole lines on stdout, and a reader that has gone."""

import os
import sys
from collections.abc import Callable


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
