"""Progress of something that takes longer, on stderr where that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]
"""Takes how many are done by now."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Yield what is told how many of `total` are done; the line is gone in the end. Without a terminal it is silent."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    step = max(1, total // 100)

    def advance(done: int) -> None:
        if done % step == 0 or done == total:
            sys.stderr.write(f"\r{done}/{total} {what}")
            sys.stderr.flush()

    try:
        yield advance
    finally:
        sys.stderr.write("\r\033[K")
