"""The life of a child process: its heartbeat on a pipe, its stop by signal or by orphanhood.

It begins in a process that is forked from its parent's (`begin`), or in one of its own:
``python -m smearwatch.daemon.process.role`` reads one JSON line ``{"name", "target", "beat_fd", "plan"}`` from stdin,
imports ``target`` ("package.module:function") and calls it with the plan and a `Role`. Stdin stays open as
long as the parent lives; its end means stop.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from smearwatch.daemon.log import configure, get_logger
from smearwatch.daemon.one_line import one_line, say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.withheld import withhold

PROCESS_TITLE = "smearwatch.daemon.process.role"
"""What a list of processes shows of a role, before its name."""


EXIT_UNUSABLE = 3
"""A child's exit code for what a restart cannot repair; its one line is on stderr already."""


EXIT_STOPPED = 4
"""A child's exit code where a client asked for the end of the run."""


EXIT_NEXT = 5
"""A child's exit code where the session is done and another specimen's comes after it."""


EXIT_AGAIN = 6
"""A child's exit code where it is to be started again at once, for what it was started with holds no longer."""


GOT_ON = b"+"
"""What a role writes into its heartbeat where it has done a piece of work."""


ORPHAN_S = 15.0
"""How long a role may take to its end where its parent has ended, before it is ended itself."""

_REPORTS_S = 0.1  # each wakes the parent, which looks after all its children then: not with every message


_PR_SET_PDEATHSIG = 1  # prctl(2): which signal the kernel sends when the parent has ended


class Role:
    """What a role has from its parent."""

    def __init__(self, name: str, beat_fd: int) -> None:
        self.name = name
        self._beat_fd = beat_fd
        self._stop = threading.Event()
        self._on_stop: list[Callable[[], None]] = []
        self._next_report_s: dict[bytes, float] = {}
        self._asked = b""
        self.finishing = False
        self.exit_code = 0

    @property
    def stopping(self) -> bool:
        """Whether the role is to end."""
        return self._stop.is_set()

    @property
    def leaves(self) -> bool:
        """Whether the role is to end, and not to be started again."""
        return self.stopping and self.exit_code != EXIT_AGAIN

    def stop(self) -> None:
        """Ask the role to end; safe from any thread and from a signal handler."""
        for each in self._on_stop:
            each()
        self._stop.set()

    def again(self) -> None:
        """End, to be started again at once: the hub counts another session by now, or by other terms."""
        self.exit_code = EXIT_AGAIN
        self.stop()

    def on_stop(self, do: Callable[[], None]) -> None:
        """Have something done when the role is asked to end, also where its work does not come to an end by then."""
        self._on_stop.append(do)

    def finish(self) -> None:
        """Ask the role to end because all is done; safe from a signal handler."""
        self.finishing = True
        self.stop()

    def heed_signals(self) -> None:
        """Let a signal ask the role to end in its own time from now on, instead of ending its process."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGUSR1, lambda *_: self.finish())

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Load what takes long, before anything is begun: a stop meanwhile ends the process at once."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        # What is loaded stays: looking for rubbish in it takes torch a second of a processor, meanwhile and at the end.
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            gc.enable()
            self.heed_signals()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the stop at most so long; returns whether it came."""
        return self._stop.wait(timeout_s)

    def beat(self) -> None:
        """Report to the parent that the work got a step further; safe from any thread.

        Only whoever does the work may say so: a thread that merely lives hides that another hangs. A full pipe means
        that enough was reported.
        """
        self._report(b".")

    def ask(self, seconds: float, *, waits: bool = False) -> None:
        """Report to the parent that a step begins, and how long it and those after it may take.

        Parameters
        ----------
        seconds
            Of the processor, or asleep; see `smearwatch.daemon.process.hang`.
        waits
            Whether a step may sleep for longer, since it waits for disks, shares or cameras.
        """
        mark = b"[%d%s]" % (max(1, round(seconds)), b"w" if waits else b"")
        if mark != self._asked:  # a longer step is told of in any case
            self._asked = mark
            self._next_report_s.pop(mark, None)
        self._report(mark)

    def got_on(self) -> None:
        """Report to the parent that a piece of work was done: what ended this role before was that work's fault."""
        self._report(GOT_ON)

    def _report(self, what: bytes) -> None:
        now = time.monotonic()
        if now < self._next_report_s.get(what, now):
            return
        self._next_report_s[what] = now + _REPORTS_S
        try:
            os.write(self._beat_fd, what)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.stop()


def main() -> int:
    """Run one role in this process."""
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return 0  # the parent ended before it had said what to do
    order: dict[str, Any] = json.loads(line)
    plan = RunPlan.model_validate(order["plan"])
    return begin(order["name"], order["target"], plan, order["beat_fd"], {}, sys.stdin.fileno())


def begin(name: str, target: str, plan: RunPlan, beat_fd: int, environment: Mapping[str, str], parent_fd: int) -> int:
    """Run a role in this process.

    Parameters
    ----------
    name, target : str
        What it is called, and what it does, as "package.module:function".
    plan : RunPlan
        What is run.
    beat_fd : int
        Where it reports to the parent.
    environment : mapping of str to str
        What libraries read once they load, where the process's environment does not say otherwise.
    parent_fd : int
        Reads as ended once the parent has ended.

    Returns
    -------
    int
        The process's exit code.
    """
    for variable, value in environment.items():
        os.environ.setdefault(variable, value)
    os.set_blocking(beat_fd, False)
    role = Role(name, beat_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _go_on_when_orphaned()
    threading.Thread(target=_until_orphaned, args=(role, parent_fd), daemon=True, name="parent-watch").start()
    configure(plan.settings.log_level, role=role.name, log_format=plan.settings.log_format)
    withhold(*plan.names)
    module, _, function = target.partition(":")
    try:
        with role.loading():  # torch alone takes seconds, on a busy machine many
            main_of_role = getattr(importlib.import_module(module), function)
        return int(main_of_role(plan, role) or role.exit_code)
    except Exception as error:  # noqa: BLE001  # the process's last line of defence: one line, never a traceback
        told = one_line(error)
        if told is not None:
            say(told)
            return EXIT_UNUSABLE
        get_logger().error("role failed", error=f"{type(error).__name__}: {error}")
        if plan.settings.log_level == "debug":
            traceback.print_exc()
        return 1


def _go_on_when_orphaned() -> None:
    # A process that a signal has stopped cannot notice its parent's end, and would keep its lock for ever.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


def _until_orphaned(role: Role, parent_fd: int) -> None:
    # The parent never writes again: this returns when the parent's end is closed.
    os.read(parent_fd, 1)
    role.stop()
    time.sleep(ORPHAN_S)
    os._exit(1)  # it hangs, and nobody is there any more to end it


if __name__ == "__main__":
    sys.exit(main())
