"""Sessions of looks through the fold: does the alarm ring, and after how many cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from smearwatch.daemon.record import looks
from smearwatch.daemon.record.drift import DriftFold
from smearwatch.models.manifest import LookRange

Looks = Sequence[Mapping[str, float]]

_FRAME, _WEIGHTS = "0" * 64, "w"


@dataclass(frozen=True)
class Session:
    """Sessions of one kind: each a run of cells. ``unmet`` are kinds of pictures that are taken out of the range."""

    what: str
    inside: bool
    runs: Sequence[Looks]
    unmet: tuple[str, ...] = ()
    instead: tuple[LookRange, ...] = field(default=())


def row(session: Session, ranges: Sequence[LookRange]) -> dict[str, Any]:
    """Return a row of the table: sessions that alarm, cells judged under an alarm, cells until the first alarm."""
    kept = [*(kind for kind in ranges if kind.name not in session.unmet), *session.instead]
    told = [_through(run, kept) for run in session.runs]
    firsts = sorted(first for first, _, _ in told if first is not None)
    said = [what for _, _, what in told if what]
    return {
        "sessions of": session.what,
        "in range": session.inside,
        "n": len(session.runs),
        "alarm": len(firsts),
        "cells": sum(len(run) for run in session.runs),
        "under alarm": sum(under for _, under, _ in told),
        "first after": f"{firsts[0]}, {median(firsts):g}, {firsts[-1]}" if firsts else "-",
        "says": max(said, key=said.count) if said else "-",
    }


def in_runs(every: Looks, length: int) -> list[Looks]:
    """Cut into runs of a length; what is left over goes to the last one."""
    whole = max(1, len(every) // length)
    return [every[n * length : (n + 1) * length if n + 1 < whole else len(every)] for n in range(whole)]


def _through(run: Looks, ranges: Sequence[LookRange]) -> tuple[int | None, int, str]:
    fold = DriftFold()
    kinds = tuple(looks.LookRange(kind.name, kind.cells, kind.limits) for kind in ranges)
    fold.ranged(looks.Ranged(_WEIGHTS, kinds))
    first, under, said = None, 0, ""
    for number, seen in enumerate(run, start=1):
        fold.counted(_WEIGHTS, _FRAME, number, seen)
        under += fold.alarmed
        if fold.alarmed:
            first = first or number
            said = said or fold.json()["drift"]["says"].split(" than ")[0]
    return first, under, said
