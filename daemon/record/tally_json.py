"""The tally as `run --json` and `watch --json` print it: counts, shares with their limits, and what to know of them."""

from typing import Any, Final

from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.tally import TallyFold

_NEUTROPHILS: Final = ("band", "segmented")


def tally_json(fold: TallyFold, session: str, event_number: int) -> dict[str, Any]:
    """Return the tally in the form that `run --json` and `watch --json` print.

    Parameters
    ----------
    fold : TallyFold
        The tally.
    session : str
        The session's name.
    event_number : int
        The number of the last event that went into it.

    Returns
    -------
    dict
        ``percent`` holds each class and the neutrophils (band and segmented together): the share of ``cells`` and its
        exact 95 % limits, from the counts, in percent with two decimals. Without cells the value is None. ``mark`` is
        None, or says why these percentages may be wrong, and belongs beside them wherever they are shown.
    """
    counts = fold.counts
    neutrophils = sum(counts[name] for name in _NEUTROPHILS)
    shares = {**counts, "neutrophils": neutrophils}
    return {
        "session": session,
        "event": event_number,
        "cells": fold.cells,
        "target": fold.target,
        "counts": counts,
        "neutrophils": neutrophils,
        "percent": {name: _percent(k, fold.cells) for name, k in shares.items()},
        "rejected": fold.verdicts["rejected"],
        "flagged": fold.verdicts["flagged"],
        "verdicts": fold.verdicts,
        "cells_found": fold.cells_found,
        "cells_pending": fold.cells_pending,
        "at_edge": fold.at_edge,
        "seen_again": fold.seen_again,
        "judged_again": fold.judged_again,
        "frames_unplaced": fold.unplaced,
        "frames": fold.frames,
        "rejected_by_reason": fold.rejected_by_reason,
        "complete": fold.complete,
        "unfamiliar": fold.unfamiliar,
        "mark": fold.mark,
        **fold.drift,
    }


def _percent(k: int, n: int) -> dict[str, float | None]:
    low, high = clopper_pearson(k, n)
    return {
        "value": round(100 * k / n, 2) if n else None,
        "low": round(100 * low, 2),
        "high": round(100 * high, 2),
    }
