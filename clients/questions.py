"""One open question to the hub: put once, put again only while somebody is there to hear it."""

from collections.abc import Callable
from itertools import count

from smearwatch.clients.recent import CellKey

ANSWER_S = 2.0
"""How long an answer is waited for."""

_REQUESTS = count(1)


class Question:
    """A sort of question of which at most one is open.

    A daemon that is away finds one question in its queue when it comes, not one for each second of its absence; so
    the queue never fills up, however long a client waits.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._request = 0
        self._at_s = 0.0
        self.cells: tuple[CellKey, ...] = ()

    @property
    def open(self) -> bool:
        """Whether an answer is waited for."""
        return self._request != 0

    def may_be_put(self, heard_s: float | None) -> bool:
        """Return whether to ask now, given when the daemon was last heard of."""
        if not self._request:
            return True
        unanswered = self._clock() - self._at_s >= ANSWER_S
        return unanswered and heard_s is not None and heard_s > self._at_s

    def put(self, cells: tuple[CellKey, ...] = ()) -> int:
        """Open the question; returns the number to send with it."""
        self._request, self._at_s, self.cells = next(_REQUESTS), self._clock(), cells
        return self._request

    def settle(self, request: int) -> bool:
        """Close the question if this is its answer."""
        if not request or request != self._request:
            return False
        self._request = 0
        return True

    def drop(self) -> None:
        """Forget the question: its answer would be out of date."""
        self._request = 0
