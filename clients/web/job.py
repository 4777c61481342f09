"""One command at work beside the page, as a process of its own: how far it is, what it said, what came of it."""

import json
import subprocess
import sys
from collections import deque
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final, TypedDict

_NOTES: Final = 20
_END_S: Final = 10.0


class JobState(TypedDict):
    """As the page is told. ``outcome`` is the command's JSON, ``error`` the line with which it failed."""

    what: str
    running: bool
    cancelled: bool
    progress: str
    done: int
    total: int
    notes: list[str]
    outcome: dict[str, Any] | None
    error: str | None


class Job:
    """A smearwatch command that reports progress as JSON lines on stderr, and its outcome as JSON on stdout.

    Parameters
    ----------
    what
        Which one, for the page.
    words
        What would be typed behind `smearwatch`.
    environment
        Of the process.
    about
        The folder that this job is about, if any.
    """

    def __init__(self, what: str, words: list[str], environment: dict[str, str], about: Path | None = None) -> None:
        self.about = about
        self._state = JobState(
            what=what, running=True, cancelled=False, progress="", done=0, total=0, notes=[], outcome=None, error=None
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "smearwatch.daemon.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._state["running"]

    def state(self) -> JobState:
        """Return how it stands."""
        return {**self._state, "notes": [*self._state["notes"]]}

    def cancel(self) -> None:
        """End it; what it was making is not left behind. Returns once it has ended."""
        if self.running:
            self._state["cancelled"] = True
            self._process.terminate()
        self._watcher.join(_END_S)
        if self.running:
            self._process.kill()
            self._watcher.join(_END_S)

    def _watch(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        reader = Thread(target=self._read_progress, args=(self._process.stderr,), daemon=True)
        reader.start()
        said = self._process.stdout.read()
        status = self._process.wait()
        reader.join()
        outcome = _parsed(said.strip().rpartition("\n")[2])
        notes = self._state["notes"]
        if status and not self._state["cancelled"]:
            self._state["error"] = notes.pop() if notes else f"it ended with status {status}"
        self._state["outcome"] = outcome
        self._state["running"] = False

    def _read_progress(self, stream: IO[str]) -> None:
        notes: deque[str] = deque(maxlen=_NOTES)
        for line in stream:
            record = _parsed(line)
            if record is None:
                notes.append(line.strip().removeprefix("smearwatch: "))
                self._state["notes"] = [each for each in notes if each]
            elif "progress" in record:
                self._state["progress"] = str(record["progress"])
                self._state["done"], self._state["total"] = int(record["done"]), int(record["total"])


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
