"""The random review before one reader: which cell is asked for, while what was named is still being written."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from smearwatch.daemon.record.views import CellKey


class RandomReview:
    """Cells in the order of `smearwatch.daemon.record.draw`, each asked for until it is named out of the review.

    Attributes
    ----------
    named : int
        How many were named so.
    left : int
        How many could be asked for.
    more : int or None
        How many more are worth naming, None before the first one was named.
    """

    def __init__(self) -> None:
        self.named = 0
        self.left = 0
        self.more: int | None = None
        self._next: list[CellKey] = []
        self._named: set[CellKey] = set()
        self._back: list[CellKey] = []

    def take(self, draw: Mapping[str, Any], waiting: Collection[CellKey]) -> None:
        """Take in what the record asks for.

        Parameters
        ----------
        draw
            From `smearwatch.clients.reviewing.gallery.Gallery.draw`.
        waiting
            The cells on which something is not written yet.
        """
        self.named, self.left = draw["named"], draw["left"]
        self._next = [_key(each) for each in draw["next"]]
        self._named &= set(waiting)
        self._back = [key for key in self._back if key in waiting and key not in self._next]

    def take_advice(self, numbers: Iterable[int]) -> None:
        """Take in how many more each share asks for."""
        self.more = max(numbers, default=None)

    @property
    def asked(self) -> CellKey | None:
        """The cell that is asked for, None where every one has a name, or none is taken."""
        return next((key for key in (*self._back, *self._next) if key not in self._named), None)

    def name(self, key: CellKey) -> None:
        """Take in that a cell was named out of the review."""
        self._named.add(key)
        self._back = [each for each in self._back if each != key]

    def forget(self, key: CellKey) -> None:
        """Take in that a name was taken back, or not taken: the cell is asked for again, and next."""
        self._named.discard(key)
        self._back = [key, *(each for each in self._back if each != key)]


def _key(text: str) -> CellKey:
    frame, _, index = text.rpartition(":")
    return frame, int(index)
