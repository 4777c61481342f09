"""Other counts of a session as ``sessions show --json`` prints them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from smearwatch.daemon.record.beside import Analysed, BesideFold, Tallied
from smearwatch.daemon.record.classes import (
    CLASSES,
    NEUTROPHILS,
    UNDIVIDED,
    in_their_order,
    is_extra,
    is_for_each_100,
    is_leukocyte,
)
from smearwatch.daemon.record.intervals import percent_json
from smearwatch.daemon.record.review import Reviewed


def named_json(named: Mapping[str, int], *, mark: str | None = None) -> dict[str, Any]:
    """Return cells by what persons called them, in the form of ``reviewed``.

    Parameters
    ----------
    named
        How many cells of each label.
    mark
        Why the percentages may be wrong, where machine's names are among them.
    """
    counts: dict[str, int] = {name: named.get(name, 0) for name in CLASSES}
    there = in_their_order(name for name, n in named.items() if n)
    counts |= {name: named[name] for name in there if is_extra(name) and is_leukocyte(name)}
    undivided = named.get(UNDIVIDED, 0)
    neutrophils = sum(counts[name] for name in NEUTROPHILS) + undivided
    n = sum(counts.values()) + undivided
    others = {name: named[name] for name in there if is_for_each_100(name)}
    return {
        "cells": n,
        "counts": counts,
        "neutrophils": neutrophils,
        "neutrophils_undivided": undivided,
        "percent": {name: percent_json(k, n) for name, k in {**counts, "neutrophils": neutrophils}.items()},
        "others": others,
        "others_per_100": {name: round(100 * k / n, 2) if n else None for name, k in others.items()},
        "set_aside": {name: named[name] for name in there if not (is_leukocyte(name) or is_for_each_100(name))},
        "mark": mark,
    }


def beside_json(fold: BesideFold) -> dict[str, Any]:
    """Return ``tallies`` and ``analysers``: each in its order, with who kept it and when."""
    return {
        "tallies": [_tallied(each) for each in fold.tallies],
        "analysers": [printout_json(each) for each in fold.printouts],
    }


def pooled_json(result: Reviewed, fold: BesideFold, mark: str | None) -> dict[str, Any]:
    """Return the one result of a session's own cells and all its tallies together."""
    named = Counter({str(UNDIVIDED): result.undivided})
    for counts in (result.counts, result.others, result.set_aside, *(each.counts for each in fold.tallies)):
        named.update(counts)
    return {"tallies": len(fold.tallies), **named_json(named, mark=mark)}


def printout_json(printed: Analysed) -> dict[str, Any]:
    """Return one analyser's differential as it was kept; percentages are text, with the decimals that were printed."""
    return {
        "by": printed.by,
        "analysed_at_ns": printed.analysed_at_ns,
        "ordinal": printed.ordinal,
        "percent": None if printed.percent is None else dict(printed.percent),
        "counts": None if printed.counts is None else dict(printed.counts),
        "cells": printed.cells,
    }


def _tallied(tallied: Tallied) -> dict[str, Any]:
    return {
        "by": tallied.by,
        "tallied_at_ns": tallied.tallied_at_ns,
        "ordinal": tallied.ordinal,
        "target": tallied.target,
        **named_json(tallied.counts),
    }
