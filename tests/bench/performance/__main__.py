"""How fast it is, beside floors and peers: ``make performance``, or ``python -m tests.bench.performance [PART …]``.

Each part is written to a JSON file of its own under ``--out``, from which `docs.building.performance` makes the page.
``--quick`` tries every way once, on drawn pictures; its figures mean nothing.
"""

import argparse
import datetime
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from smearwatch.daemon.process.child import ONE_THREAD
from tests.bench.performance.size import Size, real_data
from tests.bench.turns import Figure

PARTS = {
    "fields": "a field, stage by stage",
    "crops": "a crop, to the networks' input and to its verdict",
    "carried": "carrying and keeping",
    "served": "the daemon beside other ways to serve the same weights",
    "searched": "the search beside scikit-image's usual route",
    "runs": "a run as a whole",
    "starts": "how long until something is there",
}
LIBRARIES = ("torch", "torchvision", "opencv-python", "numpy", "pyzmq", "scikit-image", "litserve", "imagezmq")


def main(arguments: list[str]) -> None:
    """Measure all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="try every way once")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual rounds, for a busy machine")
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part {min(unknown)!r}; there are {', '.join(PARTS)}")
    size = Size(asked.quick, asked.share, None if asked.quick else real_data())
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.parts or PARTS:
        print(f"\n{name}: {PARTS[name]}", flush=True)
        document = measured(name, size)
        (asked.out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def measured(name: str, size: Size) -> dict[str, Any]:
    """Measure a part, print its figures as they come, and return all that is written of it."""
    began_s, load = time.monotonic(), os.getloadavg()[0]
    rows = []
    figures: Iterator[Figure] = importlib.import_module(f"tests.bench.performance.{name}").figures(size)
    for figure in figures:
        rows.append(figure.json())
        print("  " + line(rows[-1]), flush=True)
    return {
        "name": name,
        "what": PARTS[name],
        "command": f"python -m tests.bench.performance {name}",
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - began_s),
        "quick": size.quick,
        "real_pictures": size.data is not None,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        },
        "python": platform.python_version(),
        "libraries": {library: found for library in LIBRARIES if (found := _version(library))},
        "rows": rows,
    }


def line(row: dict[str, Any]) -> str:
    """Return a row for a person who watches."""
    text = f"{row['what']}: {row['ours'][1]:g} {row['unit']}"
    if row["ratio"] is not None:
        first, middle, third = row["ratio"]
        text += f", {middle:.3g} ({first:.3g} to {third:.3g}) times {row['beside']} ({row['theirs'][1]:g})"
    if row["cpu_ratio"] is not None:
        text += f", processor time {row['cpu_ratio'][1]:.3g}"
    if row["aim"] is not None:
        text += f"; aim {row['aim']['kind']} {row['aim']['value']:g}: {'reached' if row['reached'] else 'not reached'}"
    return f"{text}; n = {row['n']}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(library: str) -> str | None:
    try:
        return version(library)
    except ModuleNotFoundError:
        return None


def in_one_thread(arguments: list[str]) -> None:
    """Take the place of this process by one whose libraries have one thread, as those of a count's roles."""
    if not ONE_THREAD.items() <= os.environ.items():  # libraries ask for it when they load
        again = [sys.executable, "-m", "tests.bench.performance", *arguments]
        os.execve(sys.executable, again, {**os.environ, **ONE_THREAD})


if __name__ == "__main__":
    in_one_thread(sys.argv[1:])
    main(sys.argv[1:])
