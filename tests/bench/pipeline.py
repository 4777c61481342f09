"""What a field costs on its way, beside an earlier state of the program: ``python -m tests.bench.pipeline --help``.

Both states are run in turn, on the same real fields, each in a process of its own; what is compared is the processor's
time. The real pictures are named by ``SMEARWATCH_REAL_DATA``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench.piped import overlap

ROOT = Path(__file__).parents[2]
NOW = "after"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="DIR", help="an earlier state's tree, to be run in turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fields", type=int, default=60, help="real fields of each session")
    parser.add_argument("--sizes", nargs="+", default=["1440x900", "2560x1920"], metavar="SIZE")
    parser.add_argument("--places", type=int, default=0, help="fields placed to see what is remembered")
    parser.add_argument("--overlapping", type=int, default=0, help="rounds of the whole daemon beside its parts")
    parser.add_argument("--out", type=Path, default=Path("bench-out/pipeline.json"))
    asked = parser.parse_args()
    if not os.environ.get("SMEARWATCH_REAL_DATA"):
        sys.exit("SMEARWATCH_REAL_DATA is not set: name the folder of real pictures")
    states = {**({"before": asked.before} if asked.before else {}), NOW: ROOT}
    document: dict[str, Any] = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m tests.bench.pipeline {' '.join(_without_paths(sys.argv[1:]))}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, beside other work",
        "unit": "milliseconds of one core's time a field, median and 95th percentile",
        "stages": [
            _stages(states, scale, size, asked.rounds, asked.fields)
            for size in asked.sizes
            for scale in ("given", "auto")
        ],
    }
    document["auto_by_given"] = _auto_by_given(document["stages"])
    if asked.places:
        document["remembered"] = {name: _run(tree, "memory", asked.places) for name, tree in states.items()}
    if asked.overlapping:
        document["overlap"] = overlap.measure(asked.overlapping, asked.fields)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))


def _stages(states: dict[str, Path], scale: str, size: str, rounds: int, fields: int) -> dict[str, Any]:
    spent: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in states}
    ratios: dict[str, list[float]] = {name: [] for name in states}
    for _ in range(rounds):
        for name, tree in states.items():
            took = _run(tree, "stages", scale, size, fields)
            ratios[name].append(median(took["place"]) / median(took["search and light"]))
            for stage, values in took.items():
                spent[name][stage] += values
    row: dict[str, Any] = {"scale": scale, "size": size, "fields": fields, "rounds": rounds}
    for name in states:
        row[name] = {stage: _of(values) for stage, values in spent[name].items()}
        row[name]["fields a second"] = round(1000.0 / _mean(spent[name]["whole field"]), 2)
        row[name]["place by search and light"] = [round(each, 2) for each in ratios[name]]
    if "before" in states:
        row["after by before"] = round(_mean(spent[NOW]["whole field"]) / _mean(spent["before"]["whole field"]), 3)
    return row


def _auto_by_given(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return by size what a session at its red cells' scale takes, by what one at a given scale does."""
    speed = {(row["size"], row["scale"]): row[NOW]["fields a second"] for row in rows}
    return {size: round(speed[size, "given"] / speed[size, "auto"], 3) for size, scale in speed if scale == "auto"}


def _run(tree: Path, program: str, *arguments: object) -> Any:
    """Run a program of `tests.bench.piped` with the smearwatch of a tree."""
    path = os.pathsep.join([str(tree.resolve() / ".dev"), str(ROOT)])
    out = subprocess.run(
        [sys.executable, "-m", f"tests.bench.piped.{program}", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(out.stdout)


def _of(values: list[float]) -> dict[str, float]:
    tail = quantiles(values, n=20, method="inclusive")[-1]
    return {
        "n": len(values),
        "median": round(median(values), 2),
        "p95": round(tail, 2),
        "mean": round(_mean(values), 2),
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _without_paths(arguments: list[str]) -> list[str]:
    """Return the command without where things lie on this machine."""
    return ["DIR" if before == "--before" else each for before, each in zip(["", *arguments], arguments, strict=False)]


if __name__ == "__main__":
    main()
