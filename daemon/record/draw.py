"""The random review: which cells are to be named without the machine's word, in an order that nobody chooses.

The order is that of a hash over the session's first chain value and the cell, so it is the same for everyone and needs
no memory. The first cells of the order that were named out of it are a random sample of the session, however it grew:
a cell that comes later and belongs among them is asked for first, and until it has its name only those before it count.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from smearwatch.daemon.record.classes import WITHDRAWN, ClassName, LabelName
from smearwatch.daemon.record.events import Counted, Labelled, Recorded, Verdict
from smearwatch.daemon.record.views import CellKey

Group: TypeAlias = Literal["flagged", "rejected", "neither"]
"""What a person may have named as a whole; then nothing of it is left to be drawn."""


@dataclass(slots=True)
class ReviewedCell:
    """A judged or labelled leukocyte, and what is known of it.

    Attributes
    ----------
    key
        The frame and index under which it is counted.
    place
        Where it stands in the random order.
    cls, verdict
        The machine's, None where it has not judged the cell yet.
    label
        The person's, None where nobody named it.
    drawn
        Whether it was named out of the random review. A name that is given later does not change that.
    early
        Whether it was named otherwise before the random review began: then it is no part of that.
    """

    key: CellKey
    place: bytes
    cls: ClassName | None = None
    verdict: Verdict | None = None
    label: LabelName | None = None
    drawn: bool = False
    early: bool = False

    @property
    def group(self) -> Group:
        """What it is asked for with."""
        return self.verdict if self.verdict in ("flagged", "rejected") else "neither"


@dataclass(frozen=True, slots=True)
class Sample:
    """A session's judged cells, as far as the random review has come.

    Attributes
    ----------
    settled
        Those of which nothing is asked, all of them named: before the review began, or with their whole group.
    drawn
        The random sample: the first of the order, each named out of the review.
    left
        The others in their order. Some of them may have been named by picking.
    """

    settled: tuple[ReviewedCell, ...]
    drawn: tuple[ReviewedCell, ...]
    left: tuple[ReviewedCell, ...]

    @property
    def ahead(self) -> int:
        """How many cells were drawn and named and do not count, for one before them in the order has no name."""
        return sum(cell.drawn for cell in self.left)

    @property
    def labelled(self) -> int:
        """How many cells have a name of a person, drawn or picked."""
        return len(self.settled) + len(self.drawn) + sum(cell.label is not None for cell in self.left)

    @property
    def asked(self) -> list[ReviewedCell]:
        """The cells that the review still asks for, the next one first."""
        return [cell for cell in self.left if not cell.drawn]


class DrawFold:
    """Every cell of a session with its place in the random order; a fold over the recorded events from the first one.

    Labels of a second reading are none of it. It remembers every cell, so it belongs where a session is read and not
    where it is counted.
    """

    def __init__(self) -> None:
        self._chain: str | None = None
        self._cells: dict[CellKey, ReviewedCell] = {}
        self._counted_as: dict[CellKey, CellKey] = {}
        self._began = False

    def apply(self, recorded: Recorded) -> None:
        """Take one event in."""
        self._chain = self._chain or recorded.chain
        event = recorded.event
        if isinstance(event, Counted):
            self._counted(event)
        elif isinstance(event, Labelled) and event.reading is None:
            self._labelled(event)

    def _cell(self, key: CellKey) -> ReviewedCell:
        if key not in self._cells:
            place = hashlib.sha256(f"{self._chain}:{key[0]}:{key[1]}".encode()).digest()
            self._cells[key] = ReviewedCell(key, place)
        return self._cells[key]

    def _counted(self, event: Counted) -> None:
        view, before = (event.frame, event.index), event.instead_of
        key = view if before is None else self._counted_as[before.frame, before.index]
        self._counted_as[view] = key
        cell = self._cell(key)
        cell.cls, cell.verdict = event.cls, event.verdict

    def _labelled(self, event: Labelled) -> None:
        cell = self._cell((event.frame, event.index))
        if event.label == WITHDRAWN:
            cell.label, cell.drawn, cell.early = None, False, False
            return
        if event.drawn and not cell.early:
            cell.drawn = self._began = True
        elif cell.label is None and not self._began:
            cell.early = True
        cell.label = event.label

    @property
    def began(self) -> bool:
        """Whether a cell was ever named out of the random review."""
        return self._began

    def sample(self) -> Sample:
        """Return how far the review has come. Cells that wait for their verdict are not in it."""
        judged = sorted((cell for cell in self._cells.values() if cell.cls is not None), key=lambda cell: cell.place)
        open_ = {cell.group for cell in judged if cell.label is None}
        settled = [cell for cell in judged if cell.early or cell.group not in open_]
        order = [cell for cell in judged if not cell.early and cell.group in open_]
        drawn = next((at for at, cell in enumerate(order) if not cell.drawn), len(order))
        return Sample(tuple(settled), tuple(order[:drawn]), tuple(order[drawn:]))

    def places(self) -> dict[CellKey, int]:
        """Return the place of each judged cell in the random order of all, from 1."""
        judged = sorted((cell.place, cell.key) for cell in self._cells.values() if cell.cls is not None)
        return {key: at for at, (_, key) in enumerate(judged, start=1)}

    def drawn(self) -> frozenset[CellKey]:
        """Return the cells that were named out of the random review."""
        return frozenset(key for key, cell in self._cells.items() if cell.drawn)
