"""Ctrl-C and the service manager's stop, noted, so that a loop that waits is woken and ends in its own time."""

import selectors
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Any, Self


class StopSignals:
    """SIGINT and SIGTERM while the block is entered.

    Attributes
    ----------
    came : bool
        Whether one came.
    wakeup : socket.socket
        Becomes readable then.
    """

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> Self:
        self.wakeup, self._theirs = socket.socketpair()
        for end in (self.wakeup, self._theirs):
            end.setblocking(False)
        self._old_wakeup = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._old: dict[int, Any] = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        self.wakeup.close()
        self._theirs.close()

    def drain(self) -> None:
        """Take in what made the socket readable."""
        with suppress(BlockingIOError):
            self.wakeup.recv(64)

    def wait(self, seconds: float) -> bool:
        """Wait for a signal at most so long; returns whether one came."""
        if not self.came:
            with selectors.DefaultSelector() as selector:
                selector.register(self.wakeup, selectors.EVENT_READ)
                selector.select(seconds)
            self.drain()
        return self.came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
