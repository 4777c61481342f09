"""From messages to a view: what a client knows, what it misses and has to ask for. No sockets, no sleeping.

A client may join at any time, miss any message and see the daemon end and come back. Events are numbered, so that
whatever is missing can be asked for again: a few events by number, everything else as a snapshot of the tally.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from smearwatch.clients.questions import Question
from smearwatch.clients.recent import CellKey, RecentCells
from smearwatch.clients.session_state import Known
from smearwatch.clients.view import Connection, Ended, View
from smearwatch.daemon.record.events import Recorded
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.messages import (
    EventNotice,
    Events,
    Message,
    Pulse,
    Refused,
    Snapshot,
    Thumbnails,
    WantEvents,
    WantSnapshot,
    WantThumbnails,
)

LOST_S = 3.0
"""Three of the daemon's pulses missed."""

_BACKLOG = 2_000
_EVENTS_AT_ONCE = 500
_PICTURES_AT_ONCE = 32

_COUNTERS = (
    "unreadable", "misplaced", "late", "duplicates", "gaps", "snapshots", "restarts", "bad_events", "bad_snapshots",
    "other_session", "refused",
)  # fmt: skip


class Follower:
    """Follows one daemon.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    recent : int
        How many of the last cells are kept.
    pictures : bool
        Whether their thumbnails are asked for.
    session : str, optional
        Follow only this session; messages about another one are counted and left.
    """

    def __init__(
        self, *, clock: Callable[[], float], recent: int = 24, pictures: bool = False, session: str | None = None
    ) -> None:
        self._clock = clock
        self._only = session
        self._pulse: Pulse | None = None
        self._heard_s: float | None = None
        self._began_s = clock()
        self._stale = False
        self._ahead = 0
        self._waiting: dict[int, EventNotice] = {}
        self._state = Question(clock)
        self._pictures = Question(clock)
        self._kept = recent
        self._recent = RecentCells(recent, pictures=pictures)
        self.counters: Counter[str] = Counter(dict.fromkeys(_COUNTERS, 0))
        self._known = Known(self._recent, self.counters)

    # What comes in

    def hear(self, message: Message, buffers: Sequence[memoryview] = ()) -> None:
        """Take in a message of the hub, from either socket."""
        match message:
            case Pulse() | Snapshot() if self._only is not None and message.session != self._only:
                self.counters["other_session"] += 1
                return
            case Pulse():
                self._on_pulse(message)
            case EventNotice():
                self._on_event(message)
            case Snapshot():
                self._on_snapshot(message)
            case Events():
                self._on_events(message)
            case Thumbnails():
                self._on_thumbnails(message, buffers)
            case Refused():
                self.counters["refused"] += 1
            case _:
                self.counters["misplaced"] += 1
                return
        self._heard_s = self._clock()

    def take(self, recorded: Recorded) -> bool:
        """Apply the next event, read from the ledger on disk; returns False for one that does not follow."""
        if recorded.number != self._known.number + 1:
            return False
        self._known.number, self._known.epoch = recorded.number, recorded.epoch
        return self._known.apply(recorded.event)

    def begin(
        self, last: Recorded, tally: TallyFold, recent: Iterable[Recorded], *, session: str, closed: bool
    ) -> None:
        """Begin with a tally after an event, and the cells counted last, as they were read from disk."""
        self._known.begin(last, tally, recent, session=session, closed=closed)

    def give_pictures(self, asked: tuple[CellKey, ...], jpegs: dict[CellKey, bytes]) -> None:
        """Take in thumbnails from the ledger on disk."""
        self._recent.give(asked, jpegs)

    # What has to be asked

    def questions(self) -> list[Message]:
        """Return what is to be sent to the hub now."""
        asked: list[Message] = []
        if self._state.may_be_put(self._heard_s):
            if not self._follows:
                asked.append(WantSnapshot(self._state.put(), self._kept))
            elif self._behind:
                asked.append(WantEvents(self._state.put(), self._known.number, _EVENTS_AT_ONCE))
        cells = self._recent.wanted()[:_PICTURES_AT_ONCE]
        if cells and self._pictures.may_be_put(self._heard_s):
            asked.append(WantThumbnails(self._pictures.put(cells), cells))
        return asked

    @property
    def asking(self) -> bool:
        """Whether an answer is waited for."""
        return self._state.open or self._pictures.open

    @property
    def pictures_wanted(self) -> tuple[CellKey, ...]:
        """The cells whose thumbnails are missing."""
        return self._recent.wanted()

    @property
    def session(self) -> str | None:
        """The session that is followed: the one asked for, or the daemon's once known."""
        return self._known.session or self._only

    @property
    def event(self) -> int:
        """The number of the last event in the tally."""
        return self._known.number

    # What is known

    @property
    def silent_s(self) -> float:
        """Seconds since the daemon was heard of."""
        return self._clock() - (self._began_s if self._heard_s is None else self._heard_s)

    @property
    def ended(self) -> Ended:
        """Whether the session was closed, and how."""
        state = self._pulse.state if self._pulse is not None else None
        if state == "done":
            return "finished"
        return "stopped" if state == "stopping" or self._known.closed else "no"

    @property
    def connection(self) -> Connection:
        """Where this client stands with the daemon."""
        if self._known.fold is None:
            return "connecting"
        if self.ended != "no":
            return "done"
        return "lost" if self._heard_s is None or self.silent_s >= LOST_S else "live"

    def view(self) -> View:
        """Return everything that is to be shown."""
        known, pulse = self._known, self._pulse
        return View(
            connection=self.connection,
            ended=self.ended,
            session=self.session,
            epoch=known.epoch,
            event=known.number,
            target=known.fold.target if known.fold is not None else None,
            tally=known.tally(),
            silent_s=self.silent_s,
            finders=pulse.finders if pulse else None,
            workers=pulse.workers if pulse else None,
            waiting_files=pulse.waiting_files if pulse else None,
            idle_s=pulse.idle_s if pulse else None,
            paused=pulse.paused if pulse else False,
            apart=pulse.apart if pulse else False,
            trouble=pulse.trouble if pulse else "",
            latency_ms=pulse.latency_ms if pulse else None,
            recent=self._recent.newest_first(),
            counters=dict(pulse.counters) if pulse else {},
            client_counters=dict(self.counters),
        )

    @property
    def pulse(self) -> Pulse | None:
        """The daemon's last pulse."""
        return self._pulse

    # The single messages

    def _on_pulse(self, pulse: Pulse) -> None:
        self._pulse = pulse
        known = self._known
        # The hub sends events before the pulse that counts them: whatever is beyond it came from another hub.
        for number in [number for number in self._waiting if number > pulse.last_event]:
            del self._waiting[number]
        # An answer may overtake one pulse on its other socket, but not two.
        self._ahead = self._ahead + 1 if known.number > pulse.last_event else 0
        if self._follows and ((pulse.session, pulse.epoch) != (known.session, known.epoch) or self._ahead > 1):
            self._restarted()
        if pulse.state in ("running", "draining"):
            known.closed = False

    def _on_event(self, notice: EventNotice) -> None:
        if self._follows and notice.epoch != self._known.epoch:
            self._restarted()
        if self._follows and notice.number <= self._known.number:
            self.counters["duplicates"] += 1
            return
        if len(self._waiting) >= _BACKLOG:
            self._waiting.clear()
            self._stale = True
        if self._follows and notice.number > self._known.number + 1 and not self._waiting:
            self.counters["gaps"] += 1
        self._waiting[notice.number] = notice
        self._drain()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if not self._settled(self._state, snapshot.request):
            return
        if not self._known.restore(snapshot):
            self._state.put()  # as if it were open still, so that it is not put again at once
            return
        self._stale, self._ahead = False, 0
        self._waiting = {n: notice for n, notice in self._waiting.items() if notice.epoch == snapshot.epoch}
        self._drain()

    def _on_events(self, answer: Events) -> None:
        if not self._settled(self._state, answer.request):
            return
        before = self._known.number
        for notice in answer.events:
            self._waiting[notice.number] = notice
        self._drain()
        if self._known.number == before:
            self._stale = True

    def _on_thumbnails(self, answer: Thumbnails, buffers: Sequence[memoryview]) -> None:
        if self._settled(self._pictures, answer.request) and len(buffers) == len(answer.cells):
            jpegs = {key: bytes(jpeg) for key, jpeg in zip(answer.cells, buffers, strict=True)}
            self._recent.give(self._pictures.cells, jpegs)

    def _settled(self, question: Question, request: int) -> bool:
        if question.settle(request):
            return True
        self.counters["late"] += 1
        return False

    # The order of events

    @property
    def _follows(self) -> bool:
        return self._known.fold is not None and not self._stale

    @property
    def _behind(self) -> bool:
        return bool(self._waiting) or (self._pulse is not None and self._pulse.last_event > self._known.number)

    def _drain(self) -> None:
        """Apply what follows without a gap."""
        if not self._follows:
            return
        for number in [number for number in self._waiting if number <= self._known.number]:
            del self._waiting[number]
        while self._follows and (notice := self._waiting.pop(self._known.number + 1, None)) is not None:
            self._stale = not self._known.advance(notice)

    def _restarted(self) -> None:
        """Ask for everything anew: another hub answers, or another session."""
        self.counters["restarts"] += 1
        self._stale = True
        self._waiting.clear()
        self._state.drop()
