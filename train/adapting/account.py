"""The account of an adaptation as types; `to_json` gives what `adapt.json` holds."""

from dataclasses import dataclass, fields
from typing import Any, Final

from smearwatch.train.adapting.learning_curve import Forecast
from smearwatch.train.adapting.scores import AnswerChange, ClassChange, RejectChange
from smearwatch.train.json_record import JsonRecord, as_json

_KEYS: Final = {"strategy": "way", "seen_in_training": "met"}  # where the key in the file differs from the field


@dataclass(frozen=True, slots=True)
class CheckAccount(JsonRecord):
    """What was adapted, and what the check on cells left out shows.

    Attributes
    ----------
    share, fold_shares
        Share of the fitted weights in the final ones, and in those of each fold.
    cells
        Of each class given, band and segmented as one.
    missing
        Classes without a cell.
    divided_singly
        Whether the check could not keep groups apart.
    gained
        Whether a gain is shown.
    more_labels
        None where too few cells are given for a forecast.
    tried
        By strategy, cells named rightly in the check.
    seen_in_training
        How many of the cells the weights before had seen in training.
    by_statistics
        Whether cells are judged by their session's statistics, for they look strange to the weights.
    """

    weights_before: str
    name_before: str
    strategy: str
    share: float
    fold_shares: list[float]
    cells: dict[str, int]
    missing: list[str]
    groups: int
    divided_singly: bool
    tolerance: float
    gain: ClassChange
    gained: bool
    more_labels: Forecast | None
    tried: dict[str, int]
    seen_in_training: int
    by_statistics: bool
    minutes: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields by the names that `adapt.json` has for them."""
        return {_KEYS.get(each.name, each.name): as_json(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class RejectChanges(JsonRecord):
    """What is rejected of the new cells and of the old ones."""

    new: RejectChange
    old: RejectChange


@dataclass(frozen=True, slots=True)
class Account(JsonRecord):
    """The whole account of weights that were written.

    Attributes
    ----------
    check
        On the new cells.
    old
        Old cells that decided nothing, named before and after.
    overrules
        How many pairs of verifiers may overrule.
    weights_after
        Identity of the adapted weights.
    """

    check: CheckAccount
    old: AnswerChange
    rejected: RejectChanges
    temperature: float
    overrules: int
    weights_after: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields side by side with those of the check."""
        own = JsonRecord.to_json(self)
        check = own.pop("check")
        return {**check, **own}
