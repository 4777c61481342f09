"""How often corrected limits hold the truth, and how wide they are: ``python -m tests.bench.reviewed_interval``.

Smears are drawn whose truth is known, named by machines that err in known ways, and reviewed at random. For each rate
of errors the table has the worst of all classes, mixes and ways in which errors lean; what comes out low is measured
again with more smears, so that the worst is not just the unluckiest. ``--advice`` measures what "name so many more" is
worth.
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np

from tests.bench.report import Report
from tests.bench.reviewing.advice import measure_advice
from tests.bench.reviewing.coverage import Held, Plan, measure
from tests.bench.reviewing.smears import ERRORS, MIXES

RATES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
CELLS, REVIEWED = (100, 200, 500), (10, 20, 50, 100)
SMEARS, AGAIN, DRAWS, LOW = 400, 2000, 300, 0.945


def main() -> None:
    """Measure, print the tables, write JSON."""
    if "--advice" not in sys.argv:
        what = "limits that held the true share, at their worst by rate of errors; mean widths in points"
        report = Report("reviewed_interval", what)
        for cells, reviewed in product(CELLS, REVIEWED):
            if reviewed < cells:
                report.add(**row(cells, reviewed, rejected_first=False))
        for reviewed in REVIEWED[1:3]:
            report.add(**row(200, reviewed, rejected_first=True))
        report.finish()
    advice = Report("reviewed_advice", "how near shares are, once as many more cells were named as was asked for")
    for entry in measure_advice():
        advice.add(**entry)
    advice.finish()


def row(cells: int, reviewed: int, *, rejected_first: bool) -> dict[str, Any]:
    """Measure every rate of errors at one size of smear and of review."""
    found: dict[str, Any] = {"rejected first": rejected_first, "cells": cells, "reviewed": reviewed}
    everything: list[Held] = []
    for rate in RATES:
        held = [_steady(plan) for plan in plans(cells, reviewed, rate, rejected_first=rejected_first)]
        found[f"{rate:.0%}"] = float(min(each.corrected.min() for each in held))
        found[f"{rate:.0%} naive"] = float(min(each.naive.min() for each in held))
        everything += held
    for what in ("corrected", "naive", "all_named"):
        found[f"{what} width"] = 100 * float(np.mean([getattr(each, f"{what}_width") for each in everything]))
    print(found, file=sys.stderr, flush=True)
    return found


def plans(cells: int, reviewed: int, rate: float, *, rejected_first: bool) -> Iterator[Plan]:
    """Yield each mix with each way in which errors lean; without errors there is one way."""
    ways: Iterable[str] = ERRORS if rate else ERRORS[:1]
    for mix, errors in product(MIXES, ways):
        yield Plan(mix, errors, rate, cells, reviewed, rejected_first)


def _steady(plan: Plan) -> Held:
    held = measure(plan, SMEARS, seed=1, draws=DRAWS)
    return held if held.corrected.min() >= LOW else measure(plan, AGAIN, seed=2, draws=DRAWS)


if __name__ == "__main__":
    main()
