"""Says once who is waited for, where the roles are commands of their own and start in any order."""

import time
from collections.abc import Callable
from typing import Final

from smearwatch.daemon.hub.peers import Peers
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.wire.parts import Role

_AFTER_S: Final = 5.0
_WAITS: Final[dict[Role, str]] = {
    "source": "waiting for a capture (smearwatch capture --watch DIR)",
    "worker": "waiting for a worker (smearwatch worker); pictures are kept until one comes",
}


class Absent:
    """Who is not here, and whether that was said; ``expected`` where they come by themselves."""

    def __init__(self, peers: Peers, *, expected: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._peers = peers
        self._expected = expected
        self._clock = clock
        self._since_s = dict.fromkeys(_WAITS, clock())
        self._said: set[Role] = set()

    def look(self) -> None:
        """Say who has been missing for some seconds, once until it comes and goes again."""
        for role, line in _WAITS.items() if self._expected else ():
            if self._peers.count(role):
                self._since_s[role] = self._clock()
                self._said.discard(role)
            elif role not in self._said and self._clock() - self._since_s[role] >= _AFTER_S:
                self._said.add(role)
                tell(line)
