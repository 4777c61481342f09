"""The one door to the ledger: what is committed is folded and published, in that order."""

import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from smearwatch.daemon.hub.steps import log_steps
from smearwatch.daemon.record.events import Counted, Event, Found, Recorded, event_to_bytes
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.order import CountingOrder
from smearwatch.daemon.record.picture_kinds import PictureKinds
from smearwatch.daemon.record.session_stain import StainFold
from smearwatch.daemon.record.session_statistics import StatisticsFold
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import EventNotice

_RECENT = 256
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
    fold, stains, statistics, order, kinds
        What follows from the events until now: the tally, the stain and statistics at each cell that waits, whose turn
        it is, and what is known of the scale of each kind of picture.
    not_kept : str
        Why a frame could not be kept the last time.
    counters : Counter
        Everything that was dropped, refused or done again, by name.
    """

    def __init__(self, ledger: Ledger, sockets: HubSockets) -> None:
        self.ledger = ledger
        self.fold = TallyFold()
        self.stains = StainFold()
        self.statistics = StatisticsFold(ledger.moments)
        self.order = CountingOrder()
        self.kinds = PictureKinds()
        self.not_kept = ""
        self.counters: Counter[str] = Counter()
        self._recent: dict[tuple[str, int], EventNotice] = {}
        self._sockets = sockets
        for recorded in ledger.events():
            self._take(recorded)

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
        for recorded in written:
            self._take(recorded)
            log_steps(recorded, self.fold)
            self._sockets.publish(notice(recorded))
        return written

    @property
    def recent(self) -> tuple[EventNotice, ...]:
        """The last counted cells, the newest last; one that was judged anew has its place still."""
        return tuple(self._recent.values())

    def refused(self) -> tuple[int, str]:
        """Return how many frames could not be kept until now, and why the last one could not."""
        return self.counters["frames_not_kept"], self.not_kept

    def snapshot(self) -> str:
        """Spell the tally as it is now, for a client that joins."""
        return json.dumps(self.fold.snapshot(), separators=(",", ":"))

    def _take(self, recorded: Recorded) -> None:
        self.fold.apply(recorded.event)
        self.stains.apply(recorded.event)
        self.statistics.apply(recorded.event)
        self.order.apply(recorded.event)
        if isinstance(recorded.event, Found):
            self.kinds.found(recorded.event)
        if isinstance(recorded.event, Counted):
            self._note(recorded, recorded.event)

    def _note(self, recorded: Recorded, event: Counted) -> None:
        key = event.frame, event.index
        if not event.anew or key in self._recent:
            self._recent[key] = notice(recorded)
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
