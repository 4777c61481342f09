"""Whoever holds connections and asks for nothing makes room for those who ask: no count of them keeps others out."""

import asyncio
import resource
from collections import Counter
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 10.0
"""A request has to be whole by then, since its connection was made or its first byte came."""

MOST: Final = 64
"""Connections at a time; a browser opens a handful."""

_BURST: Final = 512  # as many for a moment: who has just come has not had the time to ask
_SHARE: Final = 4  # that part of them is for one address, of which also a proxy asks for all behind it
_MOMENT_S: Final = 0.5
_ANSWER_S: Final = 30.0  # whoever takes so long to read its answer may have to make room, too


def burst() -> int:
    """Return how many connections there may be for a moment: each takes a file, and pictures are read from others."""
    return min(_BURST, max(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))


def share() -> int:
    """Return how many of them one address may have."""
    return burst() // _SHARE


class Connection(H11Protocol):
    """A connection: it ends where its request does not become whole, or where it asks nothing and others need the room.

    Of several addresses, the one with the most connections gives up one of its; none has more than a quarter of all.
    """

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection in, where need be in the place of another."""
        super().connection_made(transport)
        self.since_s = self.loop.time()
        self._due: asyncio.TimerHandle | None = None
        self._wait_for_request()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take in what came of a request."""
        super().data_received(data)
        self._wait_for_request()

    def on_response_complete(self) -> None:
        """Go on to the next request, which may have come in part."""
        super().on_response_complete()
        self.since_s = self.loop.time()
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that has ended."""
        self._cancel()
        super().connection_lost(exc)

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.client[0] if self.client else ""

    @property
    def lacks(self) -> bool:
        """Whether a request has begun, or never came, and is not whole."""
        begun = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
        return begun or self.conn.their_state is h11.SEND_BODY

    @property
    def answers(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_request(self) -> None:
        if not self.lacks:
            self._cancel()
        elif self._due is None:
            self._due = self.loop.call_later(REQUEST_S, self._expire)

    def _expire(self) -> None:
        self._due = None
        if self.lacks:
            self.transport.abort()

    def _cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _make_room(self) -> None:
        others = [each for each in self.connections if isinstance(each, Connection) and each is not self]
        if len(others) < MOST:
            return
        of_address = Counter(each.address for each in others)
        if of_address[self.address] >= share():  # it makes room itself, and no other address has to
            others = [each for each in others if each.address == self.address]
            full = True
        else:
            full = len(others) >= burst()
        now_s = self.loop.time()
        may_go = [
            each for each in others if (each.lacks or not each.answers) and (full or now_s - each.since_s > _MOMENT_S)
        ] or [each for each in others if now_s - each.since_s > _ANSWER_S]
        if may_go:
            oldest = min(may_go, key=lambda each: (-of_address[each.address], each.since_s))
            self.connections.discard(oldest)
            oldest.transport.abort()
        elif full:
            self.transport.abort()
