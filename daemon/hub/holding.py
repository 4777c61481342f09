"""What the ledger could not take waits in the hub, and is tried again before anything else.

A full disk, a share that is away, or another program that holds the file passes: until then nothing is dropped, nobody
is given anything, and time stands still for leases and peers, for none of them can be answered.
"""

import time
from collections.abc import Callable
from typing import Final

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.schema import LedgerUnusable

_AGAIN_S: Final = 1.0


class Holding:
    """Says whether the hub waits for its ledger, and what the time is without the waiting.

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
        self.why = ""

    def now(self) -> float:
        """Return monotonic seconds without those in which the ledger took nothing."""
        return (self.clock() if self._since_s is None else self._since_s) - self._waited_s

    @property
    def is_on(self) -> bool:
        """Whether the hub waits."""
        return self._since_s is not None

    def begin(self, error: LedgerUnusable) -> None:
        """Wait from now on; raises the error again where waiting does not help."""
        if not error.may_pass:
            raise error
        if self._since_s is None:
            get_logger().error("nothing can be kept: all waits", why=str(error), hint=error.hint)
            self._since_s = self.clock()
        self._next_s = self.clock() + _AGAIN_S
        self.why = f"nothing can be kept, and all waits: {error.what} ({error.hint})"

    def is_due(self, timeout_s: float) -> bool:
        """Return whether to try again now; waits at most so long for it."""
        if (left_s := self._next_s - self.clock()) <= 0.0:
            return True
        time.sleep(min(timeout_s, left_s))
        return False

    def end(self) -> None:
        """Go on: what waited is kept."""
        if self._since_s is None:
            return
        self._waited_s += self.clock() - self._since_s
        self._since_s, self.why = None, ""
        get_logger().info("what waited is kept, the count goes on")
