"""What a reader has said: shown at once, written one after another. The record's cells, and over them what waits."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from smearwatch.clients.reviewing.cells import Cell
from smearwatch.daemon.record.classes import WITHDRAWN
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.share_text import label_text


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A label that a reader gave, to be written.

    Attributes
    ----------
    was, was_by
        What stood before, and whose it was.
    undoes
        The change that this one takes back, if it does.
    """

    key: CellKey
    label: LabelName
    by: str
    was: str | None
    was_by: str | None
    undoes: "Change | None" = None


class Desk:
    """The cells of one session before one reader. No files and no threads: who writes says when a change is settled.

    Attributes
    ----------
    version : int
        Another one after each change of what the cells are called.
    """

    def __init__(self) -> None:
        self.version = 0
        self._recorded: dict[CellKey, Cell] = {}
        self._waiting: defaultdict[CellKey, list[Change]] = defaultdict(list)
        self._done: list[Change] = []
        self._undone: list[Change] = []

    def take(self, cells: Iterable[Cell]) -> None:
        """Take in what the record says of cells."""
        for cell in cells:
            self._recorded[cell.key] = cell
        self.version += 1

    def cell(self, key: CellKey) -> Cell:
        """Return a cell, with what was said of it last."""
        cell, waiting = self._recorded[key], self._waiting.get(key)
        return _said(cell, waiting[-1]) if waiting else cell

    def cells(self) -> list[Cell]:
        """Return all cells, each with what was said of it last."""
        return [self.cell(key) for key in self._recorded]

    @property
    def waiting(self) -> int:
        """How many labels are not written yet."""
        return sum(len(changes) for changes in self._waiting.values())

    def label(self, key: CellKey, name: LabelName, by: str) -> Change:
        """Name a cell; the change that is returned is to be written."""
        self._undone.clear()
        return self._say(key, name, by)

    def undo(self, by: str) -> tuple[Change | None, str]:
        """Take the last label back: the change to be written, or None and why there is none.

        What stood before is given again, in the reader's own name alone; where nothing stood, the label is withdrawn.
        """
        if not self._done:
            return None, "nothing to undo"
        change = self._done.pop()
        cell = self.cell(change.key)
        if (cell.label or WITHDRAWN) != change.label:
            return None, f"nothing was undone: cell {cell.number} has another label by now"
        if change.was is not None and change.was_by != by:
            what = f"cell {cell.number} had the label {label_text(change.was)} of {change.was_by}"
            return None, f"nothing was undone: {what}, which only they can give"
        back: LabelName = change.was or WITHDRAWN
        self._undone.append(change)
        return self._wait(Change(change.key, back, by, cell.label, cell.by, undoes=change)), ""

    def redo(self, by: str) -> tuple[Change | None, str]:
        """Give the label again that was undone last: the change to be written, or None and why there is none."""
        if not self._undone:
            return None, "nothing to redo"
        change = self._undone.pop()
        return self._say(change.key, change.label, by), ""

    def settle(self, change: Change, *, written: bool) -> None:
        """Take in that a change is in the record, or will never be; changes of a cell are settled in their order."""
        self.version += 1
        waiting = self._waiting[change.key]
        waiting.remove(change)
        if not waiting:
            del self._waiting[change.key]
        if written:
            self._recorded[change.key] = _said(self._recorded[change.key], change)
        elif change.undoes is not None:
            if change.undoes in self._undone:
                self._undone.remove(change.undoes)
                self._done.append(change.undoes)
        elif change in self._done:
            self._done.remove(change)

    def _say(self, key: CellKey, name: LabelName, by: str) -> Change:
        before = self.cell(key)
        change = self._wait(Change(key, name, by, before.label, before.by))
        self._done.append(change)
        return change

    def _wait(self, change: Change) -> Change:
        self.version += 1
        self._waiting[change.key].append(change)
        return change


def _said(cell: Cell, change: Change) -> Cell:
    label = None if change.label == WITHDRAWN else change.label
    return replace(cell, label=label, by=change.by if label else None)
