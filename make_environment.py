"""Make the environment for `make dev`: says which step runs and how far it is, in a terminal on one line that moves.

Runs with the system's Python, before anything is installed: nothing but the standard library here.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COLUMNS = 80
LAST_LINES = 12
DISK_FREE_GB = 8
LOCK, HEADLESS = Path("requirements.txt"), Path("requirements-headless.txt")
# Uncompiled: of 14,000 modules most are never imported, and Python compiles the others then; all of them take a minute.
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--no-compile", "--progress-bar", "off")


class StepFailed(Exception):
    """A step ended with an error; holds what it was, its last lines and what may help."""

    def __init__(self, what: str, output: list[str], hint: str) -> None:
        super().__init__(what)
        self.output = output
        self.hint = hint


class Screen:
    """One line that moves on a terminal; nothing at all in a pipe."""

    def __init__(self) -> None:
        self._moves = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show(self, text: str) -> None:
        """Write the text over the last one."""
        if self._moves:
            sys.stdout.write(f"\r\033[K{text[: COLUMNS - 1]}")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self.show("")
        print(text, flush=True)


class Progress:
    """Makes from what pip says a few words on how far it is."""

    def __init__(self, packages: int) -> None:
        self._packages = packages
        self._collected = 0
        self._words = "starting"

    def words(self, line: str) -> str:
        """Take a line of pip in and return how far it is."""
        if collecting := re.match(r"Collecting ([^\s;]+)", line):
            self._collected += 1
            self._words = f"{self._collected} of {self._packages}: {collecting[1].replace('==', ' ')}"
        elif size := re.search(r"Downloading \S+ \(([\d.]+ [kMG]B)\)", line):
            self._words = f"{self._words.partition(', ')[0]}, {size[1]}"
        elif line.startswith("Installing collected packages"):
            self._words = "unpacking; this takes a while"
        return self._words


def run(screen: Screen, what: str, command: list[str], hint: str, progress: Progress | None = None) -> None:
    """Run a command to its end, showing on the moving line how far it is.

    Raises
    ------
    StepFailed
        It could not be started or ended with an error.
    """
    output: list[str] = []
    words, began_s = "", time.monotonic()
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise StepFailed(what, [str(error)], hint) from None
    assert process.stdout is not None
    with process:
        left = b""
        while True:
            if select.select([process.stdout], [], [], 1.0)[0]:
                data = os.read(process.stdout.fileno(), 65536)
                if not data:
                    break
                *lines, left = (left + data).split(b"\n")
                for line in (raw.decode(errors="replace").rstrip() for raw in lines):
                    output.append(line)
                    words = progress.words(line) if progress else ""
            screen.show(f"      {time.monotonic() - began_s:4.0f} s  {words}")
    screen.show("")
    if process.returncode:
        raise StepFailed(what, [line for line in output if line.strip() and not _is_noise(line)][-LAST_LINES:], hint)


@contextmanager
def alone(screen: Screen, folder: Path) -> Iterator[None]:
    """Wait until no other make makes this environment: two at once would take files from under each other."""
    folder.mkdir(exist_ok=True)
    with (folder / ".making").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            screen.say(f"another make is making the environment in {folder}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(screen: Screen, folder: Path) -> None:
    """Make the environment, step by step."""
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", *PIP_OPTIONS]
    packages = sum(1 for line in LOCK.read_text().splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE))
    screen.say(f"Making the environment in {folder}: once, some minutes.")
    screen.say("[1/3] an empty environment")
    hint = "on Debian: apt install python3-venv; then give the same make again"
    run(screen, "an empty environment", [sys.executable, "-m", "venv", str(folder)], hint)
    counted = "1 package" if packages == 1 else f"{packages} packages"
    screen.say(f"[2/3] {counted}, most of it PyTorch: about 3 GB to download, 6 GB on disk")
    hint = f"check the network, and that {DISK_FREE_GB} GB are free on the disk; then give the same make again"
    hashed = [*pip, "--require-hashes"]
    run(screen, "installing the packages", [*hashed, "-r", str(LOCK)], hint, Progress(packages))
    # A machine without a desktop has no libGL: then OpenCV's build without windows takes its place, same version.
    if subprocess.run([python, "-c", "import cv2"], stderr=subprocess.DEVNULL, check=False).returncode:
        screen.say("      no desktop here: OpenCV's build without windows takes its place")
        run(screen, "installing OpenCV without windows", [*hashed, "--no-deps", "-r", str(HEADLESS)], hint)
    screen.say("[3/3] smearwatch itself")
    hint = "the lines above say what is wrong with this folder"
    run(screen, "installing smearwatch", [*pip, "--no-deps", "--no-build-isolation", "-e", "."], hint)
    screen.say(f"The environment is ready: {folder}/bin/smearwatch --help")


def _is_noise(line: str) -> bool:
    """Say whether pip only warns of a place it does not look into."""
    return bool(re.match(r"(WARNING: )?Location .* is ignored", line))


def main(folder: str) -> int:
    """Make the environment in a folder; returns the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036  # this file is what says it
        have = ".".join(map(str, sys.version_info[:2]))
        print(f"smearwatch needs Python 3.11 or later, this is {have}: make PYTHON=python3.11 ...", file=sys.stderr)
        return 1
    screen = Screen()
    try:
        with alone(screen, Path(folder)):
            make(screen, Path(folder))
    except StepFailed as failed:
        screen.show("")
        for line in failed.output:
            print(f"  {line}", file=sys.stderr)
        print(f"{failed} failed ({failed.hint})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.say("stopped; give the same make again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
