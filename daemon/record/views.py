"""All whole views of a leukocyte that several frames show, and which of them is the best."""

from collections import defaultdict
from dataclasses import dataclass

from smearwatch.daemon.record.found import CUT, FoundCell
from smearwatch.daemon.record.reading import LedgerReader

CellKey = tuple[str, int]
"""Frame and index."""


@dataclass(frozen=True, slots=True)
class Views:
    """Where a counted leukocyte is seen whole.

    Attributes
    ----------
    all : tuple of (str, int)
        Frame and index of each view, in the order of finding; the first is the counted one.
    best : (str, int)
        The view in the sharpest frame, the first of equals.
    """

    all: tuple[CellKey, ...]
    best: CellKey


def views_by_cell(ledger: LedgerReader) -> dict[CellKey, Views]:
    """Give the views of each counted cell, by the frame and index under which it is counted."""
    found: defaultdict[CellKey, list[tuple[CellKey, float]]] = defaultdict(list)
    for frame in ledger.found_frames():
        for cell in frame.cells:
            if cell.left_out != CUT:
                found[counted_as(frame.frame, cell)].append(((frame.frame, cell.index), frame.focus))
    return {
        counted: Views(tuple(key for key, _ in views), max(views, key=lambda view: view[1])[0])
        for counted, views in found.items()
    }


def counted_as(frame: str, cell: FoundCell) -> CellKey:
    """Give the frame and index under which a whole cell is counted."""
    return (frame, cell.index) if cell.same_as is None else (cell.same_as.frame, cell.same_as.index)
