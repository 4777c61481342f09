"""One supervised child process: spawned, heard beating, restarted within a budget, stopped in bounded time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.forked import Forked, can_fork
from smearwatch.daemon.process.hang import Steps
from smearwatch.daemon.process.role import EXIT_UNUSABLE, GOT_ON, PROCESS_TITLE, begin

# Loading a network on a busy machine takes its time; after that, the role's steps tell whether it hangs.
FIRST_BEAT_S = 180.0
# Whom a signal has stopped does not go on by itself. A shell's Ctrl-Z stops the parent too, which then looks no more.
HELD_S, HELD_LOOKS = 2.0, 8
# Two pieces of work beside each other may end their process three times each; one that never gets on is given up.
BUDGET = 8
BUDGET_WINDOW_S = 120.0
LONGEST_PAUSE_S = 0.8

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
"""What a role is told of threads where its environment does not say otherwise.

Roles share the cores with each other. A second thread of one library spins for work that another role's core is to do:
a product of two small matrices takes 0.3 ms in one thread, and 11 ms of the processor in two on a busy machine.
"""


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """A role by name and by import string, so that the supervisor loads none of it.

    With ``ends_the_run`` its end is the run's; without ``needed`` the run goes on where it cannot be kept alive.
    One that `stays` takes long to load and serves one session after the other; one that `loads_first` may be started
    before the hub, for it asks nothing of it until it has loaded.
    """

    name: str
    target: str
    ends_the_run: bool = False
    needed: bool = True
    stays: bool = False
    loads_first: bool = False


@dataclass(slots=True)
class Child:
    """The process behind a role, and its history."""

    spec: RoleSpec
    plan: RunPlan
    clock: Callable[[], float] = time.monotonic
    process: subprocess.Popen[bytes] | Forked | None = None
    beat_fd: int = -1
    started_s: float = 0.0
    held_since_s: float = 0.0
    held_looks: int = 0
    ready: bool = False
    steps: Steps = field(default_factory=Steps)
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=BUDGET))
    start_at_s: float = 0.0

    def start(self) -> None:
        """Begin the process: of this one where that has one thread, with what it has loaded, else anew."""
        self.beat_fd, theirs = os.pipe()
        os.set_blocking(self.beat_fd, False)
        try:
            self.process = self._forked(theirs) if can_fork() else self._anew(theirs)
        finally:
            os.close(theirs)
        self.ready, self.started_s, self.held_looks = False, self.clock(), 0
        self.steps.begin()

    def _forked(self, theirs: int) -> Forked:
        work = partial(begin, self.spec.name, self.spec.target, self.plan, theirs, ONE_THREAD)
        return Forked(f"{PROCESS_TITLE} {self.spec.name}", work, theirs)

    def _anew(self, theirs: int) -> subprocess.Popen[bytes]:
        """Spawn it; its plan goes over stdin, which stays open until it has ended."""
        order = {
            "name": self.spec.name,
            "target": self.spec.target,
            "beat_fd": theirs,
            "plan": self.plan.model_dump(mode="json"),
        }
        # Ctrl-C reaches the whole group, and the parent decides: a child has it blocked from its very start.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process = subprocess.Popen(
                # The name is for whoever looks at the process list; the order comes over stdin.
                [sys.executable, "-m", PROCESS_TITLE, self.spec.name],
                stdin=subprocess.PIPE,
                pass_fds=(theirs,),
                env={**ONE_THREAD, **os.environ},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        return process

    def hear(self) -> None:
        """Take in the heartbeats that came."""
        try:
            if heard := os.read(self.beat_fd, 65536):
                self.ready = True
                self.steps.heard(heard)
                if GOT_ON in heard:
                    self.restarts.clear()
        except BlockingIOError:
            return

    @property
    def stuck(self) -> bool:
        """Whether it hangs: it does not begin, or a step of its work does not come to an end."""
        if self.process is None:
            return False
        if not self.ready:
            return self.clock() - self.started_s > FIRST_BEAT_S
        return self.steps.hangs(self.process.pid)

    @property
    def held(self) -> bool:
        """Whether a signal has stopped the process, and it was so at each of many looks, for some seconds."""
        if self.process is None or not _is_stopped(self.process.pid):
            self.held_looks = 0
            return False
        if not self.held_looks:
            self.held_since_s = self.clock()
        self.held_looks += 1
        return self.held_looks > HELD_LOOKS and self.clock() - self.held_since_s > HELD_S

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def may_restart(self) -> bool:
        """Spend one restart of the budget; a role that keeps dying and never gets on has none. Sets when it is due."""
        now = self.clock()
        while self.restarts and now - self.restarts[0] > BUDGET_WINDOW_S:
            self.restarts.popleft()
        if len(self.restarts) == BUDGET:
            return False
        self.start_at_s = now + min(LONGEST_PAUSE_S, 0.1 * 2 ** len(self.restarts))
        self.restarts.append(now)
        return True

    def ended(self) -> int | None:
        """Return the exit code of a process that has ended and let go of it, or None."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self._let_go()
        return code

    def terminate(self, *, finishing: bool = False) -> None:
        """Ask the process to end; ``finishing`` means that all is done."""
        if self.alive:
            assert self.process is not None
            self.process.send_signal(signal.SIGUSR1 if finishing else signal.SIGTERM)

    def finish(self, timeout_s: float) -> int | None:
        """Wait for the end, then enforce it; returns the exit code, None where the end had to be enforced."""
        if self.process is None:
            return 0
        code: int | None
        try:
            code = self.process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        self._let_go()
        return code

    def _let_go(self) -> None:
        assert self.process is not None
        if isinstance(self.process, Forked):
            self.process.close()
        elif self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self.beat_fd)
        self.process, self.beat_fd = None, -1


def _is_stopped(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def unusable(code: int) -> bool:
    """Return whether an exit code means that a restart would not help."""
    return code == EXIT_UNUSABLE
