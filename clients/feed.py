"""The one way in for clients: the daemon's two sockets, and the ledger on disk where the daemon is silent."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from smearwatch.clients.corrections import Corrections
from smearwatch.clients.elsewhere import Elsewhere
from smearwatch.clients.follower import Follower
from smearwatch.clients.recorded import catch_up
from smearwatch.clients.view import Connection, Ended, View
from smearwatch.daemon.process.joining import refused
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints, why_closed
from smearwatch.daemon.wire.messages import Refused
from smearwatch.daemon.wire.sockets import Listener, Peer, context

# So that a flood of events still lets the caller draw and look at the keyboard.
_MESSAGES_A_TURN = 500

# Thumbnails of a few dozen cells, or a snapshot; no client is ever sent a frame.
_MAX_BYTES = 64 * 1024 * 1024


class Feed:
    """A client's connection to the daemon that lives in a runtime folder. Use as a context manager, in one thread.

    Parameters
    ----------
    where : Path or Endpoints
        The folder in which the daemon's sockets are or will be; or where it is on another computer.
    state_dir : Path or None
        Where its sessions are; None where that is another computer.
    session : str, optional
        Follow only this session.
    pictures : bool
        Whether thumbnails of the last cells are fetched.
    recent : int
        How many of the last cells are kept.
    within : float
        How near each share is to be known, in percentage points to either side.
    clock : callable
        Monotonic seconds.

    Raises
    ------
    EndpointUnusable
        The runtime folder's path is too long for a socket.
    KeyNotAllowed, NotAllowed, OtherHub
        While it is used: the daemon of another computer does not let this one in.
    """

    def __init__(
        self,
        where: Path | Endpoints,
        state_dir: Path | None,
        *,
        session: str | None = None,
        pictures: bool = False,
        recent: int = 24,
        within: float = WITHIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = Endpoints.to(where)
        self._state_dir = state_dir
        self._follower = Follower(clock=clock, recent=recent, pictures=pictures, session=session)
        self._corrections = None if state_dir is None else Corrections(state_dir, within, clock=clock)
        self._elsewhere = None if state_dir is None else Elsewhere(state_dir, clock=clock)
        self._settled = False
        self._connection: Connection = "connecting"

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        owner = self._stack.enter_context(context())
        self._listener = Listener(owner, self._endpoints)
        self._stack.callback(self._listener.close)
        self._peer = self._stack.enter_context(Peer(owner, self._endpoints, max_bytes=_MAX_BYTES))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def poll(self, timeout_s: float) -> bool:
        """Wait for something new at most so long, take in what came, ask for what is missing.

        Returns
        -------
        bool
            Whether the view may have changed.
        """
        self._ask()
        # Waits where the next word is expected: on the answer while a question is open, else on the feed.
        first = self._from_hub if self._follower.asking else self._from_feed
        heard = self._take_one(first, timeout_s)
        self._settled &= not heard
        left = _MESSAGES_A_TURN
        while left and any([self._take_one(self._from_feed), self._take_one(self._from_hub)]):
            heard, left = True, left - 1
        if heard:
            self._ask()
        connection = self._follower.connection
        turned = connection != self._connection
        if turned and connection in ("lost", "done"):
            self.settle()
        self._connection = self._follower.connection
        return turned or heard

    def settle(self) -> None:
        """Bring the view to the end of the ledger on disk, as far as it can be read from here."""
        if self._state_dir is not None:
            catch_up(self._follower, self._state_dir)
        self._settled = True

    @property
    def ended(self) -> Ended:
        """Whether the session was closed, and how."""
        return self._follower.ended

    @property
    def address(self) -> str:
        """Where the daemon is looked for, for people to read."""
        return self._endpoints.shown

    @property
    def why_not(self) -> str | None:
        """Why this account cannot be heard by the daemon: the group that it is not in; None where nothing is known."""
        return why_closed(self._endpoints)

    def view(self) -> View:
        """Return what is known now; the corrected result may follow a second later, but for what is settled."""
        view = self._follower.view()
        if self._corrections is None or self._elsewhere is None:
            return view
        return self._elsewhere.add(self._corrections.add(view, at_once=self._settled))

    def _ask(self) -> None:
        for question in self._follower.questions():
            self._peer.send(question)

    def _take_one(self, receive: Callable[[float], bool], timeout_s: float = 0.0) -> bool:
        """Take one message in; returns whether there was one. What cannot be read is counted."""
        try:
            return receive(timeout_s)
        except Unreadable:
            self._follower.counters["unreadable"] += 1
            return True

    def _from_feed(self, timeout_s: float) -> bool:
        message = self._listener.receive(timeout_s)
        if isinstance(message, Refused):
            refused(message, self._endpoints)
        if message is not None:
            self._follower.hear(message)
        return message is not None

    def _from_hub(self, timeout_s: float) -> bool:
        received = self._peer.receive(timeout_s)
        if received is not None:
            if isinstance(received[0], Refused):
                refused(received[0], self._endpoints)
            self._follower.hear(*received)
        return received is not None
