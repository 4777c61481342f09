"""A real run on a folder, followed by a client: what is written into the folder, and how long until it is counted."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon.record.events import event_from_bytes
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice, Pulse
from smearwatch.daemon.wire.sockets import Listener, context
from tests.bench.performance.size import on_disk

PATIENCE_S = 180.0
_QUIET_S = 1.5  # without an event, once nothing is pending: no more will come


def single_cell_frames(count: int) -> list[bytes]:
    """Draw fields of 1440x900 that hold one whole cell, as JPEG files."""
    frames: list[bytes] = []
    for field in Slide(11, um_per_px=0.09, width_px=1440, height_px=900).fields(0):
        if len(field.cells) == 1 and not field.cells[0].at_edge:
            frames.append(encode(field.bgr, "jpeg"))
        if len(frames) == count:
            break
    return frames


class Run:
    """A running count, and its tally by what a client hears."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._fold = TallyFold()
        self._files = 0

    @classmethod
    @contextmanager
    def on_folder(cls, *options: str) -> Iterator["Run"]:
        """Run on an empty folder until the end of the block."""
        with tempfile.TemporaryDirectory(dir=on_disk()) as name, ExitStack() as stack:
            folder = Path(name)
            (folder / "in").mkdir()
            owner = stack.enter_context(context())
            stack.enter_context(running(folder, *options))
            listener = Listener(owner, Endpoints.under(folder / "run"))
            stack.callback(listener.close)
            yield cls(folder / "in", listener)

    def wait_for_staff(self) -> None:
        """Wait until a worker and a finder are there."""
        until_staffed(self._listener)

    def wait_for_first_count(self, file: bytes) -> None:
        """Write a file while the run still starts, and wait for the count; what is said before may not be heard."""
        self._write(file)
        while not (
            isinstance(message := self._listener.receive(PATIENCE_S), EventNotice) and message.event == "counted"
        ):
            if message is None:
                raise SystemExit("the run says nothing")

    def count_one(self, file: bytes) -> float:
        """Return the seconds from a file closed to its count."""
        self._write(file)
        return self._until_counted(quiet_s=0.0)

    def count(self, files: Sequence[bytes]) -> float:
        """Return the seconds from the first of several files to the last count, cells judged anew included."""
        began_s = time.monotonic()
        for file in files:
            self._write(file)
        written_s = time.monotonic() - began_s
        return written_s + self._until_counted(quiet_s=_QUIET_S)

    def _write(self, file: bytes) -> None:
        self._files += 1
        path = self._folder / f".{self._files:06}.part"
        path.write_bytes(file)
        path.rename(self._folder / f"{self._files:06}.jpg")

    def _until_counted(self, quiet_s: float) -> float:
        began_s = last_s = time.monotonic()
        while time.monotonic() - began_s < PATIENCE_S:
            if isinstance(self._heard(0.05), EventNotice):
                last_s = time.monotonic()
            frames = self._fold.frames
            is_counted = frames["seen"] == self._files and not frames["pending"]
            if is_counted and time.monotonic() - last_s >= quiet_s:
                return last_s - began_s
        raise SystemExit(f"not all of {self._files} files were counted within {PATIENCE_S:.0f} s")

    def _heard(self, timeout_s: float) -> object:
        message = self._listener.receive(timeout_s)
        if isinstance(message, EventNotice):
            self._fold.apply(event_from_bytes(message.body.encode()))
        return message


def until_staffed(listener: Listener) -> None:
    """Wait until a worker and a finder are there."""
    while not (isinstance(message := listener.receive(PATIENCE_S), Pulse) and message.workers and message.finders):
        if message is None:
            raise SystemExit("the run says nothing")


def as_installed() -> dict[str, str]:
    """Return this environment, in which Python keeps what it has compiled, as it does of an installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def running(folder: Path, *options: str) -> Iterator[None]:
    """Run on the folder's ``in`` until the end of the block."""
    environment = {
        **as_installed(),
        "SMEARWATCH_STATE_DIR": str(folder / "state"),
        "SMEARWATCH_RUNTIME_DIR": str(folder / "run"),
        "SMEARWATCH_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "run", "--watch", str(folder / "in"), "--json"]
    # Nobody reads the lines, and a pipe that is full would hold up the process that writes them.
    run = subprocess.Popen([*command, "--session", "bench", *options], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        run.terminate()
        run.wait(timeout=60)
