"""Losses of power at many moments of one count, each as the disk may have been left: is what was told there?

``python -m tests.torture.cuts --frames 40 --cuts 300 --out docs/reliability/power.json`` is part of `make torture`;
it needs `strace`.
"""

import argparse
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.verifying import verify
from tests.patched import in_front, write_changes
from tests.torture.comparing import Content, as_json, compare, flaws
from tests.torture.desk import Desk
from tests.torture.disk import STRACE, Disk, Mode, calls
from tests.torture.sessions import draw

MODES: tuple[Mode, ...] = ("least", "some", "some", "most")
CONTINUED = 8

# The ledger notes what it has kept as soon as it says so, before anybody can be told of it.
NOTING = """
import os


def ledger(module):
    append = module.Ledger.append

    def noting(self, *arguments):
        written = append(self, *arguments)
        for recorded in written:
            os.write(NOTES, f"{recorded.number} {recorded.chain}\\n".encode())
        return written

    module.Ledger.append = noting


NOTES = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND) if "NOTES" in os.environ else None
CHANGES = {"smearwatch.daemon.record.ledger": ledger} if NOTES is not None else {}
"""


def check(session: Path, told: list[str]) -> list[str]:
    """Return what is wrong with a session after a loss of power, by what was told of it before: ``number chain``."""
    last = told[-1].split() if told else None
    if last is None and not (session / LEDGER_FILE).exists():
        return []
    try:
        if last is not None:
            with LedgerReader.read(session) as reader:
                there = next((each.chain for each in reader.events(int(last[0]) - 1, 1)), None)
            if there != last[1]:
                return [f"event {last[0]} was told, and is gone"]
        # The next start, as the hub makes it; then all that can be checked.
        with Ledger.open(session) as ledger:
            return [fault.what for fault in verify(ledger)]
    except LedgerUnusable as error:
        return [str(error)]


def cut(log: Path, disk: Disk, session: str, image: Path, cuts: int, chance: random.Random) -> dict[str, Any]:
    """Cut the power at so many moments of a log; return how each way of being left came out.

    Parameters
    ----------
    log
        What strace wrote down.
    disk
        The model, empty.
    session
        The session's folder below the root of the disk.
    image
        Where what is left of the disk is written; the last one stays.
    """
    every = list(calls(log))
    relevant = Disk(Path(disk.root), Path(disk.notes))
    moments = [number for number, call in enumerate(every) if relevant.apply(call)]
    chosen = Counter(chance.choices(moments, k=cuts))
    result: dict[str, Any] = {"calls": len(moments), "cuts": 0, "told_at_the_end": len(relevant.told), "flaws": []}
    by_mode: Counter[str] = Counter()
    for number, call in enumerate(every):
        disk.apply(call)
        for _ in range(chosen[number]):
            mode = MODES[result["cuts"] % len(MODES)]
            disk.image(image, mode, chance)
            result["cuts"] += 1
            by_mode[mode] += 1
            result["flaws"] += [f"cut {result['cuts']}, {mode}: {flaw}" for flaw in check(image / session, disk.told)]
    return {**result, "by_what_was_left": dict(by_mode)}


def main() -> int:
    """Count some frames under strace, cut the power in the log, go on from some of the cuts to the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench-out/power.json"))
    asked = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cuts-") as name:
        result = traced(Path(name), asked.frames, asked.cuts, random.Random(asked.seed))
    document = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m tests.torture.cuts --frames {asked.frames} --cuts {asked.cuts} --seed {asked.seed}",
        "python": platform.python_version(),
        "seconds": round(time.monotonic() - began_s),
        **result,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(as_json(document), encoding="utf-8")
    print(as_json({name: value for name, value in document.items() if name != "continued"}))
    return int(bool(result["flaws"]))


def traced(folder: Path, frames: int, cuts: int, chance: random.Random) -> dict[str, Any]:
    """Count frames, every change of the state written down; cut, check and continue."""
    desk, notes, log = Desk(folder / "desk"), folder / "notes", folder / "log"
    notes.touch()
    draw(desk, frames, chance.randrange(1000))
    patch = write_changes(folder / "noting", NOTING)
    environment = {**desk.environment, "NOTES": str(notes), "PYTHONPATH": in_front(patch)}
    command = [*STRACE, "-o", str(log), *desk.run_command()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    reference, root = Content.of(desk.session), desk.folder / "state"
    below = str(desk.session.relative_to(root))
    result = cut(log, Disk(root, notes), below, folder / "image", cuts, chance)
    continued = []
    for number in range(min(CONTINUED, cuts)):
        after = Desk(folder / f"after-{number}")
        cut(log, Disk(root, notes), below, after.folder / "state", 1, chance)
        after.watched.rmdir()
        after.watched.symlink_to(desk.watched, target_is_directory=True)
        ended = after.type(*after.run_command()[3:], "--continue")
        compared = compare(Content.of(after.session), reference, frames) if ended.status == 0 else {}
        result["flaws"] += [f"continued {number}: {flaw}" for flaw in flaws(compared)] if compared else [ended.err]
        continued.append(compared)
    return {**result, "frames": frames, "cells": len(reference.verdicts), "continued": continued}


if __name__ == "__main__":
    sys.exit(main())
