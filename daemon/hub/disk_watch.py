"""Whether frames can still be kept: told before the disk is full, and while it refuses them."""

import time
from collections.abc import Callable
from pathlib import Path

from smearwatch.daemon.disk_room import MEND, free_room, room_text
from smearwatch.daemon.log import get_logger

_EVERY_S = 5.0


class DiskWatch:
    """Looks at the disk of a folder every few seconds.

    Parameters
    ----------
    folder
        Where sessions are kept.
    refused
        Returns how many frames could not be kept until now.
    """

    def __init__(
        self, folder: Path, refused: Callable[[], int], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._refused = refused
        self._clock = clock
        self._next_s = clock()
        self._refused_before = refused()
        self._said = ""

    def trouble(self) -> str:
        """Return in one line what is wrong with the disk, nothing while all is well."""
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + _EVERY_S
            said = self._look()
            if said and said != self._said:
                get_logger().warning(said)
            self._said = said
        return self._said

    def _look(self) -> str:
        refused, before = self._refused(), self._refused_before
        self._refused_before = refused
        if refused > before:
            return f"pictures cannot be kept, and wait where they are: the disk refuses them ({MEND})"
        try:
            return room_text(free_room(self._folder)[0]) or ""
        except OSError as error:
            return f"the folder of the sessions cannot be reached: {error.strerror}"
