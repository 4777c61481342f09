"""A session's numbers, counted from its ledger's rows without a fold: what a fold that was kept is held to."""

from collections import Counter
from typing import Any, Final

from smearwatch.daemon.record.events import BETTER, COUNTS, CUT, SEEN_BEFORE
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold

# Cells by class and verdict, and what they are instead of. SQLite reads the events as text; no fold has a part in it.
_VERDICTS: Final = (
    "SELECT json_extract(body, '$.cls'), json_extract(body, '$.verdict'), json_extract(body, '$.instead_of.cls'), "
    "json_extract(body, '$.instead_of.verdict'), count(*) FROM events WHERE kind = 'counted' GROUP BY 1, 2, 3, 4"
)
_REASONS: Final = "SELECT json_extract(body, '$.reason'), count(*) FROM events WHERE kind = 'rejected' GROUP BY 1"
_PENDING: Final = (
    "SELECT frame, outcome_number IS NULL, cell FROM pending LEFT JOIN cells USING (frame) "
    "WHERE outcome_number IS NULL OR (at_edge IN (?, ?) AND counted_number IS NULL) ORDER BY frame, cell"
)
_AGAIN: Final = "SELECT count(*) FROM cells WHERE at_edge = ? AND counted_number IS NOT NULL"
_CELLS: Final = "SELECT count(*), sum(at_edge = ?), sum(at_edge = ?) FROM cells"


def recount(ledger: LedgerReader) -> dict[str, Any]:
    """Return the numbers of a session as its ledger has them now.

    Raises
    ------
    LedgerUnusable
        The ledger cannot be read, or an event in it is damaged.
    """
    verdicts: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for cls, verdict, cls_before, verdict_before, cells in ledger.rows(_VERDICTS):
        for name, stood, sign in ((cls, verdict, 1), (cls_before, verdict_before, -1)):
            if name is not None:
                verdicts[stood] += sign * cells
                counts[name] += sign * cells * (stood != "rejected")
    ((again,),) = ledger.rows(_AGAIN, BETTER)
    ((seen,),) = ledger.rows("SELECT count(*) FROM frames")
    ((found, cut, before),) = ledger.rows(_CELLS, CUT, SEEN_BEFORE)
    return {
        "counts": {name: n for name, n in sorted(counts.items()) if n},
        "verdicts": {name: n for name, n in sorted(verdicts.items()) if n},
        "rejected": dict(ledger.rows(_REASONS)),
        "frames": seen,
        "pending": _pending(ledger),
        "cells": (found, cut or 0, (before or 0) + again),
    }


def _pending(ledger: LedgerReader) -> dict[str, list[int] | None]:
    """Return the cells of each frame that wait for a verdict, None where a frame was not searched yet."""
    pending: dict[str, list[int] | None] = {}
    for frame, unsearched, cell in ledger.rows(_PENDING, COUNTS, BETTER):
        if unsearched:
            pending[frame] = None
        else:
            pending[frame] = [*(pending.get(frame) or []), cell]
    return pending


def as_recounted(fold: TallyFold) -> dict[str, Any]:
    """Return the same numbers as a tally has them."""
    return {
        "counts": {name: n for name, n in sorted(fold.counts.items()) if n},
        "verdicts": {name: n for name, n in sorted(fold.verdicts.items()) if n},
        "rejected": fold.rejected_by_reason,
        "frames": fold.frames["seen"],
        "pending": fold.snapshot()["pending"],
        "cells": (fold.cells_found, fold.at_edge, fold.seen_again),
    }
