"""A peer's sockets: its DEALER to the hub, a listener's SUB. Messages in, messages out."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import zmq

from smearwatch.daemon.wire.codec import Buffer, decode, encode
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.keys import as_z85
from smearwatch.daemon.wire.link import Link
from smearwatch.daemon.wire.messages import Follow, Message

# Below this a copy is cheaper than the bookkeeping of sharing the buffer (pyzmq's own default is of this order).
_ZERO_COPY_BYTES = 64 * 1024
HIGH_WATER = 2_000
_FOLLOW_AGAIN_S = 4.0
_PROBE_S = 2.0
_ROOM_MS = 200
_BEAT_MS, _SILENT_MS, _CONNECT_MS = 2000, 6000, 3000


def send_parts(to: zmq.Socket[bytes], parts: Sequence[Buffer], flags: int = 0) -> None:
    """Send a message's parts, without copying what is large."""
    to.send_multipart(parts, flags, copy=sum(memoryview(p).nbytes for p in parts) < _ZERO_COPY_BYTES)


def beat(each: zmq.Socket[bytes]) -> None:
    """Notice within seconds a peer of another computer that is gone without a word."""
    each.setsockopt(zmq.HEARTBEAT_IVL, _BEAT_MS)
    each.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENT_MS)
    each.setsockopt(zmq.HEARTBEAT_TTL, _SILENT_MS)


def come_back(each: zmq.Socket[bytes], *, is_here: bool) -> None:
    """Try again and again to connect: ten times a second on this computer, less and less often to another one."""
    each.setsockopt(zmq.RECONNECT_IVL, 50)
    each.setsockopt(zmq.RECONNECT_IVL_MAX, 100 if is_here else 1000)


def _connecting(owner: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints) -> zmq.Socket[bytes]:
    """Return a DEALER with all but its connection."""
    dealer = owner.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.setsockopt(zmq.SNDHWM, HIGH_WATER)
    dealer.setsockopt(zmq.RCVHWM, HIGH_WATER)
    come_back(dealer, is_here=endpoints.curve is None)
    if (curve := endpoints.curve) is not None:
        dealer.setsockopt(zmq.CURVE_SERVERKEY, as_z85(curve.server))
        dealer.setsockopt(zmq.CURVE_PUBLICKEY, as_z85(curve.pair.public))
        dealer.setsockopt(zmq.CURVE_SECRETKEY, as_z85(curve.pair.secret))
        dealer.setsockopt(zmq.CONNECT_TIMEOUT, _CONNECT_MS)
        dealer.setsockopt(zmq.IPV6, 1 if "[" in endpoints.talk else 0)
        beat(dealer)
    return dealer


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
    if endpoint.startswith("tcp://"):
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
        except OSError:
            return False
        return True
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
        self.socket = _connecting(owner, endpoints)
        self._link = Link(owner, self.socket, endpoints)
        self.socket.connect(endpoints.talk)

    @property
    def connected(self) -> bool:
        """Whether the hub is there; what is sent while it is not waits, so pulses are better not sent.

        Raises
        ------
        KeyNotAllowed, OtherHub
            It does not let this computer in.
        """
        return self._link.connected

    def send(self, message: Message, buffers: Sequence[Buffer] = ()) -> None:
        """Queue one message; ZeroMQ delivers it when the hub is there.

        Raises
        ------
        KeyNotAllowed, OtherHub
            The hub of another computer does not let this one in.
        """
        while not self.socket.poll(_ROOM_MS, zmq.POLLOUT):  # a connection that was refused never has room again
            _ = self._link.connected
        send_parts(self.socket, encode(message, buffers))

    def receive(self, timeout_s: float, beside: Sequence[int] = ()) -> tuple[Message, list[memoryview]] | None:
        """Return the next message, or None when none came in time, or one of the descriptors beside it can be read.

        Raises
        ------
        Unreadable
            When what came is no message of this wire.
        KeyNotAllowed, OtherHub
            The hub of another computer does not let this one in.
        """
        if not self._has_message(timeout_s, beside):
            _ = self._link.connected
            return None
        parts = self.socket.recv_multipart(copy=False)
        return decode([part.buffer for part in parts], max_bytes=self._max_bytes)

    def _has_message(self, timeout_s: float, beside: Sequence[int]) -> bool:
        if not beside:
            return bool(self.socket.poll(int(timeout_s * 1000)))
        poller = zmq.Poller()
        for each in (self.socket, *beside):
            poller.register(each, zmq.POLLIN)
        return any(ready == self.socket for ready, _ in poller.poll(int(timeout_s * 1000)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.close()
        self.socket.close(linger=500)


class Listener:
    """A SUB socket on the hub's feed; over TCP a DEALER that asks for the feed, again and again."""

    def __init__(self, owner: zmq.Context[zmq.Socket[bytes]], endpoints: Endpoints) -> None:
        self._link: Link | None = None
        self._asked_s = -_FOLLOW_AGAIN_S
        if endpoints.curve is not None:
            self.socket = _connecting(owner, endpoints)
            self._link = Link(owner, self.socket, endpoints)
            self.socket.connect(endpoints.talk)
            return
        self.socket = owner.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        come_back(self.socket, is_here=True)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(endpoints.feed)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message of the feed, or None when none came in time; see `Peer.receive`."""
        if self._link is not None:
            self._ask(self._link)
        if not self.socket.poll(int(timeout_s * 1000)):
            return None
        parts = self.socket.recv_multipart(copy=False)
        return decode([part.buffer for part in parts], max_bytes=1 << 20)[0]

    def _ask(self, link: Link) -> None:
        if not link.connected:
            self._asked_s = -_FOLLOW_AGAIN_S
        elif time.monotonic() - self._asked_s >= _FOLLOW_AGAIN_S:
            self._asked_s = time.monotonic()
            send_parts(self.socket, encode(Follow()))

    def close(self) -> None:
        """Close at once; nothing waits to be sent."""
        if self._link is not None:
            self._link.close()
        self.socket.close(linger=0)
