"""When a role hangs: it has shown no step for longer than a step may take, in time that it had for it.

A step's time is the processor's time that its process used, and the time in which all of its threads slept. Time in
which a thread was ready to run and had no processor, waited for a disk, or was stopped by somebody, does not count: so
a busy computer makes no process hang, and one that is slow or has large pictures teaches how long its steps take.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from smearwatch.daemon.process.role import GOT_ON

SILENT_S = 60.0
"""What a step may take where its role has not said otherwise, and what one may sleep that waits for others."""

LONGEST_S = 300.0
"""No step may take longer than that by the clock, whatever held it up."""

_LOOK_AFTER_S: Final = 0.5  # nobody looks at a process that has just shown a step
_MOST_A_LOOK_S: Final = 0.5  # a supervisor that was held up itself blames nobody for that
_USUAL: Final = 3.0  # a step may take so many times as long as the longest of late
_UNKNOWN: Final = 2.0  # and as long as it asked for, so often, while there was none
_KEPT: Final = 0.98  # of the longest, at each piece of work that is done
_ASKED: Final = re.compile(rb"\[(\d+)(w?)\]")
_FORGIVEN_S: Final = 120.0  # whoever lived so long has not hung in a row
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Effort(NamedTuple):
    """What a process has done: processor time until now, and whether all of its threads sleep."""

    cpu_s: float
    sleeps: bool


def effort_of(pid: int) -> Effort | None:
    """Return what a process has done until now, None where that cannot be seen."""
    try:
        times = _fields(f"/proc/{pid}/stat")
        states = {fields[0] for fields in _threads(pid)}
        return Effort((int(times[11]) + int(times[12])) / _TICKS, states <= {b"S", b"I"})
    except (OSError, IndexError, ValueError):
        return None


def _threads(pid: int) -> Iterator[list[bytes]]:
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            yield _fields(f"/proc/{pid}/task/{thread}/stat")
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue


def _fields(path: str) -> list[bytes]:
    """Return what stands behind the name, which may hold anything (proc(5))."""
    with open(path, "rb") as file:
        return file.read().rpartition(b")")[2].split()


@dataclass(slots=True)
class Steps:
    """The steps of one role, over all of its lives.

    Parameters
    ----------
    clock
        Monotonic seconds.
    effort
        Takes a process's number; returns what it has done.
    """

    clock: Callable[[], float] = time.monotonic
    effort: Callable[[int], Effort | None] = effort_of
    _asked_s: float = field(default=SILENT_S, init=False)
    _waits: bool = field(default=False, init=False)
    _began_s: float = field(default=0.0, init=False)
    _since_s: float = field(default=0.0, init=False)
    _looked_s: float = field(default=0.0, init=False)
    _cpu_s: float | None = field(default=None, init=False)
    _spent_s: float = field(default=0.0, init=False)
    _slept_s: float = field(default=0.0, init=False)
    _longest: float | None = field(default=None, init=False)
    _longest_of_piece: float = field(default=0.0, init=False)
    _hung: int = field(default=0, init=False)

    def begin(self) -> None:
        """Note that a new process begins."""
        self._asked_s, self._waits, self._began_s = SILENT_S, False, self.clock()
        self._begin_step()

    def heard(self, marks: bytes) -> None:
        """Take in what a role has reported: that it took steps, got on, or how long one may take from now on."""
        self._longest_of_piece = max(self._longest_of_piece, self._spent_s / self._asked_s)
        if GOT_ON in marks:
            self._longest = max(self._longest_of_piece, _KEPT * (self._longest or 0.0))
            self._longest_of_piece, self._hung = 0.0, 0
        for asked_s, waits in _ASKED.findall(marks):
            self._asked_s, self._waits = max(1.0, float(asked_s)), bool(waits)
        self._begin_step()

    def limit_s(self) -> float:
        """Return how long the present step may take.

        The longest of late counts by its share of what was asked for, so a large picture has more time than a small
        one. Each hang in a row doubles it: a step that is only slow comes to its end.
        """
        usual = _UNKNOWN if self._longest is None else _USUAL * self._longest
        factor = max(1.0, usual, _USUAL * self._longest_of_piece)
        return min(self._asked_s * factor * 2.0**self._hung, max(SILENT_S, LONGEST_S))

    def hangs(self, pid: int) -> bool:
        """Return whether the process has shown no step for too long; to be asked a few times a second."""
        now_s = self.clock()
        silent_s = now_s - self._since_s
        if silent_s < _LOOK_AFTER_S:
            return False
        effort = self.effort(pid)
        if effort is None:
            return silent_s > SILENT_S
        if self._cpu_s is not None:
            passed_s = min(now_s - self._looked_s, _MOST_A_LOOK_S)
            if not effort.sleeps:
                self._spent_s += min(effort.cpu_s - self._cpu_s, passed_s)
            elif self._waits:
                self._slept_s += passed_s
            else:
                self._spent_s += passed_s
        self._looked_s, self._cpu_s = now_s, effort.cpu_s
        return self._spent_s > self.limit_s() or self._slept_s > SILENT_S or silent_s > max(SILENT_S, LONGEST_S)

    def hung(self) -> None:
        """Note that its process is ended for it."""
        self._hung = 1 if self.clock() - self._began_s > _FORGIVEN_S else self._hung + 1

    def _begin_step(self) -> None:
        self._since_s, self._cpu_s = self.clock(), None
        self._spent_s = self._slept_s = 0.0
