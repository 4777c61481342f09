"""Several laboratories together: the mean of each score over them, and the worst."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from smearwatch.train.json_record import JsonRecord
from smearwatch.train.leave_out.scores import WayScores
from smearwatch.train.statistics import Share

_DECIMALS: Final = 5
_HIGH_IS_BAD: Final = frozenset({"rejected"})

COLUMNS: Final[dict[str, str]] = {
    "found": "found",
    "right_five": "right, five classes",
    "right_six": "right, six classes",
    "right_six_agreed": "of agreed labels",
    "rejected": "rejected",
    "right_and_kept": "right and kept",
    "confirmed_right": "right of the confirmed",
    "confirmed": "confirmed of all",
    "reject_auroc": "AUROC of the reject score",
}
"""What is summed up, and how a table calls it."""


@dataclass(frozen=True, slots=True)
class Worst(JsonRecord):
    """The worst value of a score, and the laboratory that has it."""

    value: float
    laboratory: str


@dataclass(frozen=True, slots=True)
class Summary(JsonRecord):
    """Each score's mean over the laboratories, all counting alike, and its worst; None where none has it."""

    mean: dict[str, float | None]
    worst: dict[str, Worst | None]


def summarise(laboratories: Mapping[str, WayScores]) -> Summary:
    """Sum up the scores of laboratories, by name, that were cut in one way."""
    mean: dict[str, float | None] = {}
    worst: dict[str, Worst | None] = {}
    for score in COLUMNS:
        values = {name: value for name, each in laboratories.items() if (value := value_of(each, score)) is not None}
        mean[score] = round(sum(values.values()) / len(values), _DECIMALS) if values else None
        choose = max if score in _HIGH_IS_BAD else min
        name = choose(values, key=lambda each, values=values: values[each]) if values else None  # type: ignore[misc]
        worst[score] = Worst(values[name], name) if name is not None else None
    return Summary(mean, worst)


def value_of(scores: WayScores, score: str) -> float | None:
    """Return the value of one of `COLUMNS`; None where a laboratory has none."""
    share = getattr(scores, score)
    if isinstance(share, Share):
        return share.value
    return None if share is None else float(share)
