"""A command as it is typed, without a process of its own: to start one costs as much as ten refusals."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from smearwatch.daemon import log, withheld
from smearwatch.daemon.cli import main


def run_here(*arguments: object, **environment: object) -> "subprocess.CompletedProcess[str]":
    """Run `smearwatch` with these arguments and settings to its end, as its own process would; nobody types into it."""
    command = ["smearwatch", *map(str, arguments)]
    with log_left_as_it_was(), pytest.MonkeyPatch.context() as patched, Path(os.devnull).open() as nobody:
        patched.setattr(sys, "argv", command)
        patched.setattr(sys, "stdin", nobody)
        for name, value in environment.items():
            patched.setenv(name, str(value))
        with _written(1, "stdout", patched) as out, _written(2, "stderr", patched) as err:
            status = main()
            sys.stdout.flush()
            sys.stderr.flush()
            said = [_read(file) for file in (out, err)]
    return subprocess.CompletedProcess(command, status, *said)


@contextmanager
def log_left_as_it_was() -> Iterator[None]:
    """Let nobody write where what is done meanwhile has its log."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("_steps_are", "_as_json", "_log_from"):
            patched.setattr(log, name, getattr(log, name))
        patched.setattr(withheld, "_words", dict(withheld._words))
        yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def of_state(state: Path, *arguments: object) -> tuple[int, str, str]:
    """Run a command on a state folder; returns its status, its output, and what it says beside it."""
    done = run_here(*arguments, SMEARWATCH_STATE_DIR=state, SMEARWATCH_RUNTIME_DIR=state / "run")
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@contextmanager
def _written(number: int, name: str, patched: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Yield a file that gets what is written to an output meanwhile, by libraries and children, too."""
    kept = os.dup(number)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape") as file:
        os.dup2(file.fileno(), number)
        try:
            with open(number, "w", encoding="utf-8", errors="surrogateescape", closefd=False) as stream:
                patched.setattr(sys, name, stream)
                yield file
        finally:
            os.dup2(kept, number)
            os.close(kept)


def _read(file: TextIO) -> str:
    file.seek(0)
    return file.read()
