"""What need not be waited for is done beside the rest of a pass, in a second thread, where there is a core for it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

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
        threads = torch.get_num_threads()  # which torch else chooses anew for each thread
        begin = partial(torch.set_num_threads, threads)
        self._thread = ThreadPoolExecutor(1, "beside", initializer=begin) if in_a_thread else None

    def do(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Begin a piece of work; what is returned gives its result, and waits for it. To be called once."""
        here = partial(_inferring, work)
        if self._thread is None:
            return here
        there = self._thread.submit(here)
        # On a busy machine the thread may not have come to it yet: then nobody waits for it.
        return lambda: here() if there.cancel() else there.result()


def has_another_core() -> bool:
    """Return whether this process may use more than one core."""
    return len(os.sched_getaffinity(0)) > 1


def _inferring(work: Callable[[], Result]) -> Result:
    with torch.inference_mode():  # of each thread for itself
        return work()
