"""Disk and folders in trouble while a run counts: what it says, whether it goes on by itself, what is there in the end.

``python -m tests.torture.troubles --out docs/reliability/troubles.json``; some of it needs root, for disks are mounted.
"""

import argparse
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.torture.comparing import Content, as_json, compare
from tests.torture.desk import Desk, Run, wait_until
from tests.torture.pulses import Pulses
from tests.torture.sessions import draw, flaws_of

FRAMES, FIRST = 30, 8
LASTS_S = 20.0
_PATIENCE_S, _PULSES_S = 240.0, 1.5

Trouble = Callable[[Desk], AbstractContextManager[None]]


@contextmanager
def full(desk: Desk) -> Iterator[None]:
    """The disk has room for the first frames alone; then it gets more."""
    state = desk.folder / "state"
    yield
    _mount("-o", "remount,size=64m", state)


@contextmanager
def locked(desk: Desk) -> Iterator[None]:
    """Another program writes the ledger's file, and does not end."""
    other = sqlite3.connect(desk.session / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def state_away(desk: Desk) -> Iterator[None]:
    """The state folder is renamed, and gets its name back."""
    (desk.folder / "state").rename(desk.folder / "elsewhere")
    yield
    (desk.folder / "elsewhere").rename(desk.folder / "state")


@contextmanager
def watched_away(desk: Desk) -> Iterator[None]:
    """The watched folder is renamed, and gets its name back; frames come into it meanwhile."""
    desk.watched.rename(elsewhere := desk.folder / "elsewhere")
    desk.watched = elsewhere
    yield
    elsewhere.rename(desk.folder / "watched")
    desk.watched = desk.folder / "watched"


@contextmanager
def read_only(desk: Desk) -> Iterator[None]:
    """The file system finds an error and lets nothing be written any more, as ext4 does; it is checked and mounted."""
    state, image = desk.folder / "state", desk.folder / "image"
    _mount("-o", "remount,abort", state)
    yield
    assert wait_until(lambda: subprocess.run(["umount", state], check=False).returncode == 0, 60.0), "it is in use"
    subprocess.run(["fsck.ext4", "-p", "-f", image], check=False, capture_output=True)
    _mount("-o", "loop", image, state)


TROUBLES: dict[str, Trouble] = {
    "the disk is full": full,
    "the disk turns read-only": read_only,
    "another program holds the ledger": locked,
    "the state folder is away": state_away,
    "the watched folder is away": watched_away,
}


def in_trouble(folder: Path, name: str, frames: list[Path], undisturbed: Content) -> dict[str, Any]:
    """Count frames through one trouble; return what was said, how the run went on, and what differs in the end."""
    desk = Desk(folder)
    _prepare(desk, name)
    run = desk.start()
    with Pulses(desk) as pulses:
        _feed(desk, frames[:FIRST])
        assert wait_until(lambda: pulses.last().frames >= FIRST // 2, _PATIENCE_S)
        time.sleep(_PULSES_S)  # so that the hub has heard of the folder
        with TROUBLES[name](desk):
            _feed(desk, frames[FIRST:])
            ended = run.wait(LASTS_S)
            said = list(pulses.troubles)
            if ended is None and name == "the disk turns read-only":
                _end(run)  # nothing that is open on such a disk can be written again
        by_itself = ended is None and name != "the disk turns read-only"
        ended = run.wait(_PATIENCE_S) if by_itself else ended
    run.end()
    again = None if ended is not None and ended.status == 0 else desk.type(*desk.run_command()[3:])
    compared = compare(Content.of(desk.session), undisturbed, FRAMES)
    errors = [line for line in run.err().splitlines() if line.startswith("smearwatch:")]
    return {
        "trouble": name,
        "said": [text.replace(str(folder), "…") for text in said],
        "went_on_by_itself": by_itself and ended is not None and ended.status == 0,
        "ended_with": [line.replace(str(folder), "…") for line in errors],
        "continued_by_the_next_run": again is not None and again.status == 0,
        "flaws": flaws_of(desk, compared) + ([] if again is None or again.status == 0 else [again.err[-300:]]),
        **compared,
    }


def _prepare(desk: Desk, name: str) -> None:
    state = desk.folder / "state"
    if name == "the disk is full":
        state.mkdir()
        _mount("-t", "tmpfs", "-o", "size=700k", "tmpfs", state)
    elif name == "the disk turns read-only":
        state.mkdir()
        (desk.folder / "image").touch()
        os.truncate(desk.folder / "image", 64 << 20)
        subprocess.run(["mkfs.ext4", "-q", desk.folder / "image"], check=True)
        _mount("-o", "loop", desk.folder / "image", state)


def _feed(desk: Desk, frames: list[Path]) -> None:
    for path in frames:
        partial = desk.watched / f".{path.name}.part"
        shutil.copy(path, partial)
        partial.rename(desk.watched / path.name)


def _end(run: Run) -> None:
    run.process.terminate()
    run.wait(60.0)
    run.end()


def _mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def main() -> int:
    """Try every trouble, print and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-out/troubles.json"))
    asked, began_s, rows = parser.parse_args(), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="troubles-") as name:
        still = Desk(Path(name) / "still")
        draw(still, FRAMES, 5)
        assert still.type(*still.run_command()[3:]).status == 0
        undisturbed = Content.of(still.session)
        for number, trouble in enumerate(TROUBLES):
            place = Path(name) / str(number)
            try:
                rows.append(in_trouble(place, trouble, sorted(still.watched.iterdir()), undisturbed))
            finally:
                if os.path.ismount(place / "state"):
                    subprocess.run(["umount", "-l", place / "state"], check=False)
            print(as_json(rows[-1]), flush=True)
            document = {
                "made": f"{datetime.now(UTC):%Y-%m-%d}",
                "command": "python -m tests.torture.troubles",
                "python": platform.python_version(),
                "seconds": round(time.monotonic() - began_s),
                "lasts_s": LASTS_S,
                "troubles": rows,
            }
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(as_json(document), encoding="utf-8")
    return int(any(row["flaws"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
