"""From typing a command until it answers, or until the first count, beside what has to be loaded for it."""

import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WantTerms, Welcome
from smearwatch.daemon.wire.sockets import Peer, context
from tests.bench.performance.running import Run, as_installed, single_cell_frames
from tests.bench.performance.size import Size
from tests.bench.turns import Aim, Figure, alone, paired

ROUNDS = 7
PROGRAM = (sys.executable, "-m", "smearwatch.daemon.cli")
NETWORKS = """
from smearwatch.models.checkpoint import load, shipped_weights_dir
load(shipped_weights_dir())
"""
SHOWN = b"Research Use Only"
PATIENCE_S = 60.0


def figures(size: Size) -> Iterator[Figure]:
    """Start everything once a round, in turn."""
    ways: dict[str, Callable[[], float]] = {
        "bare": partial(_ended, "pass"),
        "watch": _watch_on_screen,
        "hub": _hub_answers,
        "networks": partial(_ended, NETWORKS),
        "count": _first_count,
    }
    taken_s: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(1 + size.of(ROUNDS)):
        for name, way in ways.items():
            once_s = way()
            if turn:
                taken_s[name].append(once_s)
    on_screen_s = [one - bare for one, bare in zip(taken_s["watch"], taken_s["bare"], strict=True)]
    yield alone(
        "`smearwatch watch` on screen, after the interpreter", "s", on_screen_s, aim=Aim("at most", 0.5, "ours")
    )
    yield alone("`smearwatch hub` answers", "s", taken_s["hub"], aim=Aim("at most", 0.7, "ours"))
    what, beside = "`smearwatch run` counts its first cell", "importing PyTorch and loading the weights"
    yield paired(what, "s", beside, taken_s["count"], taken_s["networks"], aim=Aim("at most", 1.3))


def _ended(program: str) -> float:
    """Return what a program takes from beginning to end."""
    with _started((sys.executable, "-c", program)) as (process, began_s):
        process.wait(PATIENCE_S)
        return time.monotonic() - began_s


def _watch_on_screen() -> float:
    """Return the time until the screen stands; no count runs, so it waits for one."""
    ours, theirs = pty.openpty()
    try:
        with _started((*PROGRAM, "watch"), terminal=theirs) as (_, began_s):
            screen = b""
            while SHOWN not in screen:
                if not select.select([ours], [], [], PATIENCE_S)[0]:
                    raise SystemExit(f"nothing on the screen for {PATIENCE_S:.0f} s")
                screen += os.read(ours, 65536)
            return time.monotonic() - began_s
    finally:
        os.close(theirs)
        os.close(ours)


def _hub_answers() -> float:
    """Return the time until a hub answers who asks for its terms."""
    with tempfile.TemporaryDirectory() as name, context() as owner:
        places = {"SMEARWATCH_STATE_DIR": f"{name}/s", "SMEARWATCH_RUNTIME_DIR": f"{name}/r"}
        with _started((*PROGRAM, "hub", "--session", "bench"), places) as (_, began_s):
            with Peer(owner, Endpoints.under(Path(name) / "r")) as peer:
                peer.send(WantTerms())
                answer = peer.receive(PATIENCE_S)
            assert answer is not None
            assert isinstance(answer[0], Welcome)
            return time.monotonic() - began_s


def _first_count() -> float:
    """Return the time until a run on a folder with one picture has counted its cell."""
    file = single_cell_frames(1)[0]
    began_s = time.monotonic()
    with Run.on_folder("--um-per-px", "0.09") as run:
        run.wait_for_first_count(file)
        return time.monotonic() - began_s


@contextmanager
def _started(
    command: tuple[str, ...], environment: Mapping[str, str] | None = None, terminal: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a command, and end it with the block."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"SMEARWATCH_RUNTIME_DIR": folder, "SMEARWATCH_STATE_DIR": folder}
        screen = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        given = {**as_installed(), **screen, **places, **(environment or {})}
        began_s = time.monotonic()
        process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=given)
        try:
            yield process, began_s
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)
