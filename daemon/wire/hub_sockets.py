"""The hub's sockets: a pair for its owner, one for each group, and one for other computers, behind one door."""

import os
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import zmq
from zmq.auth.thread import ThreadAuthenticator

from smearwatch.daemon.wire.codec import Buffer, Unreadable, decode, encode
from smearwatch.daemon.wire.endpoints import Endpoints, EndpointUnusable
from smearwatch.daemon.wire.keyring import NOBODY, Keyring
from smearwatch.daemon.wire.keys import KeyPair, as_z85, from_z85
from smearwatch.daemon.wire.messages import Message
from smearwatch.daemon.wire.rights import ALL, Right
from smearwatch.daemon.wire.sockets import HIGH_WATER, beat, send_parts
from smearwatch.daemon.wire.subscribers import Subscribers

_DOMAIN: Final = "smearwatch"
_HANDSHAKE_MS: Final = 3000
_FOLLOWS_S: Final = 12.0
_MOST_KNOWN: Final = 4096
# What waits for a peer that reads nothing, and what one that floods has brought, is memory of the hub.
_WAITING_FOR_ONE, _WAITING_OF_ONE = 256, 16
# Over TCP a part is a frame, a crop or a header: a stranger cannot announce more.
_PART_SLACK: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GroupDoor:
    """A folder in which a group has its own pair of sockets, and what it may."""

    folder: Path
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class NetDoor:
    """Where other computers may knock: the address, the hub's own keys, and whose keys it knows."""

    address: str
    pair: KeyPair
    keyring: Keyring
    max_part_bytes: int
    refused: Callable[[str], object] = lambda _: None
    """Told, in a thread of its own, each key that is not let in."""


class HubSockets:
    """The hub's ROUTER and PUB sockets; the caller holds a lock, for ZeroMQ takes over a bound ipc path silently.

    A peer's identity is the number of the door that it came through, and what ZeroMQ calls it there.

    Attributes
    ----------
    not_taken : int
        How many messages to one peer were dropped, because it was gone or read nothing.
    """

    def __init__(
        self,
        owner: zmq.Context[zmq.Socket[bytes]],
        endpoints: Endpoints,
        *,
        max_bytes: int,
        max_part_bytes: int | None = None,
        groups: Sequence[GroupDoor] = (),
        net: NetDoor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_part_bytes = max_part_bytes or max_bytes
        self.not_taken = 0
        self._owner = owner
        self._net = net
        self._clock = clock
        self._auth: Any = None
        self._keys: OrderedDict[bytes, str] = OrderedDict()  # of who came over the net
        self._following: dict[bytes, float] = {}
        self._poller = zmq.Poller()
        self._talks: list[zmq.Socket[bytes]] = []
        self._feeds: list[zmq.Socket[bytes]] = []
        self._listening: list[Subscribers] = []
        self._rights: list[frozenset[Right] | None] = []
        self._doors: list[str] = []
        self._turn = 0
        self._bind(endpoints, ALL, "the account that counts", mode=0o600)
        for group in groups:
            self._bind(Endpoints.under(group.folder), group.rights, f"the group of {group.folder.name}/", mode=0o660)
        if net is not None:
            self._bind_net(net)

    def receive(self, timeout_s: float) -> tuple[bytes, Message | Unreadable, list[memoryview]] | None:
        """Return (peer identity, message or what was wrong with it, buffers), or None when none came in time."""
        ready = dict(self._poller.poll(int(timeout_s * 1000)))
        if not ready:
            return None
        # Each door in its turn: what floods one does not close the others.
        count = len(self._talks)
        door = next(n for k in range(1, count + 1) if self._talks[n := (self._turn + k) % count] in ready)
        self._turn = door
        parts = self._talks[door].recv_multipart(copy=False)
        identity = bytes([door]) + parts[0].bytes
        if self._rights[door] is None:
            self._note(identity, parts[-1])
        try:
            message, buffers = decode([part.buffer for part in parts[1:]], max_bytes=self._max_bytes)
        except Unreadable as flaw:
            return identity, flaw, []
        return identity, message, buffers

    def rights_of(self, identity: bytes) -> frozenset[Right]:
        """Return what a peer may now: by the door that it came through, or by its key, while that is allowed."""
        rights = self._rights[identity[0]]
        if rights is not None:
            return rights
        assert self._net is not None
        allowed = self._net.keyring.of(self._keys.get(identity, ""))
        return NOBODY if allowed is None else allowed.rights

    def who(self, identity: bytes) -> str:
        """Return who a peer is, for a log: the door that it came through, or what its key is called."""
        if self._net is None or self._rights[identity[0]] is not None:
            return self._doors[identity[0]]
        return f"key {self._net.keyring.called(self._keys.get(identity, ''))}"

    def follow(self, identity: bytes) -> None:
        """Send the feed to a peer over its own socket, for some seconds."""
        self._following[identity] = self._clock() + _FOLLOWS_S

    def send(self, identity: bytes, message: Message, buffers: Sequence[Buffer] = ()) -> None:
        """Queue a message for one peer; one that is gone, or reads nothing, loses it, which its lease accounts for."""
        self._queue(identity, [*encode(message, buffers)])

    def _queue(self, identity: bytes, parts: Sequence[Buffer]) -> None:
        try:
            send_parts(self._talks[identity[0]], [identity[1:], *parts], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            self.not_taken += 1

    def publish(self, message: Message) -> None:
        """Send to every listener; a listener that misses it asks for it by number."""
        parts = encode(message)
        for feed in self._feeds:
            send_parts(feed, parts)
        now = self._clock()
        for identity, until_s in list(self._following.items()):
            if now >= until_s or "watch" not in self.rights_of(identity):
                del self._following[identity]
            else:
                self._queue(identity, parts)

    @property
    def subscribers(self) -> int:
        """How many listen on the feed, here and elsewhere."""
        return sum(each.count() for each in self._listening) + len(self._following)

    def close(self) -> None:
        """Close all, giving half a second to what is queued."""
        for listening in self._listening:
            listening.close()
        for each in (*self._talks, *self._feeds):
            each.close(linger=500)
        if self._auth is not None:
            self._auth.stop()

    def _note(self, identity: bytes, part: zmq.Frame) -> None:
        # With each message, for a peer chooses its identity itself, and could take another's.
        self._keys[identity] = ""
        with suppress(zmq.ZMQError, ValueError, KeyError):  # without one it is nobody
            self._keys[identity] = from_z85(str(part.get("User-Id")))
        self._keys.move_to_end(identity)
        if len(self._keys) > _MOST_KNOWN:
            self._keys.popitem(last=False)

    def _router(self, rights: frozenset[Right] | None, door: str) -> zmq.Socket[bytes]:
        talk = self._owner.socket(zmq.ROUTER)
        talk.setsockopt(zmq.LINGER, 500)
        talk.setsockopt(zmq.SNDHWM, _WAITING_FOR_ONE)
        talk.setsockopt(zmq.RCVHWM, _WAITING_OF_ONE)
        talk.setsockopt(zmq.ROUTER_MANDATORY, 1)
        # A part far beyond the limit is dropped by ZeroMQ with its connection; one just beyond is answered.
        talk.setsockopt(zmq.MAXMSGSIZE, 2 * self._max_part_bytes)
        self._talks.append(talk)
        self._rights.append(rights)
        self._doors.append(door)
        self._poller.register(talk, zmq.POLLIN)
        return talk

    def _bind(self, endpoints: Endpoints, rights: frozenset[Right], door: str, *, mode: int) -> None:
        talk, feed = self._router(rights, door), self._owner.socket(zmq.PUB)
        feed.setsockopt(zmq.LINGER, 500)
        feed.setsockopt(zmq.SNDHWM, HIGH_WATER)
        self._feeds.append(feed)
        self._listening.append(Subscribers(feed))
        before = os.umask(0o777 ^ mode)  # so that there is no moment at which others may use it
        try:
            talk.bind(endpoints.talk)
            feed.bind(endpoints.feed)
        finally:
            os.umask(before)
        for address in (endpoints.talk, endpoints.feed):
            path = Path(address.removeprefix("ipc://"))
            os.chown(path, -1, path.parent.stat().st_gid)

    def _bind_net(self, net: NetDoor) -> None:
        _check_network(net.address)
        self._auth = ThreadAuthenticator(self._owner)
        self._auth.start()
        self._auth.configure_curve_callback(domain=_DOMAIN, credentials_provider=_Asked(net))
        talk = self._router(None, "other computers")
        talk.setsockopt(zmq.MAXMSGSIZE, net.max_part_bytes + _PART_SLACK)
        talk.setsockopt(zmq.CURVE_SERVER, 1)
        talk.setsockopt(zmq.CURVE_SECRETKEY, as_z85(net.pair.secret))
        talk.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN.encode())
        talk.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        talk.setsockopt(zmq.IPV6, 1 if "[" in net.address else 0)
        beat(talk)
        try:
            talk.bind(net.address)
        except zmq.ZMQError as error:
            self.close()
            why = os.strerror(error.errno or 0)
            raise EndpointUnusable(f"listen = {net.address!r}: {why}", "choose another address") from None


def _check_network(address: str) -> None:
    """Refuse what ZeroMQ would end the process for: a sandbox without a network's addresses."""
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()
    except OSError as error:
        hint = "give the unit RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK and PrivateNetwork=no"
        raise EndpointUnusable(f"listen = {address!r}: no network may be used here: {error.strerror}", hint) from None


class _Asked:
    """Whether a key is let in, as pyzmq's authenticator asks it in its own thread."""

    def __init__(self, net: NetDoor) -> None:
        self._net = net

    def callback(self, _domain: str, key: bytes) -> bool:
        with suppress(Exception):  # it would end pyzmq's thread, and nobody be let in any more
            if self._net.keyring.of(from_z85(key)) is not None:
                return True
            self._net.refused(from_z85(key))
        return False
