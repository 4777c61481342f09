"""A line of progress on stderr."""

import sys
import time

_TERMINAL_EVERY_S = 0.5
_LOG_EVERY_S = 20.0


class ProgressLine:
    """Says what is done, how far, and how long it will still take.

    On a terminal one line is rewritten; elsewhere a line is written every twenty seconds and at the end of a stage.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._started_s = 0.0
        self._said_s = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of progress; `what` begins with the stage's name."""
        now_s = time.monotonic()
        stage = " ".join(what.split()[:2])
        if stage != self._stage or done == 1:
            self._stage, self._started_s = stage, now_s
        terminal = sys.stderr.isatty()
        every_s = _TERMINAL_EVERY_S if terminal else _LOG_EVERY_S
        if done < total and now_s - self._said_s < every_s:
            return
        self._said_s = now_s
        elapsed_s = now_s - self._started_s
        left_s = elapsed_s / done * (total - done)
        end = "\n" if done == total or not terminal else ""
        start = "\r\x1b[K" if terminal else ""
        sys.stderr.write(f"{start}{what}  {done}/{total}  {elapsed_s:.0f} s, {left_s:.0f} s left{end}")
        sys.stderr.flush()
