"""Whether other sessions have the pictures of the one that is shown, asked anew where it has more of them."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from smearwatch.clients.view import View
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.record.elsewhere import pictures_of, sessions_with
from smearwatch.daemon.record.schema import LedgerUnusable

_AGAIN_S: Final = 10.0


class Elsewhere:
    """Adds to views which other sessions have the same pictures, ``pictures_elsewhere`` in the tally.

    All other sessions are asked, so only new pictures are looked up, and not for each of them at once.

    Parameters
    ----------
    state_dir : Path
        Where sessions live.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, state_dir: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._session = ""
        self._seen = 0
        self._looked_up = 0
        self._at_s = -_AGAIN_S
        self._found: Counter[str] = Counter()

    def add(self, view: View) -> View:
        """Return a view with ``pictures_elsewhere`` in its tally, where other sessions have some."""
        if view.tally is None or view.session is None:
            return view
        found = self.of(view.session, view.tally["frames"]["seen"])
        return replace(view, tally={**view.tally, "pictures_elsewhere": found}) if found else view

    def of(self, session: str, seen: int) -> dict[str, int]:
        """Return which other sessions have pictures of a session that has seen so many, and how many."""
        if session != self._session or seen < self._seen:
            self._session, self._seen, self._looked_up, self._at_s = session, 0, 0, self._clock() - _AGAIN_S
            self._found.clear()
        if seen != self._seen and self._clock() - self._at_s >= _AGAIN_S:
            try:
                new = pictures_of(self._state_dir, session, self._looked_up)
                self._found.update(sessions_with(self._state_dir, session, new))
            except (LedgerUnusable, NameUnusable):  # the daemon may keep its sessions elsewhere
                new = []
            self._looked_up += len(new)
            self._seen, self._at_s = seen, self._clock()
        return dict(self._found)
