"""Two readings of the same cells, side by side: a fold over the events."""

from dataclasses import dataclass

from smearwatch.daemon.record.classes import WITHDRAWN, ClassName
from smearwatch.daemon.record.events import CUT, Counted, Event, Found, Labelled, Verdict
from smearwatch.daemon.record.persons import distinct_persons, is_same_person, person_key
from smearwatch.daemon.record.views import CellKey, counted_as


@dataclass(slots=True)
class ReadCell:
    """A leukocyte and what both readers call it.

    Attributes
    ----------
    number
        Its place in the order of finding, from 1, as the review page counts.
    cls, verdict
        The machine's that stand, None where it has not judged the cell yet.
    first, second
        The label of each reading, None where there is none.
    compared
        Whether both readers were through with all cells while it had both labels. What is said of it later settles it,
        and is of neither reading.
    settled
        The label that decides between the two, None where there is none.
    """

    key: CellKey
    number: int
    cls: ClassName | None = None
    verdict: Verdict | None = None
    first: Labelled | None = None
    second: Labelled | None = None
    compared: bool = False
    settled: Labelled | None = None

    @property
    def is_read_twice(self) -> bool:
        """Whether both readers have named it."""
        return self.first is not None and self.second is not None

    @property
    def is_one_persons(self) -> bool:
        """Whether both its labels are of one person, so that comparing them says nothing of two."""
        return self.first is not None and self.second is not None and is_same_person(self.first.by, self.second.by)

    @property
    def is_disputed(self) -> bool:
        """Whether both have named it, and otherwise."""
        return self.first is not None and self.second is not None and self.first.label != self.second.label


class ReadingsFold:
    """Remembers each cell; apply a session's events in the ledger's order, each once."""

    def __init__(self) -> None:
        self._first_readers: set[str] = set()
        self._cells: dict[CellKey, ReadCell] = {}
        self._counted_as: dict[CellKey, CellKey] = {}
        self._left: set[CellKey] = set()  # judged cells that one of the two has not named
        self._open: set[CellKey] = set()  # cells that are not compared yet

    def apply(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Found():
                for found in event.cells:
                    if found.left_out != CUT:
                        cell = self._cell(counted_as(event.frame, found))
                        self._counted_as[event.frame, found.index] = cell.key
            case Counted():
                cell = self._cells[self._counted_as[event.frame, event.index]]
                cell.cls, cell.verdict = event.cls, event.verdict
                self._note(cell)
            case Labelled():
                cell = self._cells[event.frame, event.index]
                if event.reading is None:
                    self._first_readers.add(person_key(event.by))
                label = None if event.label == WITHDRAWN else event
                if not cell.compared:
                    cell.first, cell.second = (cell.first, label) if event.reading else (label, cell.second)
                elif event.reading is None:
                    cell.settled = label
                self._note(cell)

    @property
    def cells(self) -> list[ReadCell]:
        """The cells that were judged, in their order."""
        return [cell for cell in self._cells.values() if cell.verdict is not None]

    def cell(self, key: CellKey) -> ReadCell | None:
        """Return a cell by the frame and index under which it is counted, None where there is none."""
        return self._cells.get(key)

    @property
    def through(self) -> bool:
        """Whether both readers have named every judged cell."""
        return not self._left and any(cell.compared for cell in self._cells.values())

    @property
    def disputed(self) -> list[ReadCell]:
        """The cells that the readers, both through, named otherwise; settled ones are among them."""
        return [cell for cell in self.cells if cell.compared and cell.is_disputed]

    def has_read_first(self, by: str) -> bool:
        """Return whether a person ever labelled a cell in the first reading, though another's label may stand now."""
        return person_key(by) in self._first_readers

    def readers(self, second: bool) -> list[str]:
        """Return who gave the labels of a reading, each person once, in alphabetical order."""
        labels = (cell.second if second else cell.first for cell in self._cells.values())
        return distinct_persons(label.by for label in labels if label is not None)

    def _cell(self, key: CellKey) -> ReadCell:
        if key not in self._cells:
            self._cells[key] = ReadCell(key, len(self._cells) + 1)
            self._open.add(key)
        return self._cells[key]

    def _note(self, cell: ReadCell) -> None:
        if cell.verdict is not None and not cell.is_read_twice:
            self._left.add(cell.key)
        else:
            self._left.discard(cell.key)
        if self._left:
            return
        # Both are through: what is said from now on was said after the two could be compared.
        for key in [key for key in self._open if self._cells[key].is_read_twice]:
            self._cells[key].compared = True
            self._open.discard(key)
