"""The one door to the ledger: what is committed is folded and published, in that order."""

import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from smearwatch.daemon.folds import KEPT_AT_END, KEPT_EVERY, Folds
from smearwatch.daemon.hub.steps import log_steps
from smearwatch.daemon.record.events import Closed, Event, Recorded, event_to_bytes
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import EventNotice

_NONE: Mapping[tuple[str, int], bytes] = MappingProxyType({})


def notice(recorded: Recorded) -> EventNotice:
    """Spell a committed event for the feed."""
    return EventNotice(
        number=recorded.number,
        epoch=recorded.epoch,
        recorded_at_ns=recorded.recorded_at_ns,
        event=recorded.event.kind,
        body=event_to_bytes(recorded.event).decode(),
        chain=recorded.chain,
    )


class Journal:
    """Ledger, fold and feed together, so that none holds what another does not know.

    Attributes
    ----------
    fold, stains, statistics, order
        What follows from the events until now: the tally, the stain and statistics at each cell that waits, and whose
        turn it is.
    not_kept : str
        Why a frame could not be kept the last time.
    counters : Counter
        Everything that was dropped, refused or done again, by name.
    committed : int
        How many events were written and were new, since this journal began.
    """

    def __init__(self, ledger: Ledger, sockets: HubSockets) -> None:
        self.ledger = ledger
        self._folds = Folds.of(ledger)
        self.fold = self._folds.tally
        self.stains = self._folds.stains
        self.statistics = self._folds.statistics
        self.order = self._folds.order
        self.not_kept = ""
        self.counters: Counter[str] = Counter()
        self.committed = 0
        self._sockets = sockets

    def commit(
        self,
        *events: Event,
        thumbnails: Mapping[tuple[str, int], bytes] = _NONE,
        moments: Mapping[tuple[str, int], bytes] = _NONE,
    ) -> list[Recorded]:
        """Write events, and thumbnails and moments of cells, in one transaction; returns the events that are new.

        What stands already changes nothing.
        """
        written = self.ledger.append(events, thumbnails, moments)
        self.committed += len(written)
        for recorded in written:
            self._folds.apply(recorded)
            log_steps(recorded, self.fold)
            self._sockets.publish(notice(recorded))
        ended = any(isinstance(event, Closed) for event in events)
        self._folds.keep(self.ledger, KEPT_AT_END if ended else KEPT_EVERY)
        return written

    def latest(self, most: int) -> tuple[EventNotice, ...]:
        """Return the last counted cells, the newest last; one that was judged anew has its place still."""
        recent = [*self._folds.recent.values()]
        return tuple(notice(recorded) for recorded in recent[max(0, len(recent) - most) :])

    def refused(self) -> tuple[int, str]:
        """Return how many frames could not be kept until now, and why the last one could not."""
        return self.counters["frames_not_kept"], self.not_kept

    def snapshot(self) -> str:
        """Spell the tally as it is now, for a client that joins."""
        return json.dumps(self.fold.snapshot(), separators=(",", ":"))
