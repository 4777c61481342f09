"""The parent of a run: starts the roles, hears them, restarts what dies, stops all in bounded time."""

import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import Child, RoleSpec, unusable
from smearwatch.daemon.process.notify import notify, wait_for_me, watchdog_period_s
from smearwatch.daemon.process.role import EXIT_AGAIN, EXIT_NEXT, EXIT_STOPPED
from smearwatch.daemon.process.stop_signals import StopSignals

# Whoever has a frame or a crop in hand may finish it; then the hub has its own time to write how it ended.
STOP_S, HUB_STOP_S = 8.0, 5.0
# Between two sessions no loop turns: roles end, a long session is summed up, the next one is looked for.
BETWEEN_S = 90.0
Leave = Literal["stay", "leave", "finish"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: ``ok``, and otherwise the one line why (empty when a child has reported it).

    ``by_itself`` where nothing was left to do: nobody stopped it. ``by_client`` where a client asked for the end.
    ``next_begins`` where the next specimen's session comes after it.
    """

    ok: bool
    why: str = ""
    by_itself: bool = False
    by_client: bool = False
    next_begins: bool = False


class Supervisor:
    """Runs roles until one that ends the run does, a signal comes, or a role cannot be kept alive.

    Parameters
    ----------
    specs : sequence of RoleSpec
        In the order of starting; the first must beat before the others start, and is stopped after them.
    kept : sequence of Child
        Started and looked after like the others (after the first), but left running in the end, if `keeps`.
    keeps : callable, optional
        Whether those are left running, by how the run ended (None where a signal came); always, unless given.
    leave : callable, optional
        Asked a few times a second whether to go on with the run, to leave it as it is, or to end it as done.
    stop : StopSignals, optional
        The caller's, where it outlives the run.
    ready : str
        What the service manager is told once every role beats.
    """

    def __init__(
        self,
        plan: RunPlan,
        specs: Sequence[RoleSpec],
        *,
        kept: Sequence[Child] = (),
        keeps: Callable[[Outcome | None], bool] = lambda _: True,
        leave: Callable[[], Leave] = lambda: "stay",
        stop: StopSignals | None = None,
        ready: str = "counting",
    ) -> None:
        first, *others = [Child(spec, plan) for spec in specs]
        self._kept = list(kept)
        self._keeps = keeps
        self._children = [first, *self._kept, *others]
        self._leave = leave
        self._stop = stop
        self._ready = ready
        self._outcome: Outcome | None = None
        self._reported_ready = False
        self._finishing = False

    def run(self) -> Outcome:
        """Run to the end and stop everything that is not kept; returns how it ended."""
        with StopSignals() if self._stop is None else nullcontext(self._stop) as stop:
            try:
                self._loop(stop)
            finally:
                wait_for_me(BETWEEN_S)
                left = self._kept if self._keeps(self._outcome) else []
                if not left:
                    notify("STOPPING=1")
                stop_children([c for c in self._children if c not in left], finishing=self._finishing)
        return self._outcome or Outcome(ok=True)

    def _loop(self, stop: StopSignals) -> None:
        wait_for_me(None)
        period_s = watchdog_period_s()
        next_feed_s = 0.0
        self._children[0].start()
        while self._outcome is None and not stop.came:
            if (leave := self._leave()) != "stay":
                self._finishing = leave == "finish"
                self._outcome = Outcome(ok=True, by_itself=self._finishing)
                return
            self._wait(stop)
            for child in self._children:
                self._look_after(child)
            # A role that ended well is at rest; what cannot be kept alive ends the run, so a turning loop is health.
            healthy = all(c.start_at_s == float("inf") or (c.alive and c.ready) for c in self._children)
            if healthy and not self._reported_ready:
                self._reported_ready = True
                notify(f"READY=1\nSTATUS={self._ready}")
            if period_s is not None and time.monotonic() >= next_feed_s:
                next_feed_s = time.monotonic() + period_s
                notify("WATCHDOG=1")

    def _look_after(self, child: Child) -> None:
        if child.process is None:
            hub = self._children[0]
            if child.start_at_s <= time.monotonic() and (child is hub or hub.ready or child.spec.loads_first):
                child.start()
            return
        child.hear()
        if (stuck := child.stuck) or child.held:
            get_logger().error("role stuck, killing it", child=child.spec.name)
            if stuck:
                child.steps.hung()
            child.finish(0.0)
            self._restart(child, "stopped answering")
            return
        code = child.ended()
        if code is None:
            return
        if code == 0 and child.spec.ends_the_run:
            self._outcome = Outcome(ok=True, by_itself=True)
        elif code == EXIT_NEXT and child.spec.ends_the_run:
            self._outcome = Outcome(ok=True, by_itself=True, next_begins=True)
        elif code == EXIT_STOPPED and child.spec.ends_the_run:
            self._outcome = Outcome(ok=True, by_client=True)
        elif code == 0 or (unusable(code) and not child.spec.needed):
            child.start_at_s = float("inf")
        elif unusable(code):
            self._outcome = Outcome(ok=False)
        elif code == EXIT_AGAIN:
            child.start_at_s = 0.0
        else:
            self._restart(child, f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}")

    def _restart(self, child: Child, why: str) -> None:
        if child.may_restart():
            get_logger().warning("role restarts", child=child.spec.name, why=why)
        elif not child.spec.needed:
            child.start_at_s = float("inf")
            get_logger().error("role given up, the count goes on", child=child.spec.name, why=why)
        else:
            self._outcome = Outcome(ok=False, why=f"{child.spec.name} {why} again and again, so the run was stopped")

    def _wait(self, stop: StopSignals) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(stop.wakeup, selectors.EVENT_READ)
            for child in self._children:
                if child.beat_fd >= 0:
                    selector.register(child.beat_fd, selectors.EVENT_READ)
            selector.select(0.25)
        stop.drain()


def stop_children(children: Sequence[Child], *, finishing: bool = False) -> None:
    """Stop processes in bounded time; ``finishing`` lets the one that ends the run record that all is done."""
    # From the outside in, so that the hub can still commit what the others were doing.
    _stop([child for child in children if not child.spec.ends_the_run], STOP_S)
    _stop([child for child in children if child.spec.ends_the_run], HUB_STOP_S, finishing=finishing)


def _stop(children: Sequence[Child], patience_s: float, *, finishing: bool = False) -> None:
    """Ask all of them to end, at once, and wait for them together."""
    deadline_s = time.monotonic() + patience_s
    for child in children:
        child.terminate(finishing=finishing)
    for child in children:
        if child.finish(deadline_s - time.monotonic()) is None:
            get_logger().warning("role did not stop in time", child=child.spec.name)
