"""A place of its own for one session: frames, state, sockets, and the run's processes by their role."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.role_processes import role_of

UM_PER_PX = "0.13"
SIZE = "640x420"
SESSION = "torture"
IDLE_S = 5.0


class Ended(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The last line, which is JSON."""
        read: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return read


class Desk:
    """Folders of one session; every process that is started here knows no others."""

    def __init__(self, folder: Path, *, idle_s: float = IDLE_S) -> None:
        self.folder = folder
        self._idle_s = idle_s
        self.watched = folder / "watched"
        self.watched.mkdir(parents=True, exist_ok=True)
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        self._starts = 0
        ours = {
            "SMEARWATCH_STATE_DIR": folder / "state",
            "SMEARWATCH_RUNTIME_DIR": folder / "run",
            "SMEARWATCH_LEASE_S": "6",
            "XDG_CONFIG_HOME": folder / "config",
            "XDG_CACHE_HOME": folder / "cache",
            "OMP_NUM_THREADS": "1",
        }
        self.environment = {**os.environ, **{name: str(value) for name, value in ours.items()}}

    @property
    def session(self) -> Path:
        """The folder of the session."""
        return self.folder / "state" / "sessions" / SESSION

    def command(self, *arguments: object) -> list[str]:
        """Return a command line of smearwatch."""
        return [sys.executable, "-m", "smearwatch.daemon.cli", *map(str, arguments)]

    def run_command(self) -> list[str]:
        """Return the command line that counts the folder here."""
        return self.command(
            "run", "--watch", self.watched, "--session", SESSION, "--um-per-px", UM_PER_PX,
            "--until-idle", self._idle_s, "--json",
        )  # fmt: skip

    def type(self, *arguments: object, timeout_s: float = 900.0) -> Ended:
        """Type a command and wait for its end."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self) -> "Run":
        """Start counting the folder here."""
        self._starts += 1
        out, err = (self.folder / f"{name}-{self._starts}" for name in ("out", "err"))
        with out.open("w") as to_out, err.open("w") as to_err:
            process = subprocess.Popen(
                self.run_command(), env=self.environment, stdout=to_out, stderr=to_err, start_new_session=True
            )
        return Run(process, out, err)

    def copy_state(self, to: Path) -> None:
        """Copy the state file by file."""
        shutil.copytree(self.folder / "state", to / "state")


class Run:
    """A run that was started, by its processes."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path, err: Path) -> None:
        self.process = process
        self._out, self._err = out, err

    def pids(self) -> dict[str, int]:
        """Return the processes of the roles that are there now, by role."""
        return dict(self._roles())

    def _roles(self) -> Iterator[tuple[str, int]]:
        try:
            for child in psutil.Process(self.process.pid).children():
                if (role := role_of(child.cmdline())) is not None:
                    yield role, child.pid
        except psutil.Error:
            return

    def kill_all(self) -> None:
        """Kill the supervisor and all roles at once, as a machine that loses its power."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self, timeout_s: float) -> Ended | None:
        """Return how it ended, None where it has not."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return Ended(status, self._out.read_text(), self._err.read_text())

    def err(self) -> str:
        """Return what it has said on stderr until now."""
        return self._err.read_text()

    def end(self) -> None:
        """Let nothing of it be left, however it stands."""
        for pid in (*self.pids().values(), self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(30)


def wait_until(condition: Any, seconds: float) -> bool:
    """Return whether something comes to pass in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
