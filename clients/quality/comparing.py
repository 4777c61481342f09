"""A marked field beside what the machine found in it, each leukocyte once however many fields show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from smearwatch.clients.quality.draft import DraftField
from smearwatch.clients.quality.matching import match_marks
from smearwatch.daemon.record.events import CUT, Found, FoundCell
from smearwatch.daemon.record.location import Aside, Mark
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import CellKey, counted_as

RADIUS_UM: Final = 6.0
"""How far a mark may lie from the middle of a cell, or else in its box: half of a small leukocyte, and a little."""

_SAME_UM: Final = 5.0
"""Marks in two fields that are nearer to each other on the slide are of one leukocyte: no two middles are so near."""


@dataclass(slots=True)
class Earlier:
    """What was marked or judged in earlier fields of the test: cells as they are counted, and places on the slide."""

    cells: set[CellKey] = field(default_factory=set)
    places: list[tuple[int, complex]] = field(default_factory=list)

    @classmethod
    def of(cls, ledger: LedgerReader, fields: Iterable[DraftField]) -> "Earlier":
        """Collect it from the fields."""
        earlier = cls()
        for each in fields:
            found = ledger.found(each.frame)
            assert found is not None
            cells = {cell.index: cell for cell in found.cells}
            standing = [mark for mark in each.marks if mark.aside is None]
            named = [mark.cell for mark in standing if mark.cell is not None] + list(each.unmarked)
            earlier.cells |= {counted_as(found.frame, cells[index]) for index in named}
            for mark in standing:
                place = found.to_slide(mark.x_px, mark.y_px)
                if place is not None and found.placement is not None:
                    earlier.places.append((found.placement.island, place))
        return earlier

    def has(self, found: Found, x_px: float, y_px: float, cell: FoundCell | None) -> bool:
        """Return whether a leukocyte at a place of a field, under one of its cells where there is one, was there."""
        if cell is not None and counted_as(found.frame, cell) in self.cells:
            return True
        place = found.to_slide(x_px, y_px)
        if place is None or found.placement is None:
            return False
        island = found.placement.island
        return any(on == island and abs(place - other) < _SAME_UM for on, other in self.places)

    def seen_in(self, found: Found) -> list[tuple[float, float]]:
        """Return where a field shows leukocytes that were marked before, in px."""
        if found.placement is None:
            return []
        on = found.placement.island
        points = [found.placement.to_frame(each, found.size_um) for island, each in self.places if island == on]
        inside = [point / found.um_per_px for point in points]
        width, height = found.width_px, found.height_px
        return [(z.real, z.imag) for z in inside if 0 <= z.real <= width and 0 <= z.imag <= height]


def compare(
    ledger: LedgerReader, earlier: Earlier, found: Found, marks_px: Sequence[tuple[float, float]]
) -> DraftField:
    """Pair a field's marks with the machine's cells, and return what is still to be asked.

    A cell that is cut by the edge is in no test, nor one that was in it already. A cell that the networks rejected is
    asked for only by a mark: the machine itself takes it for no leukocyte.
    """
    pairs = match_marks(marks_px, found.cells, RADIUS_UM / found.um_per_px)
    marks = tuple(_mark(ledger, earlier, found, place, pairs.get(at)) for at, place in enumerate(marks_px))
    paired = {cell.index for cell in pairs.values()}
    asked = [
        cell.index
        for cell in found.cells
        if cell.index not in paired
        and cell.left_out != CUT
        and not earlier.has(found, *cell.centre_xy_px, cell)
        and not _is_rejected(ledger, found, cell)
    ]
    return DraftField(found.frame, marks, dict.fromkeys(asked))


def compared_json(ledger: LedgerReader, compared: DraftField) -> dict[str, Any]:
    """Return a compared field as the page shows it: each mark and each cell with what it is, places in px."""
    found = ledger.found(compared.frame)
    assert found is not None
    paired = {mark.cell for mark in compared.marks}
    cells = [
        {
            "index": cell.index,
            "box": cell.box,
            "is": _standing(ledger, found, cell, compared),
            "leukocyte": compared.unmarked.get(cell.index),
        }
        for cell in found.cells
        if cell.index not in paired
    ]
    marks = [
        {
            "x": mark.x_px,
            "y": mark.y_px,
            "is": mark.aside or ("missed" if mark.cell is None else "found"),
            "rejected": mark.rejected is not None,
        }
        for mark in compared.marks
    ]
    return {"frame": compared.frame, "marks": marks, "cells": cells}


def _mark(
    ledger: LedgerReader, earlier: Earlier, found: Found, place: tuple[float, float], cell: FoundCell | None
) -> Mark:
    aside: Aside | None = None
    if earlier.has(found, *place, cell):
        aside = "again"
    elif cell is not None and cell.left_out == CUT:
        aside = "cut"
    rejected = cell is not None and aside is None and _is_rejected(ledger, found, cell)
    return Mark(*place, None if cell is None else cell.index, aside, True if rejected else None)


def _standing(ledger: LedgerReader, found: Found, cell: FoundCell, compared: DraftField) -> str:
    if cell.index in compared.unmarked:
        return "asked"
    if cell.left_out == CUT:
        return "cut"
    return "rejected" if _is_rejected(ledger, found, cell) else "again"


def _is_rejected(ledger: LedgerReader, found: Found, cell: FoundCell) -> bool:
    stands = ledger.standing(*counted_as(found.frame, cell))
    return stands is not None and stands.verdict == "rejected"
