"""When the drift alarm rings and when it must not: ``python -m tests.bench drift`` (or ``tests.bench.drift``).

The folder of real pictures is named by ``SMEARWATCH_REAL_DATA``; without it only the cost and simulated slides are
measured. Sessions are made of real cells in an order in which they were photographed, and go through the same fold as
a ledger's.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from smearwatch.models.checkpoint import read_manifest, shipped_weights_dir
from tests.bench.drifting import cells, cost
from tests.bench.drifting.sessions import Session, row
from tests.bench.report import Report

SIMULATED_FIELDS = 60


def main() -> None:
    """Measure, print the tables, write JSON."""
    named = os.environ.get("SMEARWATCH_REAL_DATA", "")
    data = Path(named) if named and Path(named).is_dir() else None
    ranges = read_manifest(shipped_weights_dir()).ranges
    assert ranges is not None
    report = Report("drift", "sessions, how many of them alarm, and after how many cells")
    for session in _sessions(data):
        report.add(**row(session, ranges))
    report.finish()
    if data is None:
        print("no real pictures: SMEARWATCH_REAL_DATA is not set")
    times = Report("drift_cost", "what the alarm costs, medians of turns in one process, one core")
    for entry in (cost.of_look(), cost.of_fold(ranges)):
        times.add(**entry)
    times.finish()


def _sessions(data: Path | None) -> Iterator[Session]:
    yield from cells.simulated(SIMULATED_FIELDS)
    if data is not None:
        yield from cells.home(data / "pbc")
        yield from cells.second(data / "chula")
        yield from cells.third(data / "bccd")
        yield from cells.changed(data / "pbc")


if __name__ == "__main__":
    main()
