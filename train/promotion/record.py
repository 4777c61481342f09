"""The record of a promotion as types; `to_json` gives what `promotion.json` holds, `from_json` reads it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smearwatch.train.json_record import JsonRecord
from smearwatch.train.promotion.compare import Comparison


@dataclass(frozen=True, slots=True)
class WeightsInUse(JsonRecord):
    """The weights that were in use before; `origin` is "shipped", "promoted" or "the settings'"."""

    weights_id: str
    name: str
    origin: str

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "WeightsInUse":
        """Read what `to_json` gave; raises KeyError or TypeError where it is something else."""
        return WeightsInUse(content["weights_id"], content["name"], content["from"])

    def to_json(self) -> dict[str, Any]:
        """Return weights_id, name, from."""
        return {"weights_id": self.weights_id, "name": self.name, "from": self.origin}


@dataclass(frozen=True, slots=True)
class SetCounts(JsonRecord):
    """Cells of a set that were compared, and those left out since they were seen in training, or their like."""

    cells: int
    left_out: int

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "SetCounts":
        """Read what `to_json` gave; raises KeyError or TypeError where it is something else."""
        return SetCounts(content["cells"], content["left_out"])


@dataclass(frozen=True, slots=True)
class Promotion(JsonRecord):
    """What came of a request to promote weights; refused where there are `objections` and `promoted` is false.

    Attributes
    ----------
    already
        Whether these weights were in use already.
    weights_id, name
        Of the new weights.
    rule, objections
        The rule, and what stands against it.
    forced
        Whether they were promoted whatever the comparison, or without one.
    sets, by_set
        By the set's name: its counts, and its comparison where cells are left.
    notes
        What a reader of the comparison should know.
    comparison
        Over all cells together; None without cells.
    at, by
        UTC time in ISO format; who wanted it, None where nobody said.
    folder
        Where the promoted weights were copied to; not in `promotion.json`.
    """

    promoted: bool
    already: bool
    weights_id: str
    name: str
    present: WeightsInUse
    rule: str
    at: str
    objections: list[str] = field(default_factory=list)
    forced: bool = False
    sets: dict[str, SetCounts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    comparison: Comparison | None = None
    by_set: dict[str, Comparison] = field(default_factory=dict)
    folder: str | None = None
    by: str | None = None

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Promotion":
        """Read what `to_json` gave; raises KeyError, TypeError, ValueError or AttributeError where it is not that."""
        comparison = content["comparison"]
        return Promotion(
            promoted=content["promoted"],
            already=content["already"],
            weights_id=content["weights_id"],
            name=content["name"],
            present=WeightsInUse.from_json(content["present"]),
            rule=content["rule"],
            at=content["at"],
            objections=list(content["objections"]),
            forced=content["forced"],
            sets={name: SetCounts.from_json(counts) for name, counts in content["sets"].items()},
            notes=list(content["notes"]),
            comparison=None if comparison is None else Comparison.from_json(comparison),
            by_set={name: Comparison.from_json(each) for name, each in content["by_set"].items()},
            folder=content.get("folder"),
            by=content.get("by"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields in the order of `promotion.json`, who wanted it and the folder last where there are any."""
        content = JsonRecord.to_json(self)
        last = {name: content.pop(name) for name in ("at", "by", "folder")}
        return content | {name: value for name, value in last.items() if value is not None}
