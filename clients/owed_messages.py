"""Whether a session has a message that waits to be sent to the laboratory's system: a mark in its folder."""

from pathlib import Path
from typing import Final

from smearwatch.daemon.atomic_write import write_atomically

KEPT: Final = "messages"
"""In a session's folder: what was sent, a file each, and the mark."""

_MARK: Final = "owed"


def owes(folder: Path) -> bool:
    """Return whether a message of a session waits."""
    return (folder / KEPT / _MARK).exists()


def owe(folder: Path) -> None:
    """Leave the mark; raises OSError."""
    (folder / KEPT).mkdir(exist_ok=True)
    write_atomically(folder / KEPT / _MARK, b"")


def settle(folder: Path) -> None:
    """Take the mark away."""
    (folder / KEPT / _MARK).unlink(missing_ok=True)
