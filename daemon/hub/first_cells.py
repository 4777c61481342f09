"""The first cells of a strange session are leased once more, with what all of them show, and judged anew together.

Whether a session is strange, the networks say: one of the cells is leased first, and the others only if its answer
rests on the session's statistics. All verdicts are committed in one transaction, in the order of finding; so whoever
judges them, and whatever dies meanwhile, all of these cells are judged anew or none is.
"""

from collections.abc import Callable

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.session_statistics import FirstCells, SessionStatistics

Cell = tuple[str, int]


class FirstCellsAnew:
    """Holds the crops of the first cells until it is known whether they are judged anew, and their second verdicts.

    Parameters
    ----------
    journal : Journal
        Says which cells they are, and when all are counted.
    put : callable
        Queues a cell to be leased.
    """

    def __init__(self, journal: Journal, put: Callable[[Cell], None]) -> None:
        self._journal = journal
        self._put = put
        self._crops: dict[Cell, memoryview] = {}
        self._now: FirstCells | None = None
        self._wanted: tuple[Cell, ...] = ()
        self._verdicts: dict[Cell, Counted] = {}

    def __contains__(self, cell: Cell) -> bool:
        """Return whether a cell is to be judged anew now, or to show whether the session is strange."""
        return cell in self._wanted

    @property
    def is_open(self) -> bool:
        """Whether cells are being judged anew."""
        return self._now is not None

    @property
    def statistics(self) -> SessionStatistics:
        """What the cells are judged by, while they are."""
        assert self._now is not None
        return self._now.statistics

    @property
    def lost(self) -> frozenset[Cell]:
        """The cells whose crops are not here any more, and have to come in again."""
        return frozenset(cell for cell in self._wanted if cell not in self._crops and cell not in self._verdicts)

    def crop(self, cell: Cell) -> memoryview:
        """Return a cell's crop."""
        return self._crops[cell]

    def keep(self, cell: Cell, pixels: memoryview) -> None:
        """Keep the crop of a cell that was just judged, if it may be judged anew."""
        if self._journal.statistics.is_first(*cell):
            self._crops[cell] = pixels

    def take(self, cell: Cell, pixels: memoryview) -> None:
        """Take in a crop that was lost."""
        if cell in self.lost:
            self._crops[cell] = pixels
            self._put(cell)

    def look(self) -> None:
        """Begin once all of the first cells are counted."""
        if self._now is None and (now := self._journal.statistics.first_cells()) is not None:
            self._now = now
            self._want(next((cell for cell in now.cells if cell in self._crops), now.cells[0]))
        if self._journal.statistics.first_settled:
            self._crops.clear()

    def judged(self, cell: Cell, verdict: Counted) -> None:
        """Take in a verdict; where it does not rest on the session's statistics, all stay as they are."""
        assert self._now is not None
        if not verdict.anew:
            self.leave()
            return
        self._verdicts[cell] = verdict
        if len(self._wanted) == 1:
            self._want(*(each for each in self._now.cells if each != cell))
        if len(self._verdicts) == len(self._now.cells):
            self._journal.commit(*(self._verdicts[each] for each in self._now.cells))
            self.leave()

    def leave(self) -> None:
        """Leave the first cells as they are."""
        self._journal.statistics.settle_first()
        self._now, self._wanted = None, ()
        self._crops.clear()
        self._verdicts.clear()

    def _want(self, *cells: Cell) -> None:
        self._wanted = (*self._wanted, *cells)
        for cell in cells:
            if cell in self._crops:
                self._put(cell)
