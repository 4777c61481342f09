"""A session's numbers, counted from its ledger's rows without a fold: what a fold that was kept is held to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from smearwatch.daemon.record.events import BETTER, COUNTS, CUT, SEEN_BEFORE
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.values import Count

# Cells by class and verdict, and what they are instead of. SQLite reads the events as text; no fold has a part in it.
_VERDICTS: Final = (
    "SELECT json_extract(body, '$.cls'), json_extract(body, '$.verdict'), json_extract(body, '$.instead_of.cls'), "
    "json_extract(body, '$.instead_of.verdict'), count(*) FROM events "
    "WHERE kind = 'counted' AND number > ? AND number <= ? GROUP BY 1, 2, 3, 4"
)
_REASONS: Final = (
    "SELECT json_extract(body, '$.reason'), count(*) FROM events "
    "WHERE kind = 'rejected' AND number > ? AND number <= ? GROUP BY 1"
)
_PENDING: Final = (
    "SELECT frame, outcome_number IS NULL, cell FROM pending LEFT JOIN cells USING (frame) "
    "WHERE outcome_number IS NULL OR (at_edge IN (?, ?) AND counted_number IS NULL) ORDER BY frame, cell"
)
_AGAIN: Final = "SELECT count(*) FROM cells WHERE at_edge = ? AND counted_number IS NOT NULL"
_CELLS: Final = "SELECT count(*), sum(at_edge = ?), sum(at_edge = ?) FROM cells"


@dataclass(slots=True)
class RowCount:
    """What a ledger's rows come to, counted part by part.

    Attributes
    ----------
    until
        The last event that is counted.
    cells
        Cells by class and verdict; one whose verdict was replaced counts as what stands.
    rejected
        Frames by reason.
    """

    until: Count = 0
    cells: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)

    def go_on(self, ledger: LedgerReader, until: int) -> None:
        """Count the rows of the next events, until one; raises `LedgerUnusable`."""
        for cls, verdict, cls_before, verdict_before, n in ledger.rows(_VERDICTS, self.until, until):
            for name, stood, sign in ((cls, verdict, 1), (cls_before, verdict_before, -1)):
                if name is not None:
                    of_class = self.cells.setdefault(name, {})
                    of_class[stood] = of_class.get(stood, 0) + sign * n
        for reason, n in ledger.rows(_REASONS, self.until, until):
            self.rejected[reason] = self.rejected.get(reason, 0) + n
        self.until = until


def recount(ledger: LedgerReader, rows: RowCount | None = None) -> dict[str, Any]:
    """Return the numbers of a session as its ledger has them now.

    Parameters
    ----------
    ledger
        The session.
    rows
        How far its rows were counted before; it is brought to the end. None to count all of them.

    Raises
    ------
    LedgerUnusable
        The ledger cannot be read, or an event in it is damaged.
    """
    rows = RowCount() if rows is None else rows
    rows.go_on(ledger, ledger.last_number)
    verdicts: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for cls, of_class in rows.cells.items():
        for verdict, n in of_class.items():
            verdicts[verdict] += n
            counts[cls] += n * (verdict != "rejected")
    ((again,),) = ledger.rows(_AGAIN, BETTER)
    ((seen,),) = ledger.rows("SELECT count(*) FROM frames")
    ((found, cut, before),) = ledger.rows(_CELLS, CUT, SEEN_BEFORE)
    return {
        "counts": {name: n for name, n in sorted(counts.items()) if n},
        "verdicts": {name: n for name, n in sorted(verdicts.items()) if n},
        "rejected": dict(sorted(rows.rejected.items())),
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
