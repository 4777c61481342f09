"""The processes of a run's roles, by what a list of processes shows of them."""

from collections.abc import Sequence

from smearwatch.daemon.process.role import PROCESS_TITLE


def role_of(command_line: Sequence[str]) -> str | None:
    """Return the role that a process is, None where it is none; forked ones have all in one word."""
    words = " ".join(command_line).split()
    return words[words.index(PROCESS_TITLE) + 1] if PROCESS_TITLE in words[:-1] else None
