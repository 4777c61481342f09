"""What was typed in a tally: each cell's name in order, so that the last can be undone."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from smearwatch.daemon.record.beside_json import named_json
from smearwatch.daemon.record.events import LabelName


class TypedCells:
    """The cells of one tally.

    Parameters
    ----------
    names
        Those that were typed before.
    """

    def __init__(self, names: Iterable[LabelName] = ()) -> None:
        self._names = list(names)

    def add(self, name: LabelName) -> None:
        """Take in a cell."""
        self._names.append(name)

    def undo(self) -> LabelName | None:
        """Take the last cell out; returns what it was, None where there is none."""
        return self._names.pop() if self._names else None

    @property
    def last(self) -> LabelName | None:
        """The last cell."""
        return self._names[-1] if self._names else None

    @property
    def number(self) -> int:
        """How many cells there are, those that are no leukocytes among them."""
        return len(self._names)

    @property
    def counts(self) -> dict[str, int]:
        """Cells by name."""
        return dict(Counter(self._names))

    def json(self) -> dict[str, Any]:
        """Return the result, in the form of ``reviewed``."""
        return named_json(self.counts)
