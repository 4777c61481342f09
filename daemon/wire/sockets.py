"""The sockets: the hub's pair, a peer's DEALER, a listener's SUB. Messages in, messages out."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from smearwatch.daemon.wire.codec import Buffer, Unreadable, decode, encode
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Message

# Below this a copy is cheaper than the bookkeeping of sharing the buffer (pyzmq's own default is of this order).
_ZERO_COPY_BYTES = 64 * 1024
_HIGH_WATER = 2_000
_LINK_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED


def _send(to: zmq.Socket[bytes], parts: Sequence[Buffer]) -> None:
    to.send_multipart(parts, copy=sum(memoryview(p).nbytes for p in parts) < _ZERO_COPY_BYTES)


@contextmanager
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """Yield a ZeroMQ context that ends without waiting for peers that are gone."""
    owned: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        yield owned
    finally:
        owned.destroy(linger=0)


def is_open(endpoint: str) -> bool:
    """Return whether a process has one of the hub's addresses open, however busy it is.

    The kernel answers, so a hub that is slow is not taken for one that is gone.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(endpoint.removeprefix("ipc://"))
        except BlockingIOError:  # it has not got round to others yet
            return True
        except OSError:
            return False
    return True


class Peer:
    """A DEALER towards the hub, for every role but the hub itself. Not thread-safe: one owner."""

    def __init__(
        self, owner: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints, *, max_bytes: int = 1 << 30
    ) -> None:
        self._max_bytes = max_bytes
        self.socket = owner.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        self.socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        self._events = self.socket.get_monitor_socket(_LINK_EVENTS)
        self._connected = False
        self.socket.connect(endpoints.talk)

    @property
    def connected(self) -> bool:
        """Whether the hub is there; what is sent while it is not waits, so pulses are better not sent."""
        while self._events.poll(0):
            self._connected = recv_monitor_message(self._events)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return self._connected

    def send(self, message: Message, buffers: Sequence[Buffer] = ()) -> None:
        """Queue one message; ZeroMQ delivers it when the hub is there."""
        _send(self.socket, encode(message, buffers))

    def receive(self, timeout_s: float) -> tuple[Message, list[memoryview]] | None:
        """Return the next message, or None when none came in time.

        Raises
        ------
        Unreadable
            When what came is no message of this wire.
        """
        if not self.socket.poll(int(timeout_s * 1000)):
            return None
        parts = self.socket.recv_multipart(copy=False)
        return decode([part.buffer for part in parts], max_bytes=self._max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.disable_monitor()
        self._events.close(linger=0)
        self.socket.close(linger=500)


class Listener:
    """A SUB socket on the hub's feed."""

    def __init__(self, owner: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints) -> None:
        self.socket = owner.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(endpoints.feed)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message of the feed, or None when none came in time; see `Peer.receive`."""
        if not self.socket.poll(int(timeout_s * 1000)):
            return None
        parts = self.socket.recv_multipart(copy=False)
        return decode([part.buffer for part in parts], max_bytes=1 << 20)[0]

    def close(self) -> None:
        """Close at once; nothing waits to be sent."""
        self.socket.close(linger=0)


class HubSockets:
    """The hub's ROUTER and PUB; the caller holds a lock, for ZeroMQ takes over a bound ipc path silently."""

    def __init__(self, owner: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.talk = owner.socket(zmq.ROUTER)
        self.feed = owner.socket(zmq.PUB)
        for each in (self.talk, self.feed):
            each.setsockopt(zmq.LINGER, 500)
            each.setsockopt(zmq.SNDHWM, _HIGH_WATER)
            each.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        # A part far beyond the limit is dropped by ZeroMQ with its connection; one just beyond is answered.
        self.talk.setsockopt(zmq.MAXMSGSIZE, 2 * max_bytes)
        self.talk.bind(endpoints.talk)
        self.feed.bind(endpoints.feed)

    def receive(self, timeout_s: float) -> tuple[bytes, Message | Unreadable, list[memoryview]] | None:
        """Return (peer identity, message or what was wrong with it, buffers), or None when none came in time."""
        if not self.talk.poll(int(timeout_s * 1000)):
            return None
        parts = self.talk.recv_multipart(copy=False)
        identity = parts[0].bytes
        try:
            message, buffers = decode([part.buffer for part in parts[1:]], max_bytes=self._max_bytes)
        except Unreadable as flaw:
            return identity, flaw, []
        return identity, message, buffers

    def send(self, identity: bytes, message: Message, buffers: Sequence[Buffer] = ()) -> None:
        """Queue a message for one peer; a peer that is gone loses it, which its lease accounts for."""
        _send(self.talk, [identity, *encode(message, buffers)])

    def publish(self, message: Message) -> None:
        """Send to every listener; a listener that misses it asks for it by number."""
        _send(self.feed, encode(message))

    def close(self) -> None:
        """Close both, giving half a second to what is queued."""
        self.talk.close(linger=500)
        self.feed.close(linger=500)
