"""Two readers of the same cells: how far they agree, the machine against each, and the differential of both."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any, Final

from smearwatch.daemon.record.classes import CLASSES, NEUTROPHILS, UNDIVIDED, is_leukocyte
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.kappa import kappa_of
from smearwatch.daemon.record.readings import ReadCell, ReadingsFold

_ROUNDING: Final = 1e-9
_ROWS: Final[Mapping[str, frozenset[str]]] = {
    **{name: frozenset({name}) for name in CLASSES},
    "neutrophils": frozenset({*NEUTROPHILS, UNDIVIDED}),
}
"""Each row of a differential, and the names that belong to it."""

_CANNOT_SAY: Final = "cannot_say"
_NEITHER: Final = "none of the six"
ASKED_FOR: Final = 200
"""So many cells each of two examiners counts in the reference method (CLSI H20-A2)."""


def reader_report(fold: ReadingsFold, session: str) -> dict[str, Any]:
    """Return what ``sessions readers --json`` prints.

    Parameters
    ----------
    fold
        Of all the session's events.

    Returns
    -------
    dict
        ``compared`` cells were named by both; every figure is of these. ``one_persons`` more have both labels by one
        person, and are in none. ``by_class`` has for each label, and for all
        neutrophils together, the cells of each reader and of both, and their agreement: twice the common ones, of all
        that either gave. ``machine`` has
        for each reader and class the machine's sensitivity and specificity, the reader's word being the truth; cells of
        which the reader cannot say it are left out, and for band and segmented the neutrophils of which the reader
        says neither. ``pooled`` is the mean of both readers' percentages, with the exact limits of a count of ``cells``
        distinct leukocytes: that two readers name the same cells does not double them. ``disagreements`` is None
        until both are through.
    """
    cells = fold.cells
    read_twice = [cell for cell in cells if cell.is_read_twice]
    twice = [cell for cell in read_twice if not cell.is_one_persons]
    first = [_said(cell, second=False) for cell in twice]
    second = [_said(cell, second=True) for cell in twice]
    kappa = kappa_of(first, second)
    return {
        "session": session,
        "cells": len(cells),
        "first": _reader(fold, second=False),
        "second": _reader(fold, second=True),
        "through": fold.through,
        "compared": len(twice),
        "one_persons": len(read_twice) - len(twice),
        "agreement": _share(sum(a == b for a, b in zip(first, second, strict=True)), len(twice)),
        "kappa": None
        if kappa is None
        else {"value": round(kappa.value, 4), "low": round(kappa.low, 4), "high": round(kappa.high, 4)},
        "by_class": _by_class(first, second),
        "machine": {which: _machine(twice, said) for which, said in (("first", first), ("second", second))},
        "pooled": _pooled(first, second),
        "disagreements": [_disagreement(cell) for cell in fold.disputed] if fold.through else None,
    }


def _said(cell: ReadCell, *, second: bool) -> str:
    label = cell.second if second else cell.first
    assert label is not None
    return label.label


def _reader(fold: ReadingsFold, *, second: bool) -> dict[str, Any]:
    read = sum((cell.second if second else cell.first) is not None for cell in fold.cells)
    return {"by": fold.readers(second), "read": read, "left": len(fold.cells) - read}


def _share(hits: int, n: int) -> dict[str, Any]:
    low, high = clopper_pearson(hits, n)
    value = round(100 * hits / n, 4) if n else None
    return {"hits": hits, "n": n, "value": value, "low": round(100 * low, 2), "high": round(100 * high, 2)}


def _by_class(first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
    rows = {name: frozenset({name}) for name in (*CLASSES, *sorted({*first, *second} - {*CLASSES}))}
    return {row: _common(first, second, names) for row, names in {**rows, **_ROWS}.items()}


def _common(first: Sequence[str], second: Sequence[str], names: frozenset[str]) -> dict[str, Any]:
    """Return how many cells each reader gives one of the names, and how many both; their share of agreement on it."""
    ones, others = sum(name in names for name in first), sum(name in names for name in second)
    both = sum(a in names and b in names for a, b in zip(first, second, strict=True))
    agreement = round(100 * 2 * both / (ones + others), 2) if ones + others else None
    return {"first": ones, "second": others, "both": both, "agreement": agreement}


def _machine(cells: Sequence[ReadCell], said: Sequence[str]) -> dict[str, Any]:
    """Return the machine's sensitivity and specificity for each class, one reader's word being the truth."""
    named = [_NEITHER if cell.verdict == "rejected" or cell.cls is None else cell.cls for cell in cells]
    pairs = [pair for pair in zip(named, said, strict=True) if pair[1] != _CANNOT_SAY]
    told: dict[str, Any] = {}
    for row, names in _ROWS.items():
        # Whoever says neutrophil alone does not say whether it is a band.
        unclear = {UNDIVIDED} if row in NEUTROPHILS else set()
        told[row] = _against([pair for pair in pairs if pair[1] not in unclear], names)
    return told


def _against(pairs: Sequence[tuple[str, str]], names: frozenset[str]) -> dict[str, Any]:
    are = [named in names for named, said in pairs if said in names]
    are_not = [named not in names for named, said in pairs if said not in names]
    return {"sensitivity": _share(sum(are), len(are)), "specificity": _share(sum(are_not), len(are_not))}


def _pooled(first: Sequence[str], second: Sequence[str]) -> dict[str, Any] | None:
    """Return the mean of both readers' differentials; None where one of them found no leukocyte."""
    ones, others = ([name for name in said if is_leukocyte(name)] for said in (first, second))
    if not ones or not others:
        return None
    distinct = sum(is_leukocyte(a) or is_leukocyte(b) for a, b in zip(first, second, strict=True))
    return {
        "cells": distinct,
        "first": len(ones),
        "second": len(others),
        "percent": {row: _mean(_part(ones, names), _part(others, names), distinct) for row, names in _ROWS.items()},
    }


def _part(said: Sequence[str], names: frozenset[str]) -> float:
    return sum(name in names for name in said) / len(said)


def _mean(one: float, other: float, n: int) -> dict[str, float]:
    share = (one + other) / 2
    # Between two whole numbers of cells the limits are those of the one on either side, so never too narrow.
    low, _ = clopper_pearson(floor(share * n + _ROUNDING), n)
    _, high = clopper_pearson(ceil(share * n - _ROUNDING), n)
    return {"value": round(100 * share, 4), "low": round(100 * low, 2), "high": round(100 * high, 2)}


def _disagreement(cell: ReadCell) -> dict[str, Any]:
    assert cell.first is not None
    assert cell.second is not None
    return {
        "cell": cell.number,
        "frame": cell.key[0],
        "index": cell.key[1],
        "first": {"label": cell.first.label, "by": cell.first.by},
        "second": {"label": cell.second.label, "by": cell.second.by},
        "machine": {"class": cell.cls, "verdict": cell.verdict},
        "settled": None if cell.settled is None else {"label": cell.settled.label, "by": cell.settled.by},
    }
