"""What a field need not wait for is done beside the rest of its search, in a second thread."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Beside:
    """Does pieces of work, one after the other, for one owner that goes on meanwhile.

    Each is the same arithmetic in the same order wherever it is done. One that raises does so where its result is asked
    for.

    Parameters
    ----------
    in_a_thread
        Whether there is a thread for it; else each piece is done when its result is asked for.
    """

    def __init__(self, *, in_a_thread: bool) -> None:
        self.in_a_thread = in_a_thread
        self._thread = ThreadPoolExecutor(1, "beside") if in_a_thread else None

    def do(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Begin a piece of work; what is returned gives its result, and waits for it. To be called once."""
        if self._thread is None:
            return work
        there = self._thread.submit(work)
        # On a busy machine the thread may not have come to it yet: then nobody waits for it.
        return lambda: work() if there.cancel() else there.result()


HERE = Beside(in_a_thread=False)
"""Does each piece where its result is asked for."""


def has_another_core() -> bool:
    """Return whether this process may use more than one core."""
    return len(os.sched_getaffinity(0)) > 1
