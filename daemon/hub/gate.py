"""Which messages the hub deals with: those that can be read, and that their sender has the right to send."""

from collections.abc import Callable, Sequence

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger, is_worth_a_line
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import Follow, Hello, Message, Refused
from smearwatch.daemon.wire.parts import Role
from smearwatch.daemon.wire.rights import RIGHTS, needed

NOT_ALLOWED, KEY_REVOKED = "not_allowed", "key_revoked"


class Gate:
    """Refuses what is not allowed.

    Parameters
    ----------
    misunderstood
        Is told whose message could not be read.
    """

    def __init__(self, journal: Journal, sockets: HubSockets, misunderstood: Callable[[bytes], object]) -> None:
        self._journal = journal
        self._sockets = sockets
        self._misunderstood = misunderstood
        self._said: set[bytes] = set()

    def let_in(
        self, received: tuple[bytes, Message | Unreadable, list[memoryview]] | None
    ) -> tuple[bytes, Message, Sequence[memoryview]] | None:
        """Return what came, if the hub is to deal with it; else it is counted and answered, or the feed is given."""
        if received is None:
            return None
        identity, message, buffers = received
        if isinstance(message, Unreadable):
            self._journal.counters[f"wire_{message.flaw}"] += 1
            if is_worth_a_line(self._journal.counters[f"wire_{message.flaw}"]):
                get_logger().warning("message refused", flaw=message.flaw, detail=str(message)[:400])
            self._misunderstood(identity)
            self._sockets.send(identity, Refused(message.flaw, str(message)[:400]))
            return None
        if (refused := self.refuses(identity, message)) is not None:
            self._sockets.send(identity, refused)
            return None
        if isinstance(message, Follow):
            self._sockets.follow(identity)
            return None
        return identity, message, buffers

    def refuses(self, identity: bytes, message: Message) -> Refused | None:
        """Return why a message is not taken from its sender, None where it is."""
        rights = self._sockets.rights_of(identity)
        wanted = needed(message)
        if rights & wanted:
            return None
        self._journal.counters[NOT_ALLOWED] += 1
        if not rights:
            return self._refused(identity, Refused(KEY_REVOKED, "this computer's key is not allowed any more"))
        which = " or ".join(right for right in RIGHTS if right in wanted)
        have = ", ".join(right for right in RIGHTS if right in rights)
        return self._refused(
            identity, Refused(NOT_ALLOWED, f"that takes the right {which}, and here one has {have} alone")
        )

    def may_be(self, identity: bytes, role: Role) -> bool:
        """Return whether a peer may still be what it came as."""
        return bool(self._sockets.rights_of(identity) & needed(Hello(role, "", 0)))

    def _refused(self, identity: bytes, refused: Refused) -> Refused:
        if identity not in self._said:
            if len(self._said) >= 4096:
                self._said.clear()
            self._said.add(identity)
            get_logger().warning("not allowed", who=self._sockets.who(identity), why=refused.detail)
        return refused
