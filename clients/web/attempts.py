"""Failed attempts to log in: counted, and each one later than the last."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

FREE: Final = 4
"""So many failures cost nothing: people mistype."""

LONGEST_S: Final = 60.0
"""At most so long is waited: whoever knows the password is not kept out for good by somebody who guesses."""

_FORGOTTEN_S: Final = 3600.0
_MOST: Final = 10_000


class Attempts:
    """How often somebody failed, by name and by address, and how long they wait for the next attempt.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, *keys: str) -> float:
        """Return how long is to be waited before an attempt under any of these keys."""
        return max((self._wait_s(key) for key in keys), default=0.0)

    def fail(self, *keys: str) -> int:
        """Count a failure under each key; returns how often the first of them has failed by now."""
        for key in keys:
            self._failed[key] = (self._count(key) + 1, self._clock())
            self._failed.move_to_end(key)
        while len(self._failed) > _MOST:
            self._failed.popitem(last=False)
        return self._count(keys[0])

    def succeed(self, *keys: str) -> int:
        """Forget the failures under each key; returns how many there were under the first."""
        failed = self._count(keys[0])
        for key in keys:
            self._failed.pop(key, None)
        return failed

    def _count(self, key: str) -> int:
        failed, at_s = self._failed.get(key, (0, 0.0))
        return failed if self._clock() - at_s < _FORGOTTEN_S else 0

    def _wait_s(self, key: str) -> float:
        beyond = self._count(key) - FREE
        if beyond < 0:
            return 0.0
        held_s = min(LONGEST_S, 4.0 * 2.0 ** min(beyond, 10))
        return max(0.0, self._failed[key][1] + held_s - self._clock())
