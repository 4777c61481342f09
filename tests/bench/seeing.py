"""How well fields are seen, and at what cost: ``python -m tests.bench.seeing`` (or ``make bench-seeing``).

The folder of real pictures is named by ``SMEARWATCH_REAL_DATA``; without it only the simulated slide is measured.
Named parts alone are measured by ``python -m tests.bench.seeing search cost``.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.bench.report import OUT, Report
from tests.bench.seen import auto, cost, gate, hard, litter, once, scale, search, single, views

SIMULATED_FIELDS, SIMULATED_SLIDES, HARD_SLIDES, LITTERED_SLIDES = 80, 5, 45, 25
FIELDS_BY_HAND, AUTO_SLIDES = 2000, 2


def main() -> None:
    """Measure everything, or the parts that are named; print the tables, write JSON and Markdown."""
    named = os.environ.get("SMEARWATCH_REAL_DATA", "")
    data = Path(named) if named and Path(named).is_dir() else None
    parts: dict[str, tuple[str, Callable[[], Iterable[dict[str, Any]]]]] = {
        "scale": ("scale from red cells", lambda: _scale_rows(data)),
        "auto": ("no scale given", lambda: _auto_rows(data)),
        "search": ("leukocytes found", lambda: _search_rows(data)),
        "litter": (
            "what the shipped weights count and reject",
            lambda: _litter_rows(data),
        ),
        "once": ("each leukocyte once", lambda: _once_rows(data)),
        "cost": ("time by that of decoding the same JPEG, medians of rounds, processor time", cost.ratios),
    }
    if data is not None:
        parts["views"] = ("the best view judged", lambda: views.on_real_fields(data / "chula"))
        parts["gate"] = ("what the quality gate refuses", lambda: gate.on_real_fields(data))
    wanted = sys.argv[1:] or [
        "scale",
        "auto",
        "search",
        "litter",
        *(["gate"] if data else []),
        "once",
        *(["views"] if data else []),
        "cost",
    ]
    unknown = [part for part in wanted if part not in parts]
    if unknown:
        sys.exit(f"no part named {unknown[0]} here; there are {', '.join(parts)}")
    reports = [_report(f"seeing_{part}", parts[part][0], parts[part][1]()) for part in wanted]
    for report in reports:
        report.finish()
    (OUT / "seeing.md").write_text("\n".join(_markdown(report) for report in reports))
    print(f"\n{OUT / 'seeing.md'}" + ("" if data else "  (no real pictures: SMEARWATCH_REAL_DATA is not set)"))


def _scale_rows(data: Path | None) -> Iterable[dict[str, Any]]:
    yield from scale.on_the_slide(SIMULATED_SLIDES)
    if data is not None:
        yield from scale.on_real_fields(data)


def _auto_rows(data: Path | None) -> Iterable[dict[str, Any]]:
    yield from auto.on_the_slide(AUTO_SLIDES)
    if data is not None:
        yield from auto.on_real_pictures(data)


def _search_rows(data: Path | None) -> Iterable[dict[str, Any]]:
    yield from search.against_truth(SIMULATED_FIELDS)
    yield from hard.on_hard_slides(HARD_SLIDES)
    if data is not None:
        yield from search.against_masks(data / "bccd")
        yield from search.against_boxes(data / "chula")
        yield from single.in_the_middle(data / "pbc")


def _litter_rows(data: Path | None) -> Iterable[dict[str, Any]]:
    yield from litter.judged_on_hard_slides(LITTERED_SLIDES)
    if data is not None:
        yield from litter.rejected_of_real_fields(data / "bccd")


def _once_rows(data: Path | None) -> Iterable[dict[str, Any]]:
    yield from once.each_once(FIELDS_BY_HAND)
    if data is not None:
        yield from once.on_real_fields(data / "chula")


def _report(name: str, what: str, rows: Iterable[dict[str, Any]]) -> Report:
    report = Report(name, what)
    for row in rows:
        report.add(**row)
    return report


def _markdown(report: Report) -> str:
    columns = list(report.rows[0])
    lines = [
        f"### {report.what[0].upper()}{report.what[1:]}",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in report.rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
