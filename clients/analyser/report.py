"""A session's differential and an analyser's, part by part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from smearwatch.clients.analyser.exact import LEVEL, MOST_CELLS, Reference, cells_to_settle, holm, p_value
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.beside import PARTS, Analysed, rounded_between
from smearwatch.daemon.record.beside_json import printout_json
from smearwatch.daemon.record.intervals import percent_json

OTHERS: Final = "others"


class NotComparable(Hinted):
    """The two differentials have nothing that can be compared."""


def compare(shown: Mapping[str, Any], printed: Analysed) -> dict[str, Any]:
    """Compare a session with an analyser's differential.

    Parameters
    ----------
    shown
        The session's tally, as JSON has it. The reviewed result is taken, and the counted one where there is none.
    printed
        The analyser's. Its ``others`` are taken out of its cells, as those of the session are out of its own.

    Returns
    -------
    dict
        ``classes`` holds each part that both have: ``ours`` and ``analyser`` (cells where known, percent; ours with
        exact 95 % limits), ``p``, ``p_adjusted`` (Holm), ``beyond_sampling`` (sampling alone does not explain the
        difference) and ``settled_at``: of how many cells of ours in all it would be found with 80 % probability, None
        where that is more than ``at_most`` or there is no difference (``differs``); ``analyser_too_few`` where it is
        the analyser's cells that are too few for it, and not the difference that is too small.

    Raises
    ------
    NotComparable
        The session has no cells, or neutrophils that nobody divided, where the analyser gives bands.
    """
    session = shown["session"]
    ours = shown["reviewed"] or shown
    n = ours["cells"]
    if not n:
        raise NotComparable(f"session {session} has no leukocytes", "count some first")
    parts = references(printed)
    if not parts:
        raise NotComparable("the analyser's differential has no part of ours", "give neutrophils, lymphocytes ...")
    if ours.get("neutrophils_undivided") and {"band", "segmented"} & set(parts):
        what = f"session {session} has {ours['neutrophils_undivided']} neutrophils that nobody called band or segmented"
        raise NotComparable(what, "give the analyser's neutrophils in one")
    counts = {**ours["counts"], "neutrophils": ours["neutrophils"]}
    adjusted = holm([p_value(counts[name], n, reference) for name, reference in parts.items()])
    return {
        "session": session,
        "result": "counted" if shown["reviewed"] is None else "reviewed",
        "cells": n,
        "mark": ours["mark"],
        "analyser": printout_json(printed),
        "level": LEVEL,
        "at_most": MOST_CELLS,
        "classes": {
            name: _row(counts[name], n, reference, tests=len(parts), p_adjusted=p_adjusted)
            for (name, reference), p_adjusted in zip(parts.items(), adjusted, strict=True)
        },
    }


def references(printed: Analysed) -> dict[str, Reference]:
    """Return an analyser's shares of our classes, of the cells that are of these."""
    if printed.percent is not None:
        shares = {name: rounded_between(share) for name, share in printed.percent.items()}
        few, many = shares.pop(OTHERS, (0.0, 0.0))
        cells = None if printed.cells is None else round(printed.cells * (1 - (few + many) / 2))
        if many >= 1 or cells == 0:
            return {}
        within = {name: (low / (1 - few), min(1.0, high / (1 - many))) for name, (low, high) in shares.items()}
        return {name: Reference(*within[name], cells) for name in PARTS if name in within}
    counts = dict(printed.counts or {})
    apart = counts.pop(OTHERS, 0)
    cells = (printed.cells or sum(counts.values()) + apart) - apart
    if not cells:
        return {}
    return {name: Reference(counts[name] / cells, counts[name] / cells, cells) for name in PARTS if name in counts}


def _row(k: int, n: int, reference: Reference, *, tests: int, p_adjusted: float) -> dict[str, Any]:
    beyond = p_adjusted < LEVEL
    settled_at = n if beyond else cells_to_settle(k, n, reference, tests=tests)
    differs = not reference.low <= k / n <= reference.high
    exact = replace(reference, cells=None)
    too_few = differs and settled_at is None and cells_to_settle(k, n, exact, tests=tests) is not None
    return {
        "ours": {"cells": k, **percent_json(k, n)},
        "analyser": {"cells": reference.cells, "value": round(100 * reference.middle, 4)},
        "p": p_value(k, n, reference),
        "p_adjusted": p_adjusted,
        "beyond_sampling": beyond,
        "differs": differs,
        "settled_at": settled_at,
        "analyser_too_few": too_few,
    }
