"""What the ledger could not take waits in the hub, and is tried again in its order.

A full disk, a share that is away, or another program that holds the file passes: until then no answer is dropped,
nobody is given anything new, clients are heard, and time stands still for leases and peers.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.wire.messages import (
    CellsFound,
    CropJudged,
    FrameRejected,
    LeaseFailed,
    Message,
    OfferFrame,
    RefuseFrame,
)

Received: TypeAlias = tuple[bytes, Message, Sequence[memoryview]]

_AGAIN_S: Final = 1.0
_ANSWERS: Final = (CellsFound, FrameRejected, CropJudged, LeaseFailed)


class Holding:
    """Keeps what waits for the ledger, and says what the time is without the waiting.

    Parameters
    ----------
    clock
        Monotonic seconds.

    Attributes
    ----------
    why : str
        What the ledger says, nothing while it takes what it is given.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._since_s: float | None = None
        self._next_s = 0.0
        self._waited_s = 0.0
        self._kept: deque[Received] = deque()  # no more than what was leased
        self.why = ""

    def now(self) -> float:
        """Return monotonic seconds without those in which the ledger took nothing."""
        return (self.clock() if self._since_s is None else self._since_s) - self._waited_s

    @property
    def is_on(self) -> bool:
        """Whether the hub waits."""
        return self._since_s is not None

    @property
    def is_due(self) -> bool:
        """Whether the ledger may be tried now."""
        return self._since_s is None or self.clock() >= self._next_s

    def keeps(self, received: Received) -> bool:
        """Take in a message while the hub waits; returns whether it is to be dealt with later, or comes again."""
        if self._since_s is None:
            return False
        if isinstance(received[1], _ANSWERS):
            self._kept.append(received)
            return True
        return isinstance(received[1], OfferFrame | RefuseFrame)  # its source offers it again

    def kept(self) -> Iterator[Received]:
        """Yield the messages that wait, in their order; one that fails again stays the first."""
        while self._kept:
            yield self._kept[0]
            self._kept.popleft()

    def begin(self, error: LedgerUnusable, received: Received | None) -> None:
        """Wait from now on, with the message that was in hand; raises the error again where waiting does not help."""
        if not error.may_pass:
            raise error
        if self._since_s is None:
            if received is not None and isinstance(received[1], _ANSWERS):
                self._kept.append(received)
            get_logger().error("nothing can be kept: all waits", why=str(error), hint=error.hint)
            self._since_s = self.clock()
        self._next_s = self.clock() + _AGAIN_S
        self.why = f"nothing can be kept, and all waits: {error.what} ({error.hint})"

    def end(self) -> None:
        """Go on: what waited is kept."""
        if self._since_s is None:
            return
        self._waited_s += self.clock() - self._since_s
        self._since_s, self.why = None, ""
        get_logger().info("what waited is kept, the count goes on")
