"""A process made of its parent's, so that it has at once what that has loaded.

Roles share most of what they import: settings, events, messages, the log. A process of its own reads all of it anew,
a third of a second of a processor for each role.
"""

import atexit
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Final

from setproctitle import setproctitle

_FORK: Final = multiprocessing.get_context("fork")
_STANDARD: Final = (0, 1, 2)
_UNTIL_READY: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}


def can_fork() -> bool:
    """Return whether this process has one thread, and so nothing that a fork would leave half done."""
    return len(os.listdir("/proc/self/task")) == 1


class Forked:
    """A child that begins as this process is, without its files, sockets and signals; used as a `subprocess.Popen`.

    Parameters
    ----------
    title : str
        What a list of processes shows.
    work : callable
        What the child does; gets a descriptor that reads as ended once this process has, and returns the exit code.
        SIGINT is blocked in it.
    keep_fd : int
        A descriptor that the child gets besides its standard output and error.
    """

    def __init__(self, title: str, work: Callable[[int], int], keep_fd: int) -> None:
        not_theirs = [each for each in _open_descriptors() if each not in (*_STANDARD, keep_fd)]
        # What comes between the fork and the child's own handlers would wake this process instead of it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _UNTIL_READY)
        try:
            self._process = _FORK.Process(target=_begin, args=(title, work, not_theirs), name=title)
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code; raises `subprocess.TimeoutExpired` where it does not come."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close what is open for it here; it has ended."""
        self._process.close()


def _open_descriptors() -> Iterator[int]:
    for each in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(each))
        except OSError:  # the one that the list was read by
            continue
        yield int(each)


def _begin(title: str, work: Callable[[int], int], not_theirs: list[int]) -> None:
    signal.set_wakeup_fd(-1)
    for number in _UNTIL_READY:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _UNTIL_READY - {signal.SIGINT})
    for each in not_theirs:
        os.close(each)
    setproctitle(title)
    parent = multiprocessing.parent_process()
    assert parent is not None
    # What is registered for the end of this process: multiprocessing asks neither, before Python 3.14.
    atexit._clear()  # noqa: SLF001
    try:
        code = work(parent.sentinel)
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001
    raise SystemExit(code)
