"""The corrected result of the session that is shown: read from its ledger, for the hub's tally remembers no cells."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from smearwatch.clients.view import View
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.record.corrected import WITHIN, corrected_json
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder

_AGAIN_S: Final = 0.9


class Corrections:
    """Adds the corrected result to views. A session that nobody has labelled is not read, for it has none.

    Parameters
    ----------
    state_dir : Path
        Where sessions live.
    within : float
        How near each share is to be known, in percentage points to either side.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    behind : bool
        Whether the last view has an earlier one, for computing it takes a moment and is done once a second at most.
    """

    def __init__(self, state_dir: Path, within: float = WITHIN, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = state_dir
        self._within = within
        self._clock = clock
        self._corrected: dict[str, Any] | None = None
        self._of: tuple[str | None, int] = (None, 0)
        self._at_s = -_AGAIN_S
        self.behind = False
        self._draws, self._number = DrawFold(), 0
        self._first: str | None = None

    def add(self, view: View, *, at_once: bool = False) -> View:
        """Return a view with ``corrected`` in its tally, None where nothing was drawn and named.

        Parameters
        ----------
        at_once
            Compute it, however short a time ago that was done.
        """
        if view.tally is None:
            return view
        return replace(view, tally={**view.tally, "corrected": self._now(view, view.tally, at_once=at_once)})

    def _now(self, view: View, tally: Mapping[str, Any], *, at_once: bool) -> dict[str, Any] | None:
        of = (view.session, view.event)
        if tally["reviewed"] is None or view.session is None:
            self._of, self._corrected, self.behind = of, None, False
        elif of == self._of:
            self.behind = False
        else:
            is_same = of[0] == self._of[0]
            self.behind = is_same and not at_once and self._clock() - self._at_s < _AGAIN_S
            if not self.behind:
                self._corrected = self._computed(view.session, view.event)
                self._of, self._at_s = of, self._clock()
        return self._corrected

    def _computed(self, session: str, event: int) -> dict[str, Any] | None:
        try:
            with LedgerReader.read(session_folder(self._state_dir, session)) as ledger:
                first = next(iter(ledger.events(limit=1)), None)
                if first is None or first.chain != self._first or event < self._number:  # another session than before
                    self._draws, self._number, self._first = DrawFold(), 0, None
                for recorded in ledger.events(after=self._number):
                    if recorded.number > event:
                        break
                    self._first = self._first or recorded.chain
                    self._draws.apply(recorded)
                    self._number = recorded.number
        except (LedgerUnusable, NameUnusable):  # the daemon may keep its sessions elsewhere
            return None
        return corrected_json(self._draws, self._within)
