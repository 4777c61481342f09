"""What grows with a session: 1,000, 10,000 and 100,000 cells of as many fields as have ten, measured in turn.

``python -m tests.bench.growth --at FOLDER`` fills sessions in that folder, and takes those that are there already.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench.growing.counting import CELLS, Count, bytes_of
from tests.bench.growing.opening import command, hub_after_kill, page, watch_live
from tests.bench.start import Taken

FIELDS = (100, 1_000, 10_000)
BLOCKS, BLOCK_FIELDS = 24, 4
OPENINGS = 2
OUT = Path("docs/performance/growth.json")


def main() -> None:
    """Fill, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", type=Path)
    parser.add_argument("--fields", type=int, nargs="+", default=FIELDS)
    asked, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        found = measured(asked.at or Path(name), asked.fields)
    document = {"command": "python -m tests.bench.growth", "cells_a_field": CELLS, **found}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))


def measured(folder: Path, sizes: list[int]) -> dict[str, Any]:
    """Return all figures, by the cells that the session had."""
    state_dir = folder / "state"
    there: dict[str, int] = {}  # a folder of an earlier time has a few more
    for fields in sizes:
        with tempfile.TemporaryDirectory() as runtime, Count(state_dir, _name(fields), Path(runtime)) as count:
            count.fill(fields)
            there[_name(fields)] = count.fields
        print(f"filled: {fields} fields", flush=True)
    empty = "empty"
    with tempfile.TemporaryDirectory() as runtime, Count(state_dir, empty, Path(runtime)):
        pass
    names = [empty, *map(_name, sizes)]
    found: dict[str, Any] = {"bytes": _bytes(state_dir, there)}
    found["opening_cpu_s"] = _openings(state_dir, names)
    found["hub_resident_mb"] = {name: _resident_mb(state_dir, name) for name in names}
    found["hub_cpu_a_cell_us"] = _blocks(state_dir, sizes)
    return found


def _name(fields: int) -> str:
    return f"cells-{fields * CELLS}"


def _bytes(state_dir: Path, fields_of: dict[str, int]) -> dict[str, Any]:
    found = {}
    for name, fields in fields_of.items():
        kept = bytes_of(state_dir / "sessions" / name)
        found[name] = {
            "ledger_a_cell": kept["ledger"] // (fields * CELLS),
            "ledger_a_field": kept["ledger"] // fields,
            "frames_a_field": kept["frames"] // fields,
        }
    return found


def _openings(state_dir: Path, names: list[str]) -> dict[str, Any]:
    """Return seconds of a processor until each has its first answer, by what is opened and on which session."""
    taken: dict[str, dict[str, list[float]]] = {}
    clock: dict[str, list[float]] = {}

    def note(what: str, name: str, value: float) -> None:
        taken.setdefault(what, {}).setdefault(name, []).append(value)

    for _ in range(OPENINGS):
        for name in names:
            hub: Taken = hub_after_kill(state_dir, name)
            note("hub after kill -9", name, hub[0])
            clock.setdefault(name, []).append(hub[1])
            note("watch --once of a count", name, watch_live(state_dir, name))
            for what, value in page(state_dir, name).items():
                note(f"review page, {what}", name, value)
            with tempfile.TemporaryDirectory() as runtime:
                note("watch NAME --once", name, command(state_dir, runtime, "watch", name, "--once", "--plain"))
                note("sessions list", name, command(state_dir, runtime, "sessions", "list"))
                note("sessions show", name, command(state_dir, runtime, "sessions", "show", name))
        print("opened", flush=True)
    medians = {what: {name: round(median(values), 3) for name, values in of.items()} for what, of in taken.items()}
    return medians | {"hub after kill -9, by the clock": {name: round(median(v), 2) for name, v in clock.items()}}


def _resident_mb(state_dir: Path, name: str) -> float:
    """Return the memory of a process that has opened a session as the hub does, and counted twenty more fields."""
    code = (
        "import sys, psutil; from pathlib import Path; from tests.bench.growing.counting import Count\n"
        "with Count(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])) as count:\n"
        "    count.block(20)\n    print(psutil.Process().memory_info().rss / 1e6)\n"
    )
    with tempfile.TemporaryDirectory() as runtime:
        ran = subprocess.run(
            [sys.executable, "-c", code, str(state_dir), name, runtime], check=True, capture_output=True, text=True
        )
    return round(float(ran.stdout), 1)


def _blocks(state_dir: Path, sizes: list[int]) -> dict[str, Any]:
    """Return what a further cell costs the hub, made-up answers of finder and worker among it, by turns."""
    taken: dict[str, list[float]] = {}
    with ExitStack() as stack:
        counts = {}
        for name in map(_name, sizes):
            runtime = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            counts[name] = stack.enter_context(Count(state_dir, name, runtime))
            counts[name].block(BLOCK_FIELDS)
        for _ in range(BLOCKS):
            for name, count in counts.items():
                taken.setdefault(name, []).append(count.block(BLOCK_FIELDS)[0] * 1e6)
    first = next(iter(taken.values()))
    return {
        name: {
            "blocks": len(values),
            "median": round(median(values)),
            "quartiles": [round(each) for each in quantiles(values, n=4)[::2]],
            "of_the_first": round(median(a / b for a, b in zip(values, first, strict=True)), 3),
        }
        for name, values in taken.items()
    }


if __name__ == "__main__":
    main()
