"""The parent of a run: starts the roles, hears them, restarts what dies, stops all in bounded time."""

import selectors
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from smearwatch.daemon.child import Child, RoleSpec, unusable
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.notify import notify, watchdog_period_s
from smearwatch.daemon.plan import RunPlan

STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: ``ok``, and otherwise the one line why (empty when a child has said it)."""

    ok: bool
    why: str = ""


class Supervisor:
    """Runs roles until one that ends the run does, a signal comes, or a role cannot be kept alive.

    Parameters
    ----------
    specs : sequence of RoleSpec
        In the order of starting; the first must beat before the others start. Stopped in reverse.
    """

    def __init__(self, plan: RunPlan, specs: Sequence[RoleSpec]) -> None:
        self._children = [Child(spec, plan) for spec in specs]
        self._outcome: Outcome | None = None
        self._stop_signal = 0
        self._told_ready = False

    def run(self) -> Outcome:
        """Run to the end and stop everything; gives how it ended."""
        with self._signals() as wakeup:
            try:
                self._loop(wakeup)
            finally:
                self._stop_all()
        return self._outcome or Outcome(ok=True)

    def _loop(self, wakeup: socket.socket) -> None:
        period_s = watchdog_period_s()
        next_feed_s = 0.0
        self._children[0].start()
        while self._outcome is None and not self._stop_signal:
            self._wait(wakeup)
            for child in self._children:
                self._look_after(child)
            # A role that ended well is at rest; what cannot be kept alive ends the run, so a turning loop is health.
            healthy = all(c.start_at_s == float("inf") or (c.alive and c.ready) for c in self._children)
            if healthy and not self._told_ready:
                self._told_ready = True
                notify("READY=1\nSTATUS=counting")
            if self._told_ready and period_s is not None and time.monotonic() >= next_feed_s:
                next_feed_s = time.monotonic() + period_s
                notify("WATCHDOG=1")

    def _look_after(self, child: Child) -> None:
        if child.process is None:
            if child.start_at_s <= time.monotonic() and (child is self._children[0] or self._children[0].ready):
                child.start()
            return
        child.hear()
        if child.stuck:
            get_logger().error("role stuck, killing it", child=child.spec.name)
            child.finish(0.0)
            self._restart(child, "stopped answering")
            return
        code = child.ended()
        if code is None:
            return
        if code == 0 and child.spec.ends_the_run:
            self._outcome = Outcome(ok=True)
        elif unusable(code):
            self._outcome = Outcome(ok=False)
        elif code == 0:
            child.start_at_s = float("inf")
        else:
            self._restart(child, f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}")

    def _restart(self, child: Child, why: str) -> None:
        if child.may_restart():
            get_logger().warning("role restarts", child=child.spec.name, why=why)
        else:
            self._outcome = Outcome(ok=False, why=f"{child.spec.name} {why} again and again, so the run was stopped")

    def _wait(self, wakeup: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            for child in self._children:
                if child.beat_fd >= 0:
                    selector.register(child.beat_fd, selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(0.25)}
        if wakeup.fileno() in ready:
            with suppress(BlockingIOError):
                wakeup.recv(64)

    def _stop_all(self) -> None:
        notify("STOPPING=1")
        deadline_s = time.monotonic() + STOP_S
        # From the outside in, so that the hub can still commit what the others were doing.
        for child in reversed(self._children):
            child.terminate()
            last = child is self._children[0]
            left_s = deadline_s - time.monotonic()
            if not child.finish(max(2.0, left_s) if last else min(4.0, left_s)):
                get_logger().warning("role did not stop in time", child=child.spec.name)

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        old_wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        old = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield ours
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_wakeup)
            ours.close()
            theirs.close()

    def _on_signal(self, number: int, _frame: object) -> None:
        self._stop_signal = number
