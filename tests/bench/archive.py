"""What a session of an archive costs to be counted again, in processor time: each time it begins, and each cell.

A short and a long session of the same drawn slide are replayed in turn. Processor time of all processes, by rusage of
those that ended; the networks' share is measured apart.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.weights import shipped_weights
from smearwatch.models.engine import Engine
from tests.bench.report import Report

ROUNDS = 3
FIELDS = {"short": 4, "long": 32}


def main() -> None:
    """Measure and report."""
    report = Report("archive", f"processor seconds of a replay, all processes; {ROUNDS} rounds in turn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counted = {each: _record(folder, each, fields) for each, fields in FIELDS.items()}
        spent: dict[str, list[float]] = {each: [] for each in FIELDS}
        for number in range(ROUNDS):
            for each in FIELDS:
                before = _children_s()
                _smearwatch(folder, "replay", each, "--json", "--into", f"{each}-{number}")
                spent[each].append(_children_s() - before)
    more = counted["long"] - counted["short"]
    each_s = [(two - one) / more for one, two in zip(spent["short"], spent["long"], strict=True)]
    begins_s = [one - each * counted["short"] for one, each in zip(spent["short"], each_s, strict=True)]
    network_ms = [1000 * each for each in _networks_s()]
    for what, unit, values in (
        (f"a session of {FIELDS['short']} fields, {counted['short']} cells", "s", spent["short"]),
        (f"a session of {FIELDS['long']} fields, {counted['long']} cells", "s", spent["long"]),
        ("each cell more, its share of a field in it", "s", each_s),
        ("the start of a session's processes", "s", begins_s),
        ("of a cell: both networks", "ms", network_ms),
    ):
        report.add(what=what, unit=unit, median=median(values), least=min(values), most=max(values), n=len(values))
    report.finish()


def _record(folder: Path, name: str, fields: int) -> int:
    """Count a drawn slide of so many fields; returns how many cells were judged."""
    _smearwatch(folder, "slide", "--out", folder / name, "--fields", fields, "--rate", 0, "--seed", 5)
    _smearwatch(folder, "run", "--watch", folder / name, "--session", name, "--until-idle", 2, "--target", 10_000)
    with LedgerReader.read(folder / "state" / "sessions" / name) as ledger:
        return ledger.summary().cells_counted


def _networks_s() -> list[float]:
    """Return the processor time of judging one crop, several times."""
    engine = Engine.load(shipped_weights(), device="cpu")
    side_px = engine.manifest.preprocessing.crop_px
    crop = np.random.default_rng(1).integers(0, 255, (side_px, side_px, 3), np.uint8)
    engine.judge([crop])
    spent = []
    for _ in range(20):
        began_s = time.process_time()
        engine.judge([crop])
        spent.append(time.process_time() - began_s)
    return spent


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _smearwatch(folder: Path, *typed: object) -> None:
    own = {"SMEARWATCH_STATE_DIR": str(folder / "state"), "SMEARWATCH_RUNTIME_DIR": str(folder / "run")}
    command = [sys.executable, "-m", "smearwatch.daemon.cli", *map(str, typed)]
    subprocess.run(command, env={**os.environ, **own}, check=True, capture_output=True)


if __name__ == "__main__":
    main()
