"""Other counts of the same blood, beside the machine's: cells tallied at the eyepiece, an analyser's figures."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.classes import CLASSES, OTHER_NUCLEATED, UNDIVIDED, LabelName, is_extra
from smearwatch.daemon.record.values import STRICT, Count, Frozen, Ordinal, Person, without_none

TALLIED_LABELS: Final[tuple[LabelName, ...]] = (*CLASSES, UNDIVIDED, *OTHER_NUCLEATED, "smudge", "other")
"""What a cell may be called in a tally, beside a laboratory's own. Labels are only ever added."""

Part: TypeAlias = Literal[
    "band", "segmented", "neutrophils", "eosinophil", "basophil", "monocyte", "lymphocyte", "others"
]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""The parts of an analyser's differential; ``others`` is whatever is in none of our classes."""

Printed: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,4})?$")]
"""A percentage as it was printed: its decimals say how far it was rounded."""

_HUNDRED: Final = 100.0


@dataclass(frozen=True, slots=True, config=STRICT)
class Tallied:
    """A person counted cells at the eyepiece. ``ordinal`` counts a session's tallies from 1: all are kept.

    When it was begun tells one tally from another, so that none is kept twice.
    """

    by: Person
    began_at_ns: Count
    tallied_at_ns: Count
    ordinal: Ordinal
    target: Ordinal
    counts: Frozen[Ordinal]
    kind: Literal["tallied"] = "tallied"

    @model_validator(mode="after")
    def _of_known_labels(self) -> "Tallied":
        if not self.counts or not all(is_tallied(name) for name in self.counts):
            raise ValueError("a tally has at least one cell, and names that a tally knows")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Analysed:
    """What an analyser printed of the same blood: percentages, or the cells of each part. ``cells`` are all it counted.

    ``ordinal`` counts a session's printouts from 1: all are kept.
    """

    by: Person
    analysed_at_ns: Count
    ordinal: Ordinal
    percent: Frozen[Printed] | None = None
    counts: Frozen[Count] | None = None
    cells: Annotated[int, Field(ge=1)] | None = None
    kind: Literal["analysed"] = "analysed"

    @model_validator(mode="after")
    def _is_a_differential(self) -> "Analysed":
        flaw = flaw_of_parts(self.percent, self.counts, self.cells)
        if flaw is not None:
            raise ValueError(flaw)
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_known(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "percent", "counts", "cells")


def flaw_of_parts(percent: Any, counts: Any, cells: int | None) -> str | None:
    """Return why figures are no differential of an analyser, None where they are one."""
    if (percent is None) == (counts is None):
        return "either percentages or counts are given"
    named = set(percent or counts or ())
    if not named or not named <= set(PARTS):
        return f"the parts are {', '.join(PARTS)}"
    if "neutrophils" in named and named & {"band", "segmented"}:
        return "neutrophils are given in one, or as band and segmented"
    if percent is not None:
        # Each of them may have been rounded up.
        together = sum(float(share) - _rounded_by(share) for share in percent.values())
        return "the percentages are more than 100 together" if together > _HUNDRED + 1e-9 else None
    together = sum(counts.values())
    if together == 0 or (cells is not None and together > cells):
        return f"the counts are {together} together" + (f", and {cells} in all" if cells is not None else "")
    return None


def flaw_of_shares(percent: Mapping[str, str], cells: int) -> str | None:
    """Return why so many cells cannot give the printed percentages, None where they can."""
    least = 0
    for part, printed in percent.items():
        low, high = rounded_between(printed)
        fewest, most = math.ceil(low * cells - 1e-9), math.floor(high * cells + 1e-9)
        if fewest > most:
            near = " and ".join(f"{n} are {_HUNDRED * n / cells:.4g} %" for n in (most, fewest))
            return f"{part} cannot be {printed} % of {cells} cells: {near}"
        least += fewest
    return f"these percentages are of {least} cells at least, and not of {cells}" if least > cells else None


def rounded_between(printed: str) -> tuple[float, float]:
    """Return between which shares a printed percentage was before it was rounded, as fractions."""
    half = _rounded_by(printed)
    return max(0.0, (float(printed) - half) / _HUNDRED), min(1.0, (float(printed) + half) / _HUNDRED)


def _rounded_by(printed: str) -> float:
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])


def is_tallied(label: str) -> bool:
    """Return whether a cell may be called so in a tally."""
    return label in TALLIED_LABELS or is_extra(label)


class BesideFold:
    """Remembers a session's tallies and printouts, in their order."""

    def __init__(self) -> None:
        self._tallies: list[Tallied] = []
        self._printouts: list[Analysed] = []

    def apply(self, event: object) -> None:
        """Take one event in; all but tallies and printouts are passed over."""
        if isinstance(event, Tallied):
            self._tallies.append(event)
        elif isinstance(event, Analysed):
            self._printouts.append(event)

    @property
    def tallies(self) -> tuple[Tallied, ...]:
        """Every tally."""
        return tuple(self._tallies)

    @property
    def printouts(self) -> tuple[Analysed, ...]:
        """Every analyser's differential that was kept."""
        return tuple(self._printouts)
