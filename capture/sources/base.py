"""What every source of frames is, and how its frames reach the hub.

This module is what a package outside leans on that adds a source of its own (docs/sources.md): the names in
``__all__`` stay as they are, or the changelog names the change.
"""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Protocol, Self

from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.resolver import ScaleResolver, scale_resolver
from smearwatch.capture.sources.in_hand import InHand, set_aside
from smearwatch.capture.sources.offering import offer_of, printable
from smearwatch.capture.sources.options import Options, OptionUnusable, read_options
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.log import get_logger, log_step, working_on
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import back, hub_of, refused, waiting_for
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.terms import under_terms
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.control import FileOnWire
from smearwatch.daemon.wire.messages import (
    Bye,
    DrawLine,
    FrameTaken,
    Hello,
    HoldLine,
    LineDrawn,
    Message,
    PauseReading,
    Refused,
    SourceState,
    TakeStalled,
    Welcome,
)
from smearwatch.daemon.wire.sockets import Peer, context
from smearwatch.daemon.withheld import withhold

__all__ = [
    "Delivery",
    "LineFile",
    "LineNotDrawn",
    "OptionUnusable",
    "Options",
    "Role",
    "RunPlan",
    "Source",
    "SourceFrame",
    "SourceState",
    "deliver",
    "read_options",
    "scale_desk",
    "scale_resolver",
]

scale_desk = scale_resolver
"""What packages with sources of their own that were written for earlier versions call it."""

_PULSE_S, _POLL_S = 0.5, 0.05
_GATHER_S = 0.002  # a file is made, written and closed within less: one question, not three
# Offers that wait for their acknowledgement; more would only fill memory.
_WINDOW = 4
_AGAIN_S = 2.0
_HELLO_AGAIN_S = 0.3
_STEP_S = 3.0  # of the processor, to look for pictures or to read one; a share or camera may take longer
_STEP_S_PER_MB = 1.0  # where pixels are read for their scale


class Source(Protocol):
    """Something that frames come from. It is asked again and again from one thread and must not block.

    One that takes pictures on its own, as a camera does, may have a method ``pause(paused)``: what it sees while it is
    paused is then not taken. While reading is paused, `ready` is not called.

    One whose pictures may come in part says in its `state` how many have ``stalled``: they have not changed for the
    plan's ``until_idle_s``. Its method ``take_stalled()`` is called when nothing else is waited for: `ready` is then to
    give them as they are, to be rejected, for the run ends otherwise only when whoever writes them goes on.

    One whose frames are announced by file descriptors may have a method ``descriptors()``, which returns them: `ready`
    is asked as soon as one of them can be read, and has to read it. Else it is asked twenty times a second.

    One that can go from one specimen to the next has two more methods: ``draw_line()`` returns what has come by now and
    was not taken yet, as `LineFile`, or raises `LineNotDrawn`; from then on `ready` gives that and nothing that comes
    later. ``hold_line(files)`` does the same with a line that was drawn before; None: there is none.
    """

    name: str

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return at most so many frames that are complete now; each is given once and waits for `taken`."""
        ...

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Learn that a frame is safe with the hub (``known``: it was there before)."""
        ...

    def state(self) -> SourceState:
        """Return how many more are on their way, and whether there will ever be another."""
        ...


LineFile = FileOnWire


class OtherPlace(Hinted):
    """The session that the hub counts has pictures of another place."""

    def __init__(self, detail: str) -> None:
        hint = "start the hub with another --session, or with --continue where it is the same slide all the same"
        super().__init__(detail, hint)


class LineNotDrawn(Exception):
    """The source cannot say just now, or ever, what has come already."""


@dataclass(slots=True)
class _Offer:
    frame: SourceFrame
    sent_s: float


class Delivery:
    """Carries a source's frames to the hub, each until it is acknowledged, a bounded number at a time.

    Parameters
    ----------
    plan, role
        The run, and this process' part in it.
    source
        Where the frames come from.
    scales
        Gives each frame its scale; None where the frames bring the one to be used (a replay).
    """

    def __init__(self, plan: RunPlan, role: Role, source: Source, scales: ScaleResolver | None) -> None:
        self._role = role
        self._source = source
        self._scales = scales
        self._in_hand = InHand.of(plan, "scaling")
        role.on_stop(self._in_hand.let_go)
        self._plan = plan
        self._endpoints = hub_of(plan, "feed")
        self._offers: dict[int, _Offer] = {}
        self._next_ticket = 1
        self._next_pulse_s = 0.0
        self._closed = False
        self._paused = False
        self._welcomed = False
        self._waits = False
        self._hello_s = 0.0

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        owner = self._stack.enter_context(context())
        self._peer = self._stack.enter_context(Peer(owner, self._endpoints))
        self._hello()
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack, suppress(Hinted):  # a hub that lets it in no more need not hear it
            # One that has brought all is not missed: the hub ends by its last word.
            if self._plan.joins and self._role.leaves and self._peer.connected and not self._state().finished:
                self._peer.send(Bye())

    def run(self) -> None:
        """Deliver until the role is stopped."""
        while not self._role.stopping:
            self._role.ask(_STEP_S, waits=True)
            self._offer()
            self._receive()
            if time.monotonic() >= self._next_pulse_s:
                self._next_pulse_s = time.monotonic() + _PULSE_S
                self._pulse()
        if self._peer.connected and self._welcomed:
            self._peer.send(self._state())  # the hub, which ends after it, records what is left

    def _pulse(self) -> None:
        if not self._peer.connected:
            if self._welcomed and self._plan.joins:
                self._waits = True
                tell(waiting_for(self._endpoints))
            self._welcomed = False
        elif self._welcomed:
            self._peer.send(self._state())
        elif time.monotonic() - self._hello_s >= _AGAIN_S:
            self._hello()

    def _state(self) -> SourceState:
        state, out = self._source.state(), len(self._offers) + self._held
        finished = state.finished and not out
        return replace(state, waiting=state.waiting + out, finished=finished)

    @property
    def _held(self) -> int:
        return 0 if self._scales is None else self._scales.held

    @property
    def _takes_more(self) -> bool:
        return self._welcomed and not self._closed and not self._paused and len(self._offers) < _WINDOW

    def _offer(self) -> None:
        if self._welcomed:
            self._offer_again(older_than_s=_AGAIN_S)
        if not self._takes_more:
            return
        frames = self._source.ready(max(0, _WINDOW - len(self._offers) - self._held))
        for frame in frames if self._scales is None else self._scaled(self._scales, frames):
            ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
            self._offers[ticket] = _Offer(frame, time.monotonic())
            self._send(ticket, frame)

    def _offer_again(self, *, older_than_s: float) -> None:
        """Offer what waits for its acknowledgement once more, in its order; asking twice changes nothing."""
        now = time.monotonic()
        for ticket, offer in self._offers.items():
            if now - offer.sent_s > older_than_s:
                offer.sent_s = now
                self._send(ticket, offer.frame)

    def _scaled(self, scales: ScaleResolver, frames: Sequence[SourceFrame]) -> list[SourceFrame]:
        """Give frames their scale, one after the other; for some of them their pixels are read."""
        if not frames:
            return scales.admit(())
        admitted: list[SourceFrame] = []
        for frame in frames:
            self._role.beat()  # each takes seconds on a busy machine, and none is to be blamed for the others
            if self._in_hand.is_worn_out(frame.name, frame.size_bytes, frame.captured_at_ns):
                admitted += scales.admit((set_aside(frame),))
                continue
            self._role.ask(max(_STEP_S, _STEP_S_PER_MB * frame.size_bytes / 1e6), waits=True)
            with self._in_hand.holding(frame.name, frame.size_bytes, frame.captured_at_ns):
                admitted += scales.admit((frame,))
        return admitted

    def _send(self, ticket: int, frame: SourceFrame) -> None:
        self._peer.send(*offer_of(frame, ticket, self._source.name))

    def _receive(self) -> None:
        # While offers are out the answer is near; otherwise this is the pause between two questions to the source.
        timeout_s, until_s, beside = _POLL_S, time.monotonic() + _POLL_S, self._descriptors()
        while True:
            try:
                received = self._peer.receive(timeout_s, beside)
            except Unreadable as flaw:
                get_logger().warning("message from the hub not understood", flaw=flaw.flaw, detail=str(flaw))
                continue
            if received is None:
                if timeout_s and time.monotonic() < until_s:
                    self._role.wait(_GATHER_S)
                return
            self._handle(received[0])
            timeout_s = 0.0

    def _descriptors(self) -> Sequence[int]:
        """Return what the source is waited for by; nothing where it would not be asked."""
        is_asked = self._takes_more and len(self._offers) + self._held < _WINDOW
        return descriptors() if is_asked and (descriptors := getattr(self._source, "descriptors", None)) else ()

    def _handle(self, message: Message) -> None:
        if isinstance(message, FrameTaken):
            offer = self._offers.pop(message.ticket, None)
            self._role.got_on()
            if offer is not None:
                with working_on(message.frame):
                    log_step("picture handed over", known=message.known, ticket=message.ticket)
                self._source.taken(offer.frame, known=message.known)
        elif isinstance(message, PauseReading):
            self._pause(message.paused)
        elif isinstance(message, TakeStalled):
            if callable(take_stalled := getattr(self._source, "take_stalled", None)):
                take_stalled()
        elif isinstance(message, DrawLine):
            self._peer.send(self._line(message.request))
        elif isinstance(message, HoldLine):
            self._hold(message.files)
        elif isinstance(message, Welcome):
            withhold(message.session)
            self._join(message)
        elif isinstance(message, Refused) and message.code == "unknown_peer":
            self._hello()
        elif isinstance(message, Refused) and message.code == "other_session" and self._plan.joins:
            self._role.again()
        elif isinstance(message, Refused) and message.code == "other_place":
            raise OtherPlace(message.detail)
        elif isinstance(message, Refused) and message.code == "draining":
            self._closed = True
            self._offers.clear()
        elif isinstance(message, Refused):
            refused(message, self._endpoints)
            names = [offer.frame.name for offer in self._offers.values()]
            get_logger().warning("frame refused by the hub, offered again later", detail=message.detail, files=names)

    def _pause(self, paused: bool) -> None:
        if paused == self._paused:
            return
        self._paused = paused
        get_logger().info("reading is paused" if paused else "reading goes on")
        if callable(pause := getattr(self._source, "pause", None)):
            pause(paused)

    def _line(self, request: int) -> LineDrawn:
        """Draw the line: what has come and is not safe with the hub yet, on its way there or still with the source."""
        if not callable(draw := getattr(self._source, "draw_line", None)):
            return LineDrawn(request, why=f"the source {self._source.name} cannot go from one specimen to the next")
        try:
            waiting = {file.name: file for file in draw()}
        except LineNotDrawn as error:
            return LineDrawn(request, why=str(error))
        held = () if self._scales is None else self._scales.held_frames
        for frame in (*(offer.frame for offer in self._offers.values()), *held):
            name = printable(frame.name)
            waiting.setdefault(name, LineFile(name, frame.size_bytes, frame.captured_at_ns))
        self._next_pulse_s = 0.0
        get_logger().info("the next specimen begins: what comes from now on is its", waiting=len(waiting))
        return LineDrawn(request, tuple(waiting.values()))

    def _hold(self, files: Sequence[LineFile] | None) -> None:
        if callable(hold := getattr(self._source, "hold_line", None)):
            hold(files)

    def _join(self, hub: Welcome) -> None:
        if self._plan.joins and (hub.session, under_terms(self._plan, hub)) != (self._plan.session, self._plan):
            self._role.again()  # the hub was begun anew, and by other terms
            return
        if not self._welcomed:
            # This hub took none of them, or its answer was lost: before any other frame, so that none is passed.
            self._offer_again(older_than_s=0.0)
        self._welcomed = True
        if self._waits:
            self._waits = False
            tell(back(self._endpoints))
        self._pause(False)  # a hub that still is paused says so next

    def _hello(self) -> None:
        self._welcomed, now = False, time.monotonic()
        if now - self._hello_s < _HELLO_AGAIN_S:  # a hub that has just come refuses each pulse that waited for it
            return
        self._hello_s = now
        plan, origin = self._plan, self._plan.origin()
        self._peer.send(
            Hello(
                "source",
                f"{self._role.name}{plan.seat}",
                os.getpid(),
                session=plan.session,
                source=plan.source or "",
                origin=origin["origin"],
                origin_of=origin["origin_of"],
            )
        )
        self._next_pulse_s = 0.0


def deliver(plan: RunPlan, role: Role, source: Source) -> None:
    """Carry a source's frames to the hub until the role is stopped: what a source's ``main`` ends with.

    Each frame gets its scale on the way: what the source states is weighed against the calibration, the settings and
    the red cells.

    Parameters
    ----------
    plan, role
        What ``main`` was given.
    source
        Where the frames come from.
    """
    with Delivery(plan, role, source, scale_resolver(plan)) as delivery:
        delivery.run()
