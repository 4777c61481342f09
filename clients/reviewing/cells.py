"""A judged leukocyte as a reader meets it, and in which order the cells of a session are gone through."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smearwatch.daemon.record.classes import CLASSES, LabelName
from smearwatch.daemon.record.values import CellKey
from smearwatch.daemon.share_text import NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Cell:
    """A judged leukocyte.

    Attributes
    ----------
    number
        Its place in the order of counting, from 1.
    probability
        That of `cls`, 0 to 1.
    label, by
        What a person calls it, and who; None where nobody does.
    """

    key: CellKey
    number: int
    cls: str
    verdict: str
    probability: float
    label: str | None = None
    by: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Cell":
        """Return the cell of a row of `smearwatch.clients.reviewing.gallery.Gallery.changes`."""
        frame, _, index = str(row["id"]).rpartition(":")
        named = (row["class"], row["verdict"], row["probability"], row["label"], row["by"])
        return cls((frame, int(index)), row["number"], *named)

    @property
    def to_see(self) -> bool:
        """Whether a person should look at it, and nobody has named it."""
        return self.label is None and self.verdict in ("flagged", "rejected")

    @property
    def name(self) -> str:
        """What it is called by now."""
        return self.label or ("rejected" if self.verdict == "rejected" else self.cls)

    @property
    def as_machine(self) -> LabelName | None:
        """The label that agrees with the machine, None where that could not judge it."""
        if self.cls == NOT_JUDGED:
            return None
        return "other" if self.verdict == "rejected" else self.cls


TO_SEE: Final = "to be seen first"
NEWEST: Final = "all, newest first"

GROUPS: Final[Mapping[str, Callable[[Cell], bool]]] = {
    TO_SEE: lambda cell: cell.to_see,
    "flagged": lambda cell: cell.verdict == "flagged",
    "rejected: none of the six": lambda cell: cell.verdict == "rejected",
    "labelled": lambda cell: cell.label is not None,
    **{name: (lambda cell, name=name: cell.name == name) for name in CLASSES},  # type: ignore[misc]
    NEWEST: lambda _: True,
}
"""The cells of a session, in parts that are gone through one after another."""


def in_group(cells: Iterable[Cell], group: str) -> list[Cell]:
    """Return the cells of a group in its order: doubtful ones first, as they were counted last; or the newest first."""
    belongs = GROUPS[group]
    chosen = [cell for cell in cells if belongs(cell)]
    if group == NEWEST:
        return sorted(chosen, key=lambda cell: -cell.number)
    return sorted(chosen, key=lambda cell: (_rank(cell), cell.probability, cell.number))


def _rank(cell: Cell) -> int:
    return 2 if cell.label is not None else 0 if cell.verdict == "flagged" else 1
