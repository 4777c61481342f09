"""Who talks to the hub: identities, names, credits, and when they were last heard."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.wire.messages import Hello, SourceState
from smearwatch.daemon.wire.parts import Role

# Peers speak every second unless they are at work. One that holds nothing and is silent for this long is gone; one
# that holds a lease has as long as the lease lasts.
SILENT_AFTER_S = 15.0


@dataclass(slots=True)
class PeerState:
    """One peer behind one identity."""

    identity: bytes
    role: Role
    name: str
    heard_s: float
    weights: str = ""
    capacity: int = 0
    source: SourceState | None = None


class Peers:
    """The present peers by identity; a new process under an old name replaces the old one."""

    def __init__(self) -> None:
        self._peers: dict[bytes, PeerState] = {}
        self.joined: Counter[str] = Counter()  # hellos by role: a restart is one more
        self._lives: dict[tuple[Role, str], tuple[str, bytes]] = {}

    def hello(self, identity: bytes, message: Hello, now_s: float) -> list[bytes]:
        """Note a peer; returns the identities that it replaces."""
        replaced = [
            peer.identity
            for peer in self._peers.values()
            if (peer.role, peer.name) == (message.role, message.name) and peer.identity != identity
        ]
        for old in replaced:
            del self._peers[old]
        self.joined[message.role] += 1
        self._lives[message.role, message.name] = (message.life, identity)
        self._peers[identity] = PeerState(identity, message.role, message.name, now_s, message.weights)
        return replaced

    def before(self, identity: bytes, message: Hello) -> bytes:
        """Return the identity that this very process had before it lost its connection; empty where it is a new one."""
        life, known = self._lives.get((message.role, message.name), ("", b""))
        return known if life and life == message.life and known != identity else b""

    def leave(self, peer: PeerState) -> None:
        """Forget a peer that takes its leave."""
        get_logger().info("peer left", kind=peer.role, peer=peer.name)
        del self._peers[peer.identity]

    def heard(self, identity: bytes, now_s: float) -> PeerState | None:
        """Note a sign of life; None for a peer that never said hello."""
        peer = self._peers.get(identity)
        if peer is not None:
            peer.heard_s = now_s
        return peer

    def silent(self, now_s: float, *, busy: Callable[[bytes], bool]) -> list[PeerState]:
        """Forget and return the peers that have not been heard for too long, leaving those that are ``busy``."""
        gone = [
            peer for peer in self._peers.values() if now_s - peer.heard_s > SILENT_AFTER_S and not busy(peer.identity)
        ]
        for peer in gone:
            get_logger().warning("peer silent", kind=peer.role, peer=peer.name)
            del self._peers[peer.identity]
        return gone

    def may_not(self, may_be: Callable[[bytes, Role], bool], who: Callable[[bytes], str]) -> list[PeerState]:
        """Forget and return the peers that may not be what they came as any more; ``who`` they are, for the log."""
        gone = [peer for peer in self._peers.values() if not may_be(peer.identity, peer.role)]
        for peer in gone:
            get_logger().warning("not allowed any more", who=who(peer.identity), kind=peer.role, peer=peer.name)
            del self._peers[peer.identity]
        return gone

    def of(self, role: Role) -> Iterator[PeerState]:
        """Return the peers of a role, in the order of their hellos."""
        return (peer for peer in self._peers.values() if peer.role == role)

    def sources(self) -> list[SourceState]:
        """Return what the sources have said of themselves last."""
        return [peer.source for peer in self.of("source") if peer.source is not None]

    def count(self, role: Role) -> int:
        """Count the peers of a role."""
        return sum(1 for _ in self.of(role))
