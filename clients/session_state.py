"""What a client knows of a session so far: the fold, the number of its last event, the last cells."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from smearwatch.clients.recent import RecentCells
from smearwatch.daemon.record.events import (
    Closed,
    Counted,
    Event,
    EventInvalid,
    Opened,
    Recorded,
    event_from_bytes,
)
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.wire.messages import EventNotice, Snapshot


class Known:
    """The session as far as it is known.

    Parameters
    ----------
    recent : RecentCells
        Takes the counted cells.
    counters : Counter
        Where bad events and snapshots are counted.

    Attributes
    ----------
    fold : TallyFold or None
        None before anything is known.
    number : int
        The last event in the fold, with ``epoch``.
    closed : bool
        Whether that event closed the session.
    """

    def __init__(self, recent: RecentCells, counters: Counter[str]) -> None:
        self._recent = recent
        self._counters = counters
        self.fold: TallyFold | None = None
        self.session: str | None = None
        self.epoch = 0
        self.number = 0
        self.closed = False

    def tally(self) -> dict[str, Any] | None:
        """Return the tally as lines and screens show it, None before there is one."""
        if self.fold is None or self.session is None:
            return None
        return tally_json(self.fold, self.session, self.number)

    def restore(self, snapshot: Snapshot) -> bool:
        """Begin anew from a snapshot; returns False, and leaves everything, for one that is none."""
        try:
            fold = _restored(snapshot.tally)
        except (TallyBroken, ValueError):
            self._counters["bad_snapshots"] += 1
            return False
        if snapshot.session != self.session:
            self._recent.clear()
        self.fold, self.session = fold, snapshot.session
        self.epoch, self.number, self.closed = snapshot.epoch, snapshot.number, False
        self._counters["snapshots"] += 1
        self._remember(snapshot.recent)
        return True

    def begin(
        self, last: Recorded, tally: TallyFold, recent: Iterable[Recorded], *, session: str, closed: bool
    ) -> None:
        """Begin with a tally after an event, the cells counted last, and whether that event closed the session."""
        self._recent.clear()
        self.fold, self.session = tally, session
        self.epoch, self.number, self.closed = last.epoch, last.number, closed
        for recorded in recent:
            if isinstance(recorded.event, Counted):
                self._recent.put(recorded.event)

    def advance(self, notice: EventNotice) -> bool:
        """Apply the next event; returns False for one that the fold cannot take, whose number is passed even so."""
        self.number = notice.number
        event = self._read(notice)
        return event is not None and self.apply(event)

    def apply(self, event: Event) -> bool:
        """Apply an event to the fold; returns False for one that contradicts it."""
        if self.fold is None:
            self.fold = TallyFold()
        try:
            self.fold.apply(event)
        except TallyBroken:
            self._counters["bad_events"] += 1
            return False
        match event:
            case Opened():
                self.session, self.closed = event.session, False
            case Counted():
                self._recent.add(event)
            case Closed():
                self.closed = True
            case _:
                pass
        return True

    def _remember(self, notices: Iterable[EventNotice]) -> None:
        for notice in notices:
            event = self._read(notice)
            if isinstance(event, Counted):
                self._recent.put(event)

    def _read(self, notice: EventNotice) -> Event | None:
        try:
            return event_from_bytes(notice.body)
        except EventInvalid:
            self._counters["bad_events"] += 1
            return None


def _restored(text: str) -> TallyFold:
    snapshot = json.loads(text)
    if not isinstance(snapshot, dict):
        raise ValueError("a tally is a JSON object")
    return TallyFold.restore(snapshot)
