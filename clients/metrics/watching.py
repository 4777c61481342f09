"""The numbers of the moment: one thread follows the daemon as any client does; whoever asks gets the last ones."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from smearwatch.clients.follower import Follower
from smearwatch.clients.health import Health, alive
from smearwatch.clients.view import View
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice, Message, Pulse, Snapshot
from smearwatch.daemon.wire.sockets import Listener, Peer, context

_POLL_S: Final = 0.2
_EVERY_S: Final = 0.5  # the tally with its intervals is made anew no more often
_MESSAGES_A_TURN: Final = 500
_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is known of the daemon at a moment.

    Attributes
    ----------
    heard_s
        When its last pulse came, monotonic; None where none did.
    view, pulse
        The session and the pulse; None where nothing is known.
    event_at_s
        When the session's last event was recorded, in seconds since 1970; None where that is not known.
    """

    heard_s: float | None = None
    view: View | None = None
    pulse: Pulse | None = None
    event_at_s: float | None = None


class Watching:
    """Follows the daemon of a runtime folder. Use as a context manager; every method may be called by any thread."""

    def __init__(self, runtime_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoints = Endpoints.under(runtime_dir)
        self._clock = clock
        self._over = threading.Event()
        self._numbers = Numbers()
        self._thread = threading.Thread(target=self._follow, daemon=True, name="metrics")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def now(self) -> Numbers:
        """The numbers of the last moment."""
        return self._numbers

    def is_alive(self) -> Health:
        """Return whether the daemon turns: where it does not for long, it is to be restarted."""
        return alive(self._numbers.heard_s, self._clock())

    def is_ready(self) -> Health:
        """Return whether a picture that comes now would be counted; what is missing may come by itself."""
        turns, pulse = self.is_alive(), self._numbers.pulse
        if not turns.ok or pulse is None:
            return turns
        lacks = []
        if pulse.state != "running":
            lacks.append("it is ending")
        if not pulse.workers:
            lacks.append("nobody names cells (no worker)")
        if not pulse.finders:
            lacks.append("nobody looks for cells (no finder)")
        if pulse.paused:
            lacks.append("it is paused")
        if pulse.trouble:
            lacks.append("the disk is full, nearly full or out of reach")
        return Health(not lacks, f"not ready: {'; '.join(lacks)}" if lacks else "ready")

    def _follow(self) -> None:
        # No pictures, no recent cells but one: the last one's time says when the count last got on.
        follower = Follower(clock=self._clock, recent=1)
        heard_s: float | None = None
        event_at_s: float | None = None
        new, due_s = False, 0.0
        with context() as owner:
            listener = Listener(owner, self._endpoints)
            try:
                with Peer(owner, self._endpoints, max_bytes=_MAX_BYTES) as peer:
                    while not self._over.is_set():
                        for question in follower.questions():
                            peer.send(question)
                        for message in _messages(listener, peer):
                            new = True
                            if isinstance(message, Pulse):
                                heard_s = self._clock()
                            event_at_s = _recorded_at_s(message) or event_at_s
                            follower.hear(message)
                        if new and self._clock() >= due_s:
                            new, due_s = False, self._clock() + _EVERY_S
                            self._numbers = Numbers(heard_s, follower.view(), follower.pulse, event_at_s)
            finally:
                listener.close()


def _messages(listener: Listener, peer: Peer) -> list[Message]:
    """Return what has come, waiting a moment for the first."""
    taken: list[Message] = []
    wait_s = _POLL_S
    for receive in (listener.receive, lambda timeout_s: (peer.receive(timeout_s) or (None,))[0]):
        for _ in range(_MESSAGES_A_TURN):
            try:
                message = receive(wait_s)
            except Unreadable:
                continue
            finally:
                wait_s = 0.0
            if message is None:
                break
            taken.append(message)
    return taken


def _recorded_at_s(message: Message) -> float | None:
    if isinstance(message, EventNotice):
        return message.recorded_at_ns / 1e9
    if isinstance(message, Snapshot) and message.recent:
        return message.recent[-1].recorded_at_ns / 1e9
    return None
