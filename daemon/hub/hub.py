"""The hub's loop: one thread, one socket pair, one ledger. Every message is answered or counted."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from smearwatch.daemon.hub.absent import Absent
from smearwatch.daemon.hub.audience import answer
from smearwatch.daemon.hub.control import RunControl
from smearwatch.daemon.hub.crop_queue import CropQueue
from smearwatch.daemon.hub.delays import Delays
from smearwatch.daemon.hub.describing import take_description
from smearwatch.daemon.hub.disk_watch import DiskWatch, FolderWatch
from smearwatch.daemon.hub.door import Door
from smearwatch.daemon.hub.frame_queue import FrameQueue
from smearwatch.daemon.hub.gate import Gate
from smearwatch.daemon.hub.gauges import gauges_of
from smearwatch.daemon.hub.handing_out import HandingOut
from smearwatch.daemon.hub.holding import Holding
from smearwatch.daemon.hub.intake import Intake
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.labelling import take_labels
from smearwatch.daemon.hub.left import files_left
from smearwatch.daemon.hub.next_specimen import NextSpecimen
from smearwatch.daemon.hub.peers import Peers, PeerState
from smearwatch.daemon.hub.stages import StageTimes
from smearwatch.daemon.hub.steps import log_refusal
from smearwatch.daemon.hub.tallying import take_tally
from smearwatch.daemon.log import get_logger, working_on
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.earlier import Earlier
from smearwatch.daemon.record.events import Closed, flaw_of
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import (
    Agreed,
    BeginNext,
    Bye,
    CellsFound,
    ControlRun,
    CropJudged,
    DescribeSession,
    FrameRejected,
    FrameTaken,
    Hello,
    KeepTally,
    LabelCells,
    LeaseFailed,
    LineDrawn,
    Message,
    OfferFrame,
    PauseReading,
    Pulse,
    Ready,
    Refused,
    RefuseFrame,
    SourceState,
    TakeStalled,
    WantEvents,
    WantFrame,
    WantSnapshot,
    WantTerms,
    WantThumbnails,
)

_PULSE_S = 1.0
_MOST = 2**63 - 1  # the wire carries no larger number
_SAID: Final[dict[str, Callable[[Any, Journal], Message]]] = {
    LabelCells.kind: take_labels, DescribeSession.kind: take_description, KeepTally.kind: take_tally,
}  # fmt: skip
State = Literal["running", "draining", "done", "stopping"]


class Hub:
    """Between everybody. Call `turn` until `state` is ``done`` or somebody wants it to stop, then `close`.

    ``earlier`` is what is of the specimens before this one on the same folder.
    """

    def __init__(
        self,
        plan: RunPlan,
        journal: Journal,
        sockets: HubSockets,
        *,
        earlier: Earlier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._sockets = sockets
        self._hold = Holding(clock)
        self._clock = self._hold.now
        self._peers = Peers()
        self._gate = Gate(journal, sockets, self._misunderstood)
        self._door = Door(plan, journal)
        self._absent = Absent(self._peers, expected=plan.source is None, clock=clock)
        self._stages = StageTimes()
        lease_s, pixels, now = plan.settings.lease_s, plan.settings.max_frame_pixels, self._clock
        self._intake = Intake(journal, max_frame_bytes=plan.settings.max_frame_bytes, earlier=earlier)
        self._crops = CropQueue(journal, self._stages, lease_s=lease_s, stop_at_target=plan.stop_at_target, clock=now)
        self._frames = FrameQueue(journal, self._crops, self._stages, lease_s=lease_s, most_pixels=pixels, clock=now)
        backlog, busy = plan.settings.crop_backlog, self._holds_leases
        self._handing_out = HandingOut(self._peers, self._frames, self._crops, sockets, busy=busy, backlog=backlog)
        self._control = RunControl(journal, clock=now, trouble=self._trouble)
        self._next = NextSpecimen(plan, journal, self._peers, self._control, sockets.send, clock=now)
        self._disk = DiskWatch(journal.ledger.folder, journal.refused, clock=clock)
        self._folder = FolderWatch(plan.watch_dir, clock=clock)
        self._last_frame_s, self._next_pulse_s = clock(), 0.0
        self._delays = Delays(journal.fold, self._stages.histograms)
        self.state: State = "running"

    def turn(self, timeout_s: float = 0.1) -> None:
        """Wait for one message at most so long, deal with it, give out what can be given, pulse when due.

        What the ledger cannot take just now is dealt with again in a later turn.
        """
        if self._ended_at_target():
            return
        received = self._gate.let_in(self._sockets.receive(timeout_s))
        try:
            if received is not None and not self._hold.keeps(received):
                self._dispatch(*received)
            received = None
            if self._hold.is_due:
                self._go_on()
            if self._hold.clock() >= self._next_pulse_s:
                self._next_pulse_s = self._hold.clock() + _PULSE_S
                if not self._hold.is_on and self.state != "done":
                    self._housekeeping()
                self.pulse()
        except LedgerUnusable as error:
            self._hold.begin(error, received)

    def _go_on(self) -> None:
        """Deal with what waited for the ledger, commit what waits for its turn, give out what can be given."""
        for received in self._hold.kept():
            self._dispatch(*received)
        self._crops.commit_in_order()
        self._hold.end()
        if self._ended_at_target():
            return
        if self._control.stopping:
            self.state = "draining"
        elif not self._crops.at_target:
            self._handing_out.give_out()

    @property
    def stopped(self) -> bool:
        """Whether a client has stopped the run: whoever had something in hand has finished it."""
        return self._control.is_over(in_hand=self._frames.leases.out + self._crops.leases.out)

    @property
    def next_begins(self) -> bool:
        """Whether the session is done and another specimen's comes after it."""
        return self._next.begun and self.state == "done"

    def _ended_at_target(self) -> bool:
        """End at the very cell with which the target is reached; before the next specimen, what waits is read first."""
        ended = self._crops.at_target and (not self._next.begun or self._next.all_is_read())
        if ended:
            self.state = "done"
        return ended

    def close(self, *, stopping: bool) -> None:
        """Write how the session ended, and publish it."""
        counters = {name: int(n) for name, n in sorted(self._counters().items())}
        stages, ledger, fold = self._stages.summary(), self._journal.ledger, self._journal.fold
        left, more = files_left(self._peers.sources(), ledger)
        complete = fold.nothing_pending and left is None
        self._journal.commit(Closed(ledger.epoch, complete, stages, counters, left, more))
        self.state = "stopping" if stopping else "done"
        self.pulse()

    def pulse(self) -> None:
        """Publish what is in no event."""
        self._sockets.publish(
            Pulse(
                session=self._journal.ledger.session,
                epoch=self._journal.ledger.epoch,
                last_event=self._journal.ledger.last_number,
                sent_at_ns=time.time_ns(),
                state=self.state,
                finders=self._peers.count("finder"),
                workers=self._peers.count("worker"),
                waiting_files=min(sum(each.waiting for each in self._peers.sources()), _MOST),
                latency_ms=self._delays.median_ms,
                counters=self._counters(),
                idle_s=self._idle_s(),
                paused=self._control.paused,
                apart=self._plan.source is None,
                trouble=self._trouble(),
                gauges=gauges_of(self._frames, self._crops, self._peers, self._sockets, self._delays.started_at_ns),
                stages=self._stages.histograms.as_sent(),
            )
        )

    def _misunderstood(self, identity: bytes) -> None:
        """Take back what a peer has in hand who sent what cannot be read."""
        for queue in (self._frames, self._crops):
            queue.leases.misunderstood(identity)

    def _dispatch(self, identity: bytes, message: Message, buffers: Sequence[memoryview]) -> None:
        if isinstance(message, WantSnapshot | WantEvents | WantThumbnails | WantFrame):
            reply, pictures = answer(message, self._journal, target=self._plan.settings.target)
            self._sockets.send(identity, reply, pictures)
            return
        if (take := _SAID.get(message.kind)) is not None:
            self._answer(identity, take(message, self._journal))
            return
        if isinstance(message, BeginNext):
            if (refused := self._next.take(identity, message)) is not None:
                self._answer(identity, refused)
            return
        if isinstance(message, ControlRun):
            self._answer(identity, self._controlled(message))
            if message.action != "state":
                for source in self._peers.of("source"):
                    self._sockets.send(source.identity, PauseReading(self._control.paused))
                self.pulse()
            return
        if isinstance(message, WantTerms):
            self._sockets.send(identity, self._door.welcome())
            return
        if isinstance(message, Hello):
            self._welcome(identity, message)
            return
        if (peer := self._peers.heard(identity, self._clock())) is None:
            self._answer(identity, Refused("unknown_peer", "say hello first"))
            return
        try:
            with working_on(getattr(message, "frame", "")):
                refusal = self._from_peer(peer, message, buffers)
        except ValueError as error:  # it fits the wire and is no event all the same
            self._journal.counters["wire_bad_body"] += 1
            refusal = Refused("bad_body", flaw_of(error)[:400])
        if refusal is not None:
            log_refusal(peer.name, message, refusal)
            self._sockets.send(identity, refusal)

    def _answer(self, identity: bytes, reply: Message) -> None:
        """Send an answer; what is refused is counted by its kind."""
        if isinstance(reply, Refused):
            self._journal.counters[f"refused_{reply.code}"] += 1
        self._sockets.send(identity, reply)

    def _from_peer(self, peer: PeerState, message: Message, buffers: Sequence[memoryview]) -> Refused | None:
        queue = self._frames if peer.role == "finder" else self._crops
        match message:
            case Ready():
                peer.capacity = message.capacity
                queue.leases.heard(peer.identity)
                if message.at_work:
                    queue.leases.renew(peer.identity)
            case Bye():
                self._peers.leave(peer)
                self._release(peer.identity, blamed=False)
            case SourceState():
                peer.source = message
            case OfferFrame() | RefuseFrame() if self.state == "draining":
                return Refused("draining", "the count is being stopped; what is in hand is finished")
            case OfferFrame() | RefuseFrame() if self._next.refuses(message.name):
                return Refused("next_specimen", "it came after the line to the next specimen, and is read there")
            case OfferFrame():
                self._taken(peer, message, self._offered(message, buffers))
            case RefuseFrame():
                self._taken(peer, message, self._intake.refuse(message))
            case LineDrawn():
                self._next.drawn(peer, message)
                self.pulse()
            case CellsFound():
                refusal = self._frames.found(message, buffers, peer.identity)
                self._delays.settled(message.frame)
                return refusal
            case FrameRejected():
                self._delays.forget(message.frame)
                return self._frames.rejected(message, peer.identity)
            case CropJudged():
                refusal = self._crops.judged(message, buffers, peer.identity, peer.weights)
                # Where verdicts wait for their turn, one may settle the frames of others.
                for frame in self._delays.open if self._plan.stop_at_target else (message.frame,):
                    self._delays.settled(frame)
                return refusal
            case LeaseFailed():
                queue.failed(message, peer.identity)
                self._journal.counters["leases_failed"] += 1
            case _:
                self._journal.counters["wire_misplaced"] += 1
                return Refused("misplaced", f"{message.kind} is not for the hub")
        return None

    def _controlled(self, message: ControlRun) -> Agreed | Refused:
        """Return the answer to what a client asks of the run; one that ends for the next specimen is not paused."""
        if (state := self._next.state) is not None and message.session in (None, self._journal.ledger.session):
            if message.action == "state" and not self._control.stopping:
                return Agreed(message.request, state)
            if message.action in ("pause", "resume"):
                return Refused("not_now", f"session {self._journal.ledger.session} is ending: {state}")
        return self._control.take(message)

    def _trouble(self) -> str:
        return self._hold.why or self._disk.trouble() or self._folder.trouble(self._peers.sources())

    def _welcome(self, identity: bytes, message: Hello) -> None:
        if (refused := self._door.refuses(message)) is not None:
            self._sockets.send(identity, refused)
            return
        before = self._peers.before(identity, message)
        for old in self._peers.hello(identity, message, self._clock()):
            self._release(old)
        self._frames.leases.forgive(before)
        self._crops.leases.forgive(before)
        if message.role == "source":
            self._next.hold(identity)
        self._sockets.send(identity, self._door.welcome())
        if message.role == "source" and self._control.paused:
            self._sockets.send(identity, PauseReading(True))

    def _offered(self, message: OfferFrame, buffers: Sequence[memoryview]) -> FrameTaken | Refused:
        if self._control.stopping or self._crops.at_target:
            return self._intake.offer(message, buffers)
        return self._handing_out.take_in(self._intake, message, buffers)

    def _taken(self, peer: PeerState, message: OfferFrame | RefuseFrame, reply: FrameTaken | Refused) -> None:
        if isinstance(reply, FrameTaken) and not reply.known:
            self._last_frame_s = self._clock()
            if isinstance(message, OfferFrame):
                self._delays.came(reply.frame, message)
        self._sockets.send(peer.identity, reply)

    def _release(self, identity: bytes, *, blamed: bool = True) -> None:
        for queue in (self._frames, self._crops):
            self._journal.counters["leases_released"] += queue.leases.release(identity, blamed=blamed)

    def _housekeeping(self) -> None:
        if self._journal.ledger.hold_on():
            get_logger().warning("the session's lock was removed or replaced, and was taken again")
        self._absent.look()
        self._next.expire()
        self._frames.leases.expire()
        self._crops.leases.expire()
        for peer in self._peers.may_not(self._gate.may_be, self._sockets.who):
            self._release(peer.identity)
        self._peers.silent(self._clock(), busy=self._holds_leases)
        if self._finished():
            self.state = "done"
        elif self._ended_idle(self._idle_s(stalled_too=True)) and not self._next.begun:
            for source in self._peers.of("source"):
                self._sockets.send(source.identity, TakeStalled())

    def _holds_leases(self, identity: bytes) -> bool:
        return bool(self._frames.leases.held_by(identity) or self._crops.leases.held_by(identity))

    def _finished(self) -> bool:
        if self._next.begun:
            return self._journal.fold.nothing_pending and self._next.all_is_read()
        idle_s = self._idle_s()
        if idle_s is None:
            return False
        # When one of many subfolders' sessions ends is decided by the subfolder scheduler.
        ended = self._ended_idle(idle_s) and self._plan.subfolder is None
        return ended or all(source.finished for source in self._peers.sources())

    def _ended_idle(self, idle_s: float | None) -> bool:
        return idle_s is not None and self._plan.until_idle_s is not None and idle_s >= self._plan.until_idle_s

    def _idle_s(self, *, stalled_too: bool = False) -> float | None:
        """Return how long nothing came; None while something is pending, waited for, or not known, or none may come.

        ``stalled_too``: what has stalled is not waited for, and there is some.
        """
        sources = self._peers.sources()
        if (
            self._control.paused
            or not sources
            or not self._journal.fold.nothing_pending
            or self._crops.anew.is_open
            or any(not s.scanned or s.waiting > (s.stalled if stalled_too else 0) for s in sources)
            or (stalled_too and not any(s.stalled for s in sources))
        ):
            return None
        return max(0.0, self._clock() - self._last_frame_s)

    def _counters(self) -> dict[str, int]:
        counters = Counter(self._journal.counters)
        counters["leases_expired"] = self._frames.leases.expired + self._crops.leases.expired
        counters["messages_not_taken"] = self._sockets.not_taken
        for source in self._peers.sources():
            counters.update(source.counters)
        return {name: min(n, _MOST) for name, n in counters.items()}
