"""Subfolders as sessions: one supervised run at a time, moved on to the next subfolder that has something to count.

The workers and finders, which take long to load, stay, and so does the review page; hub, source and lines are started
anew for each session, behind the same sockets. So `smearwatch watch` follows whichever session is counted now.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack
from typing import Any

import typer

from smearwatch.daemon.log import configure, get_logger
from smearwatch.daemon.one_line import say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import Child
from smearwatch.daemon.process.notify import notify, watchdog_period_s
from smearwatch.daemon.process.stop_signals import StopSignals
from smearwatch.daemon.process.supervisor import Leave, Supervisor, stop_children
from smearwatch.daemon.running import begun, check, roles, summary, supervise, tell_of_few_files
from smearwatch.daemon.subfolders.folders import Subfolder, Subfolders
from smearwatch.daemon.weights import weights_in_use
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context
from smearwatch.daemon.withheld import withhold

# The sources, by name, whose frames lie in subfolders; those of any other belong to one session.
_WITH_SUBFOLDERS = frozenset({"folder"})
# A session with nothing to do is left for another at once; one that is busy, when the other has waited so long.
_IDLE_S = 0.5
_PATIENCE_S = 20.0
# One that has recorded nothing yet gets longer. To start its processes may take more than the patience where a computer
# is busy, and two subfolders that only make room for each other are never counted.
_START_S = 120.0
# A subfolder that was taken away is left after so long; a share may blink.
_GONE_S = 5.0
_PULSE_HOLDS_S = 3.0
# What a scan usually takes is waited for.
_SCAN_S = 0.2


class SubfolderScheduler:
    """Decides which subfolder is counted, and carries its run out.

    Parameters
    ----------
    template : RunPlan
        Of one subfolder's run; ``watch_dir`` is the folder above.
    prefix : str, optional
        Goes before each session's name.
    """

    def __init__(self, template: RunPlan, prefix: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        assert template.watch_dir is not None
        self._template = template
        self._clock = clock
        self._subfolders = Subfolders(template.watch_dir, template, prefix, clock=clock)
        self._stop = StopSignals()
        self._kept = [Child(spec, template) for spec in roles(template) if spec.stays]
        self._ran: dict[str, RunPlan] = {}
        self._current: Subfolder | None = None
        self._next_scan_s = 0.0
        self._scanning: Future[None] | None = None
        self._pulse: Pulse | None = None
        self._pulse_s = 0.0
        self._first_event: int | None = None
        self._others_since_s: float | None = None
        self._gone_since_s: float | None = None
        self._finished = False

    @property
    def left(self) -> list[str]:
        """The subfolders whose pictures are counted into no session."""
        return self._subfolders.left

    def run(self) -> list[dict[str, Any]]:
        """Count until stopped, or until nothing has come for ``until_idle_s``; returns each session's summary."""
        with ExitStack() as stack:
            owner = stack.enter_context(context())
            self._listener = Listener(owner, Endpoints.under(self._template.settings.runtime_dir))
            stack.callback(self._listener.close)
            stack.enter_context(self._stop)
            stack.callback(stop_children, self._kept)
            stack.callback(notify, "STOPPING=1")
            while (subfolder := self._next()) is not None:
                self._count(subfolder)
                if self._finished:
                    break
        counters = self._subfolders.counters()
        get_logger().info("subfolders", **counters)
        return [{**summary(plan), "subfolders": counters} for plan in self._ran.values() if begun(plan)]

    def _next(self) -> Subfolder | None:
        """Wait for a subfolder with something to count; None when it is time to end."""
        began_s, next_feed_s = self._clock(), 0.0
        reported = False
        while not self._stop.came:
            scanned = self._scan()
            work = self._subfolders.with_work() if scanned else []
            if work:
                # One that was left because it is busy makes room for the others.
                return next((s for s in work if s is not self._current), work[0])
            if scanned and not reported:
                reported = True
                self._report_waiting()
            until_idle_s = self._template.until_idle_s
            quiet_s = self._clock() - began_s
            if scanned and until_idle_s is not None and quiet_s >= until_idle_s and not self._subfolders.away:
                return None
            period_s = watchdog_period_s()
            if self._clock() >= next_feed_s:
                next_feed_s = self._clock() + (period_s or 60.0)
                notify("READY=1\nSTATUS=waiting for a subfolder\nWATCHDOG=1")
            self._stop.wait(0.25)
        return None

    def _report_waiting(self) -> None:
        """Report to the person at the terminal why nothing moves: in plain words, beside what is logged."""
        if self._subfolders.away:
            return  # that is reported already
        known, folder = self._subfolders.counters()["sessions"], self._template.watch_dir
        if known:
            subfolders = "1 subfolder" if known == 1 else f"{known} subfolders"
            text = f"nothing new in {subfolders} of {folder}, waiting (Ctrl-C ends)"
        else:
            text = f"waiting for subfolders in {folder} (each becomes a session of its own; Ctrl-C ends)"
        say(text)

    def _count(self, subfolder: Subfolder) -> None:
        if self._subfolders.is_signed(subfolder):
            return
        plan = self._subfolders.plan(subfolder)
        self._current, self._pulse, self._first_event = subfolder, None, None
        self._others_since_s = self._gone_since_s = None
        self._ran[subfolder.session] = plan
        get_logger().info("counting", subfolder=subfolder.path.name, session=subfolder.session)
        began_s = self._clock()
        specs = [spec for spec in roles(plan) if not spec.stays]
        outcome = supervise(Supervisor(plan, specs, kept=self._kept, leave=self._leave, stop=self._stop), plan)
        self._finished = self._finished or outcome.by_client
        idle = outcome.by_itself or self._idle_s() is not None
        while self._scanning is not None and not self._scan() and not self._stop.came:
            self._stop.wait(0.25)
        self._subfolders.compare_after_run(subfolder, began_s=began_s, idle=idle)
        if outcome.by_itself and not self._finished:
            subfolder.closed = plan.stop_at_target and _reached(plan)

    def _leave(self) -> Leave:
        """Return whether the present run is to make room for another subfolder's, or all is done."""
        assert self._current is not None
        self._hear()
        if not self._scan():
            return "stay"
        now_s, current = self._clock(), self._current
        if current.present or self._subfolders.away:
            self._gone_since_s = None
        elif self._gone_since_s is None:
            self._gone_since_s = now_s
        if self._gone_since_s is not None and now_s - self._gone_since_s > _GONE_S:
            get_logger().warning("subfolder is gone", subfolder=current.path.name, session=current.session)
            return "leave"
        idle_s, until_idle_s = self._idle_s(), self._template.until_idle_s
        over = idle_s is not None and until_idle_s is not None and idle_s >= until_idle_s
        if over and not self._scan(at_once=True):  # not to end at the moment when the next slide comes
            return "stay"
        if not any(other is not current for other in self._subfolders.with_work()):
            self._others_since_s = None
            self._finished = over and not self._subfolders.away
            return "finish" if self._finished else "stay"
        self._others_since_s = now_s if self._others_since_s is None else self._others_since_s
        idle = idle_s is not None and idle_s >= _IDLE_S
        patience_s = _PATIENCE_S if self._has_recorded() else _START_S
        return "leave" if idle or now_s - self._others_since_s >= patience_s else "stay"

    def _scan(self, *, at_once: bool = False) -> bool:
        """Scan the folder when it is time; returns whether what is known may be used now.

        A share may hang for minutes: the scan is in a thread, so that the processes are looked after all the same.
        """
        if self._scanning is None and (at_once or self._clock() >= self._next_scan_s):
            self._scanning = _in_a_thread(self._subfolders.scan)
        if self._scanning is not None:
            if not wait((self._scanning,), timeout=_SCAN_S).done:
                return False
            self._scanning.result()
            self._scanning = None
            self._next_scan_s = self._clock() + self._template.settings.rescan_s / 2.0
        return True

    def _hear(self) -> None:
        assert self._current is not None
        while True:
            try:
                message = self._listener.receive(0.0)
            except Unreadable:
                continue
            if message is None:
                return
            if isinstance(message, Pulse) and message.session == self._current.session:
                self._pulse, self._pulse_s = message, self._clock()
                self._first_event = message.last_event if self._first_event is None else self._first_event

    def _has_recorded(self) -> bool:
        """Return whether the present run has recorded more than that it began."""
        return self._pulse is not None and self._first_event is not None and self._pulse.last_event > self._first_event

    def _idle_s(self) -> float | None:
        """Return how long the present run has had nothing to do; None where it has, or where that is not known."""
        if self._pulse is None or self._clock() - self._pulse_s > _PULSE_HOLDS_S:
            return None
        return self._pulse.idle_s


def _in_a_thread(work: Callable[[], None]) -> Future[None]:
    """Run something in a thread that nobody waits for at the end, for it may hang."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
            future.set_result(None)
        except Exception as error:  # noqa: BLE001  # raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="scan").start()
    return future


def _reached(plan: RunPlan) -> bool:
    return bool(summary(plan)["target_reached"])


def check_has_subfolders(source: str) -> None:
    """Refuse a source that has no subfolders.

    Raises
    ------
    typer.BadParameter
        It is another than that of ``--watch``.
    """
    if source not in _WITH_SUBFOLDERS:
        raise typer.BadParameter(f"it goes with --watch DIR alone, not with {source}", param_hint="--subfolders")


class SubfoldersLeft(Exception):
    """Some subfolders were counted into no session; all others were."""

    def __init__(self, names: list[str]) -> None:
        folders = "1 subfolder was" if len(names) == 1 else f"{len(names)} subfolders were"
        super().__init__(f"{folders} not counted: {', '.join(names)}")
        self.hint = "why is said above, at the moment when each was found"


def carry_out_subfolders(plan: RunPlan, prefix: str | None) -> Iterator[dict[str, Any]]:
    """Count each subfolder of the plan's folder into a session of its own; yield their summaries.

    Raises
    ------
    typer.BadParameter
        The plan's source has no subfolders.
    SourceUnusable
        See `smearwatch.daemon.running.check`.
    RunFailed
        See `smearwatch.daemon.running.supervise`.
    SubfoldersLeft
        In the end, where pictures were passed over.
    """
    check_has_subfolders(plan.source or "")
    configure(plan.settings.log_level, role="subfolders", log_format=plan.settings.log_format)
    tell_of_few_files()
    withhold(*plan.names)
    # Decided once, so that all sessions are counted with the same weights.
    settings = plan.settings.model_copy(update={"weights": weights_in_use(plan.settings)})
    plan = plan.model_copy(update={"settings": settings})
    check(plan)
    scheduler = SubfolderScheduler(plan, prefix)
    yield from scheduler.run()
    if scheduler.left:
        raise SubfoldersLeft(scheduler.left)
