"""What a reproduction finds, as types whose fields are the keys of paper.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smearwatch.train.json_record import JsonRecord
from smearwatch.train.paper.config import PaperConfig
from smearwatch.train.statistics import Difference, Share


@dataclass(frozen=True, slots=True)
class Epoch(JsonRecord):
    """One row of a learning curve; the two-class networks have no validation."""

    epoch: int
    training_error: float
    training_cost: float
    validation_error: float | None = None
    validation_cost: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that have a value."""
        return {name: value for name, value in JsonRecord.to_json(self).items() if value is not None}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Epoch":
        """Read what `to_json` gave; raises TypeError where it is something else."""
        return Epoch(**content)


@dataclass(frozen=True, slots=True)
class SixClassScores(JsonRecord):
    """Answers of the six-class network.

    Attributes
    ----------
    n, cells
        How many pictures, and of how many cells.
    cost
        Mean cross-entropy in nats.
    confusion
        Rows are labels.
    """

    n: int
    cells: int
    accuracy: Share
    cost: float
    confusion: list[list[int]]


@dataclass(frozen=True, slots=True)
class Curves(JsonRecord):
    """Learning curves on DB-1, and then on DB-2."""

    db1: list[Epoch]
    db2: list[Epoch]


@dataclass(frozen=True, slots=True)
class SixClassResult(JsonRecord):
    """One six-class network.

    Attributes
    ----------
    tests
        "db1", "augmented", and "cells" and "fresh" where there are any.
    """

    tests: dict[str, SixClassScores]
    curve: Curves


@dataclass(frozen=True, slots=True)
class TwoClassScores(JsonRecord):
    """One two-class network: pictures of its class and of the mix, and its accuracy on its own test pictures."""

    specific: int
    mixed: int
    accuracy: Share


@dataclass(frozen=True, slots=True)
class TwoClassResult(JsonRecord):
    """The six two-class networks, by class."""

    table: dict[str, TwoClassScores]
    curve: list[Epoch]


@dataclass(frozen=True, slots=True)
class ProtocolResult(JsonRecord):
    """One protocol: pictures trained and tested on, and what came of it; `six_class` by picture size."""

    train: int
    test: int
    test_pictures_of_trained_cells: int
    six_class: dict[str, SixClassResult]
    two_class: TwoClassResult


@dataclass(frozen=True, slots=True)
class Leakage(JsonRecord):
    """What leakage is worth at one picture size; a difference that cannot be had is None.

    Attributes
    ----------
    like_with_like
        The paper protocol's accuracy minus the honest one's, both on augmented test pictures.
    against_cells
        The same, minus the honest one's on test cells as photographed.
    same_network
        The paper protocol's accuracy on its own test minus that on fresh cells.
    """

    px: int
    like_with_like: Difference | None
    against_cells: Difference | None
    same_network: Difference | None


@dataclass(frozen=True, slots=True)
class CellCounts(JsonRecord):
    """The cells: folder's name, counts by class, ids of those without an outline, and a digest of those used."""

    folder: str
    cells: dict[str, int]
    fresh: dict[str, int]
    without_outline: Sequence[str]
    sha256: str


@dataclass(frozen=True, slots=True)
class PaperReport(JsonRecord):
    """All of a reproduction; `protocols` by name."""

    settings: PaperConfig
    data: CellCounts
    protocols: dict[str, ProtocolResult]
    leakage: list[Leakage]

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {**JsonRecord.to_json(self), "settings": self.settings.model_dump(mode="json")}
