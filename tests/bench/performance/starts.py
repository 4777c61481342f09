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
from tests.bench.performance.running import Run, single_cell_frames
from tests.bench.performance.size import Size
from tests.bench.turns import Aim, Figure, Taken, alone, compared

ROUNDS = 7
BARE = (sys.executable, "-c", "pass")
PROGRAM = (sys.executable, "-m", "smearwatch.daemon.cli")
NETWORKS = """
from smearwatch.models.checkpoint import load, shipped_weights_dir
load(shipped_weights_dir())
"""
COMMANDS = ("run", "watch", "hub", "capture", "worker", "sessions", "review", "replay", "classify", "segment", "train")
SHOWN = b"Research Use Only"
PATIENCE_S = 60.0


def figures(size: Size) -> Iterator[Figure]:
    """Start everything once a round, in turn."""
    rounds, commands = size.of(ROUNDS), COMMANDS[:1] if size.quick else COMMANDS
    ways: dict[str, Callable[[], Taken]] = {
        "bare": partial(_ended, BARE),
        "watch": _watch_on_screen,
        "hub": _hub_answers,
        "networks": partial(_ended, (sys.executable, "-c", NETWORKS)),
        "count": _first_count,
        **{name: partial(_ended, (*PROGRAM, name, "--help")) for name in commands},
    }
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for turn in range(1 + rounds):
        for name, way in ways.items():
            once = way()
            if turn:
                taken[name].append(once)
    bare = taken.pop("bare")
    after = {name: [one.wall_s - of.wall_s for one, of in zip(taken[name], bare, strict=True)] for name in taken}
    least = "python -c pass"
    yield alone(
        "`smearwatch watch` on screen, after the interpreter", "s", after["watch"], aim=Aim("at most", 0.5, "ours")
    )
    whole = [one.wall_s for one in taken["hub"]]
    yield alone("`smearwatch hub` answers", "s", whole, aim=Aim("at most", 0.7, "ours"))
    what = "`smearwatch run` counts its first cell"
    beside = "importing PyTorch and loading the weights"
    yield compared(what, beside, taken["count"], taken["networks"], aim=Aim("at most", 1.3))
    for name in commands:
        yield compared(f"`smearwatch {name} --help`", least, taken[name], bare)


def _ended(command: tuple[str, ...]) -> Taken:
    """Return what a command takes from beginning to end."""
    with _started(command) as (process, began_s):
        status = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status[1])
        return Taken(time.monotonic() - began_s, status[2].ru_utime + status[2].ru_stime)


def _watch_on_screen() -> Taken:
    """Return the time until the screen stands; no count runs, so it waits for one."""
    ours, theirs = pty.openpty()
    try:
        with _started((*PROGRAM, "watch"), terminal=theirs) as (_, began_s):
            screen = b""
            while SHOWN not in screen:
                if not select.select([ours], [], [], PATIENCE_S)[0]:
                    raise SystemExit(f"nothing on the screen for {PATIENCE_S:.0f} s")
                screen += os.read(ours, 65536)
            return Taken(time.monotonic() - began_s, 0.0)
    finally:
        os.close(theirs)
        os.close(ours)


def _hub_answers() -> Taken:
    """Return the time until a hub answers who asks for its terms."""
    with tempfile.TemporaryDirectory() as name, context() as owner:
        places = {"SMEARWATCH_STATE_DIR": f"{name}/s", "SMEARWATCH_RUNTIME_DIR": f"{name}/r"}
        with _started((*PROGRAM, "hub", "--session", "bench"), places) as (_, began_s):
            with Peer(owner, Endpoints.under(Path(name) / "r")) as peer:
                peer.send(WantTerms())
                answer = peer.receive(PATIENCE_S)
            assert answer is not None
            assert isinstance(answer[0], Welcome)
            return Taken(time.monotonic() - began_s, 0.0)


def _first_count() -> Taken:
    """Return the time until a run on a folder with one picture has counted its cell."""
    file = single_cell_frames(1)[0]
    began_s = time.monotonic()
    with Run.on_folder("--um-per-px", "0.09") as run:
        run.wait_for_first_count(file)
        return Taken(time.monotonic() - began_s, 0.0)


@contextmanager
def _started(
    command: tuple[str, ...], environment: Mapping[str, str] | None = None, terminal: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a command, and end it with the block."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"SMEARWATCH_RUNTIME_DIR": folder, "SMEARWATCH_STATE_DIR": folder}
        screen = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        given = {**os.environ, **screen, **places, **(environment or {})}
        began_s = time.monotonic()
        process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=given)
        try:
            yield process, began_s
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)
