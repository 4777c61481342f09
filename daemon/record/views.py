"""All whole views of a leukocyte that several frames show, and which of them is the one whose verdict stands."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from smearwatch.daemon.record.found import CUT, FoundCell
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.values import CellKey as CellKey


@dataclass(frozen=True, slots=True)
class Views:
    """Where a counted leukocyte is seen whole.

    Attributes
    ----------
    all : tuple of (str, int)
        Frame and index of each view, in the order of finding; the first is the counted one.
    best : (str, int)
        The best view that was judged, whose verdict stands; the first one until there is a verdict.
    judged_again : int
        How many verdicts were replaced by one on a better view.
    """

    all: tuple[CellKey, ...]
    best: CellKey
    judged_again: int = 0


def views_by_cell(ledger: LedgerReader) -> dict[CellKey, Views]:
    """Return the views of each counted cell, by the frame and index under which it is counted."""
    judged_again = ledger.judged_again()
    found: defaultdict[CellKey, list[CellKey]] = defaultdict(list)
    best: dict[CellKey, CellKey] = {}
    replaced: Counter[CellKey] = Counter()
    for frame in ledger.found_frames():
        for cell in frame.cells:
            if cell.left_out == CUT:
                continue
            view, counted = (frame.frame, cell.index), counted_as(frame.frame, cell)
            found[counted].append(view)
            if view in judged_again:  # each is better than the one before it
                best[counted] = view
                replaced[counted] += 1
    return {
        counted: Views(tuple(views), best.get(counted, counted), replaced[counted]) for counted, views in found.items()
    }


def counted_as(frame: str, cell: FoundCell) -> CellKey:
    """Return the frame and index under which a whole cell is counted."""
    return (frame, cell.index) if cell.same_as is None else (cell.same_as.frame, cell.same_as.index)
