"""The demo's processes: a simulated slide that writes fields into a folder, and a run that counts them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Self

from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.wire.endpoints import Endpoints, EndpointUnusable

SESSION = "demo"
TRUTH_FILE = "truth.jsonl"

_STOP_S = 15.0
_LAST_LINES = 6


class DemoFailed(RuntimeError):
    """The demonstration did not come through."""

    hint = "run it again with --keep and look into the folder that it names"


class DemoProcesses:
    """Slide and run, each with its log in the demo's folder. Use as a context manager: leaving it ends both.

    Parameters
    ----------
    folder : Path
        Empty, for everything that the demo makes.
    cells : int
        The run ends at so many counted cells.
    seed : int
        Which slide.
    rate : float
        Fields a second.
    """

    def __init__(self, folder: Path, *, cells: int, seed: int, rate: float) -> None:
        self._folder = folder
        self._cells = cells
        self._seed = seed
        self._rate = rate
        self._stopped = False
        # A broken settings file is reported once, here, and not by every process.
        self.settings: Settings = load_settings(state_dir=folder / "state", runtime_dir=folder / "run")
        try:
            Endpoints.under(self.settings.runtime_dir)
        except EndpointUnusable as unusable:
            unusable.hint = "set TMPDIR to a folder with a shorter name"
            raise

    def __enter__(self) -> Self:
        camera = self._folder / "camera"
        camera.mkdir()
        counting = [*("run", "--watch", str(camera), "--session", SESSION, "--target", str(self._cells)), "--json"]
        # Many more cells than are counted; so the slide ends even if nobody ends it.
        drawing = ["slide", "--out", str(camera), "--truth", str(self._folder / TRUTH_FILE), "--json"]
        drawing += ["--seed", str(self._seed), "--rate", str(self._rate), "--cells", str(2 * self._cells + 200)]
        with ExitStack() as stack:
            self._run = stack.enter_context(self._started("run", *counting, "--stop-at-target", "--until-idle", "60"))
            self._slide = stack.enter_context(self._started("slide", *drawing))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def stop(self) -> None:
        """Note that a person or the system ends the demo; may be called by a signal's handler."""
        self._stopped = True

    @property
    def over(self) -> bool:
        """Whether there is nothing more to be seen: it was stopped, the run has ended, or the slide has failed."""
        return self._stopped or self._run.poll() is not None or self._slide.poll() not in (None, 0)

    def result(self) -> dict[str, Any]:
        """Wait for the end of the run and return its summary.

        Raises
        ------
        DemoFailed
            With the last lines of the process that failed written to stderr.
        KeyboardInterrupt
            It was stopped.
        """
        while not self.over:
            try:
                self._run.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        if self._stopped:
            raise KeyboardInterrupt
        if self._slide.poll() not in (None, 0):
            self._print_log("slide")
            raise DemoFailed(f"the simulated slide ended too early, exit status {self._slide.returncode}")
        lines = self._path("run", "jsonl").read_text(encoding="utf-8").splitlines()
        if self._run.returncode or not lines:
            self._print_log("run")
            raise DemoFailed(f"the count ended too early, exit status {self._run.returncode}")
        result: dict[str, Any] = json.loads(lines[-1])
        return result

    @contextmanager
    def _started(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process and end it in bounded time when the block is left."""
        environment = {
            "SMEARWATCH_LOG_LEVEL": "warning",
            **os.environ,
            "SMEARWATCH_STATE_DIR": str(self.settings.state_dir),
            "SMEARWATCH_RUNTIME_DIR": str(self.settings.runtime_dir),
        }
        command = [sys.executable, "-m", "smearwatch.daemon.cli", *arguments]
        # Into files: nothing that a process says may be written across the screen.
        with self._file(name, "jsonl") as out, self._file(name, "log") as log:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _file(self, name: str, ending: str) -> IO[bytes]:
        return self._path(name, ending).open("wb")

    def _path(self, name: str, ending: str) -> Path:
        return self._folder / f"{name}.{ending}"

    def _print_log(self, name: str) -> None:
        lines = self._path(name, "log").read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[-_LAST_LINES:]:
            sys.stderr.write(f"  {name}: {line}\n")
