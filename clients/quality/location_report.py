"""Cell-location tests in figures: each with exact limits, and day by day against the days before."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from smearwatch.daemon.record.intervals import percent_json
from smearwatch.daemon.record.location import LocationTested, LocationWithdrawn

AIM: Final = 200
"""So many leukocytes are asked for each day."""

LEVEL: Final = 0.01
"""Below this probability a day is called lower than the days before: one day in a hundred is so by chance."""


def figures(marked: int, found: int, rejected: int, overlooked: int, not_leukocytes: int) -> dict[str, Any]:
    """Return a test's figures, shares in percent with exact 95 % limits.

    Parameters
    ----------
    marked, found
        Leukocytes that the reader marked, and those of them that the machine had found.
    rejected
        Those of the found ones that the networks called none of the classes.
    overlooked, not_leukocytes
        Cells of the machine without a mark, as the reader then called them.
    """
    right = found - rejected + overlooked
    cells = right + not_leukocytes
    return {
        "marked": marked,
        "found": found,
        "missed": marked - found,
        "rejected": rejected,
        "overlooked": overlooked,
        "not_leukocytes": not_leukocytes,
        "percent": percent_json(found, marked),
        "cells": cells,
        "leukocytes": right,
        "leukocytes_percent": percent_json(right, cells),
        "enough": marked >= AIM,
    }


def kept_json(test: LocationTested, withdrawn: LocationWithdrawn | None) -> dict[str, Any]:
    """Return a test that was kept, with its figures."""
    taken_back = withdrawn and {
        "by": withdrawn.by,
        "reason": withdrawn.reason,
        "withdrawn_at_ns": withdrawn.withdrawn_at_ns,
    }
    return {
        "ordinal": test.ordinal,
        "by": test.by,
        "began_at_ns": test.began_at_ns,
        "tested_at_ns": test.tested_at_ns,
        "day": _day(test.tested_at_ns),
        "order": test.order,
        "radius_um": test.radius_um,
        "note": test.note,
        "fields": len(test.fields),
        "not_shown": test.not_shown,
        "frames": [field.frame for field in test.fields],
        **figures(test.marked, test.found, test.rejected, test.overlooked, test.not_leukocytes),
        "again": test.aside("again"),
        "cut": test.aside("cut"),
        "withdrawn": taken_back,
    }


def days_json(tests: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return all tests by day, oldest first, each day's share against all days before it.

    Parameters
    ----------
    tests
        Each with the name of its session, as `kept_json` gives it. Withdrawn ones are left out.

    Notes
    -----
    Fisher's exact test, one-sided: is the day's share lower than that of the earlier days together?
    """
    by_day: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for session, test in sorted(tests, key=lambda each: each[1]["tested_at_ns"]):
        if test["withdrawn"] is None:
            by_day.setdefault(test["day"], []).append((session, test))
    days: list[dict[str, Any]] = []
    for day in sorted(by_day):
        of_day = [test for _, test in by_day[day]]
        names = ("marked", "found", "rejected", "overlooked", "not_leukocytes")
        numbers = figures(*(sum(test[name] for test in of_day) for name in names))
        before = {name: sum(each[name] for each in days) for name in ("marked", "found")}
        p = _lower(numbers["found"], numbers["marked"], before["found"], before["marked"]) if days else None
        days.append(
            {
                "day": day,
                "sessions": sorted({session for session, _ in by_day[day]}),
                "tests": len(of_day),
                "notes": [test["note"] for test in of_day if test["note"]],
                **numbers,
                "earlier": before if days else None,
                "p": p,
                "lower": p is not None and p < LEVEL,
            }
        )
    return days


def _lower(found: int, marked: int, found_before: int, marked_before: int) -> float:
    import numpy as np
    from scipy.stats import fisher_exact  # a second to load

    table = np.array([[found, marked - found], [found_before, marked_before - found_before]])
    return float(fisher_exact(table, alternative="less").pvalue)


def _day(at_ns: int) -> str:
    """Return the day of a moment, as the clock on the wall has it."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d")
