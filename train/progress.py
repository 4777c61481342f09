"""Progress on stderr: a bar on a terminal, now and then a line elsewhere, or records for a program."""

import atexit
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_TERMINAL_EVERY_S = 0.25
_LOG_EVERY_S = 20.0


class ProgressLine:
    """Shows what is done, how far, and how long it will still take.

    On a terminal a bar for each stage; elsewhere a line is written every twenty seconds and at the end of a stage.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._started_s = 0.0
        self._reported_s = 0.0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of progress; `what` begins with the stage's name."""
        now_s = time.monotonic()
        terminal = sys.stderr.isatty()
        stage = " ".join(what.split()[:2])
        begun = stage != self._stage or done == 1
        if begun:
            self.close()
            self._stage, self._started_s = stage, now_s
        every_s = _TERMINAL_EVERY_S if terminal else _LOG_EVERY_S
        if done < total and now_s - self._reported_s < every_s and not (terminal and begun):
            return
        self._reported_s = now_s
        if terminal:
            self._draw(what, done, total)
            return
        elapsed_s = now_s - self._started_s
        left = f"  {done}/{total}  {elapsed_s:.0f} s, {elapsed_s / done * (total - done):.0f} s left" if done else ""
        sys.stderr.write(f"{what}{left}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the bar as it stands and give the cursor back."""
        if self._bar is not None:
            self._bar.stop()
            atexit.unregister(self.close)
            self._bar = None

    def _draw(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn())
            times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False))
            # No thread draws: a bar that stands still means that the work does.
            self._bar = Progress(
                *columns,
                *times,
                console=Console(stderr=True),
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.start()
            self._task = self._bar.add_task(what, total=total)
            atexit.register(self.close)  # after an error too, or the terminal would stay without a cursor
        self._bar.update(self._task, description=what, completed=done, total=total, refresh=True)
        if done == total:
            self.close()


class ProgressRecords:
    """Writes one JSON object a line, four a second at most, for a program that shows what is done."""

    def __init__(self) -> None:
        self._what = ""
        self._written_s = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of progress."""
        now_s = time.monotonic()
        if what == self._what and done < total and now_s - self._written_s < _TERMINAL_EVERY_S:
            return
        self._what, self._written_s = what, now_s
        sys.stderr.write(json.dumps({"progress": what, "done": done, "total": total}) + "\n")
        sys.stderr.flush()


def progress_for(kind: Literal["text", "json"]) -> Callable[[str, int, int], None]:
    """Return what shows progress to a person, or to a program."""
    return ProgressRecords() if kind == "json" else ProgressLine()


class Outlook:
    """How long a whole run will still take, from how long its work took since this process began.

    Parameters
    ----------
    whole, begun
        Work of the run, and how much of it was done when this process began, in any unit.
    """

    def __init__(self, whole: float, begun: float) -> None:
        self._whole = whole
        self._begun = begun
        self._started_s = time.monotonic()

    def left(self, done: float) -> str:
        """Format the time left once `done` of the work is done; empty where it is not known yet."""
        if done <= self._begun:
            return ""
        elapsed_s = time.monotonic() - self._started_s
        minutes = math.ceil(elapsed_s / (done - self._begun) * (self._whole - done) / 60)
        return f", whole run {minutes // 60}:{minutes % 60:02d} h left"
