"""Whether frames can still be kept and still come: told before the disk is full, and while a folder is away."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from smearwatch.daemon.disk_room import free_room, room_text
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.wire.messages import SourceState

_EVERY_S = 5.0
_AWAY_S = 3.0


class DiskWatch:
    """Looks at the disk of a folder every few seconds.

    Parameters
    ----------
    folder
        The session's.
    refused
        Returns how many frames could not be kept until now, and why the last one could not.
    """

    def __init__(
        self, folder: Path, refused: Callable[[], tuple[int, str]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._refused = refused
        self._clock = clock
        self._next_s = clock()
        self._refused_before, _ = refused()
        self._said = ""

    def trouble(self) -> str:
        """Return in one line what is wrong with the disk, nothing while all is well."""
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + _EVERY_S
            said = self._look()
            if said and said != self._said:
                get_logger().warning("trouble with the disk", folder=str(self._folder), why=said)
            self._said = said
        return self._said

    def _look(self) -> str:
        if not self._folder.is_dir():
            return f"the session's folder is away, and pictures wait where they are: bring back {self._folder}"
        (refused, why), before = self._refused(), self._refused_before
        self._refused_before = refused
        if refused > before:
            return f"pictures cannot be kept, and wait where they are: {why}"
        try:
            return room_text(free_room(self._folder)[0]) or ""
        except OSError as error:
            return f"the folder of the sessions cannot be reached: {error.strerror}"


class FolderWatch:
    """Says when the watched folder is away, once it was there.

    Parameters
    ----------
    folder
        None where frames come from elsewhere.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._there_s: float | None = None

    def trouble(self, sources: Iterable[SourceState]) -> str:
        """Return that the folder is away, nothing while its source can read it."""
        states = list(sources)
        if self._folder is None or not states:
            return ""
        if all(state.scanned for state in states):
            self._there_s = self._clock()
        if self._there_s is None or self._clock() - self._there_s < _AWAY_S:
            return ""
        return f"the watched folder is away: bring back {self._folder}"
