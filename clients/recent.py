"""The last counted cells and their small pictures; memory is bounded by how many are kept."""

from collections.abc import Mapping

from smearwatch.clients.view import RecentCell
from smearwatch.daemon.record.events import CLASSES, Counted
from smearwatch.daemon.share_text import NOT_JUDGED

CellKey = tuple[str, int]

# A picture is stored before its cell is counted, so one that does not come twice is not there.
_TRIES = 2


class RecentCells:
    """The newest `most` counted cells.

    Parameters
    ----------
    most : int
        How many are kept.
    pictures : bool
        Whether pictures are wanted at all.
    """

    def __init__(self, most: int, *, pictures: bool) -> None:
        self._most = most
        self._pictures = pictures
        self._cells: dict[CellKey, RecentCell] = {}
        self._jpegs: dict[CellKey, bytes] = {}
        self._tries: dict[CellKey, int] = {}

    def add(self, event: Counted) -> None:
        """Put a cell in front, in the place of a view that it is better than; the oldest one falls off.

        One that is judged anew keeps its place, where it is here.
        """
        if not event.anew or (event.frame, event.index) in self._cells:
            self.put(event)

    def put(self, event: Counted) -> None:
        """Put a cell in front whose verdict is known to stand, judged anew or not."""
        key = (event.frame, event.index)
        if event.instead_of is not None and not event.anew:
            self._drop((event.instead_of.frame, event.instead_of.index))
        probability = event.probabilities[CLASSES.index(event.cls)]
        named = NOT_JUDGED if event.poisoned and event.instead_of is None else event.cls
        self._cells[key] = RecentCell(event.frame, event.index, named, event.verdict, probability)
        while len(self._cells) > self._most:
            self._drop(next(iter(self._cells)))

    def _drop(self, key: CellKey) -> None:
        self._cells.pop(key, None)
        self._jpegs.pop(key, None)
        self._tries.pop(key, None)

    def wanted(self) -> tuple[CellKey, ...]:
        """Return the cells whose pictures are still to be asked for, the newest first."""
        if not self._pictures:
            return ()
        return tuple(
            key for key in reversed(self._cells) if key not in self._jpegs and self._tries.get(key, 0) < _TRIES
        )

    def give(self, asked: tuple[CellKey, ...], jpegs: Mapping[CellKey, bytes]) -> None:
        """Take in pictures that were asked for; one that is missing is asked for once more."""
        for key in asked:
            if key not in self._cells:
                continue
            if key in jpegs:
                self._jpegs[key] = jpegs[key]
            else:
                self._tries[key] = self._tries.get(key, 0) + 1

    def clear(self) -> None:
        """Forget the cells, as when another session begins."""
        self._cells.clear()
        self._jpegs.clear()
        self._tries.clear()

    def newest_first(self) -> tuple[RecentCell, ...]:
        """Return the cells to show."""
        return tuple(
            RecentCell(c.frame, c.index, c.cls, c.verdict, c.probability, self._jpegs.get(key))
            for key, c in reversed(self._cells.items())
        )
