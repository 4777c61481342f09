"""Says in the hub's log which keys knocked and were not let in: few lines, however many knock."""

import time
from collections.abc import Callable
from typing import Final

from smearwatch.daemon.log import get_logger

_EVERY_S: Final = 60.0
_MOST: Final = 10
_ROLE: Final = "hub"  # the thread in which this is asked does not know it


class Strangers:
    """Takes each key that is not let in; every minute some of them are named once, and how many more there were."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until_s = 0.0
        self._named: set[str] = set()
        self._more = 0

    def refused(self, key: str) -> None:
        """Write a line that names a key by its first digits, as `smearwatch keys list` shows them."""
        now = self._clock()
        if now >= self._until_s:
            if self._more:
                get_logger().warning("more unknown keys not let in", role=_ROLE, keys=self._more)
            self._until_s, self._more = now + _EVERY_S, 0
            self._named.clear()
        if key in self._named:
            return
        if len(self._named) == _MOST:
            self._more += 1
            return
        self._named.add(key)
        get_logger().warning("unknown key not let in", role=_ROLE, key=f"{key[:12]}…")
