"""A report's content as types: where a set comes from, its scores and analyses, and several sets together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from smearwatch.train.data.pipeline_cells import PipelineAccount
from smearwatch.train.evaluation.analysis import Analysis
from smearwatch.train.evaluation.scores import Scores
from smearwatch.train.evaluation.seen_in_training import Choice
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Share

Kind = Literal["cells", "boxes", "pipeline", "session", "all"]


@dataclass(frozen=True, slots=True)
class Split(JsonRecord):
    """What was left out of a set: see `smearwatch.train.evaluation.seen_in_training.Parted`; `kept` is a count."""

    part: Choice
    kept: int
    known: bool
    train: int
    validation: int
    related: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a set's cells come from.

    Attributes
    ----------
    um_per_px
        Scale of the pictures; None where each cell has its own.
    pipeline
        Of cells that the pipeline found.
    """

    split: Split
    um_per_px: float | None
    pipeline: PipelineAccount | None = None


@dataclass(frozen=True, slots=True)
class ScoredSet(JsonRecord):
    """A set with its scores."""

    scores: Scores

    def to_json(self) -> dict[str, Any]:
        """Return the scores' fields."""
        return self.scores.to_json()


@dataclass(frozen=True, slots=True)
class EvaluatedSet(ScoredSet):
    """A set as an evaluation reports it.

    Attributes
    ----------
    kind
        "all" for several sets together.
    origin
        None for several sets together.
    end_to_end
        Of the pipeline: cells found whole and named rightly, of all labelled ones; band and segmented as one.
    """

    analysis: Analysis
    kind: Kind
    origin: Origin | None = None
    end_to_end: Share | None = None

    def to_json(self) -> dict[str, Any]:
        """Return kind, what is known of the origin, scores and analyses, side by side."""
        return {"kind": self.kind, **self._origin(), **self.together()}

    def together(self) -> dict[str, Any]:
        """Return scores and analyses alone, for the top of a report of several sets."""
        return {**self.scores.to_json(), **self.analysis.to_json()}

    def _origin(self) -> dict[str, Any]:
        if self.origin is None:
            return {}
        split = {"split": self.origin.split.to_json()}
        scale = {} if self.origin.um_per_px is None else {"um_per_px": self.origin.um_per_px}
        if self.origin.pipeline is None or self.end_to_end is None:
            return {**scale, **split}
        account = {**self.origin.pipeline.to_json(), "end_to_end": self.end_to_end.to_json()}
        return {**split, **scale, "pipeline": account}


@dataclass(frozen=True, slots=True)
class Heading(JsonRecord):
    """Which weights were evaluated, and which of the sets stands at the top of the report."""

    weights_id: str
    weights_name: str
    band_rule: str
    set: str


@dataclass(frozen=True, slots=True)
class Report(JsonRecord):
    """Scores of several sets.

    Attributes
    ----------
    notes
        Lines for a person.
    sets
        By name.
    first
        The set whose scores stand at the top; None where there is none.
    heading
        Of an evaluation.
    figures
        Names of PNG files under figures/, to be shown.
    """

    title: str
    notes: Sequence[str]
    sets: Mapping[str, ScoredSet]
    first: ScoredSet | None = None
    heading: Heading | None = None
    figures: Sequence[str] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return title, notes, heading, the scores of the first set, `sets`, and `figures` where there are any."""
        return {
            "title": self.title,
            "notes": list(self.notes),
            **(self.heading.to_json() if self.heading else {}),
            **self._first(),
            "sets": {name: each.to_json() for name, each in self.sets.items()},
            **({"figures": list(self.figures)} if self.figures else {}),
        }

    def _first(self) -> dict[str, Any]:
        if isinstance(self.first, EvaluatedSet) and self.first.kind == "all":
            return self.first.together()
        return self.first.to_json() if self.first else {}
