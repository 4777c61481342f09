"""Appearance features of a counted cell before normalisation, and of the cells that the weights were trained on."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Count, Frozen, Word

Look: TypeAlias = Frozen[Annotated[float, Field(ge=0)]]
"""Measures by name, such as the optical density of the red cells around; a measure that could not be taken is missing.
"""


@dataclass(frozen=True, slots=True, config=STRICT)
class LookRange:
    """One kind of pictures that weights were trained on: its name, how many cells, and the limits of each measure."""

    name: Word
    cells: Count
    limits: Frozen[tuple[float, float]]

    @model_validator(mode="after")
    def _check_limits(self) -> "LookRange":
        if any(not 0 < low <= high for low, high in self.limits.values()):
            raise ValueError("limits that are not above zero and in order")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Ranged:
    """What weights were trained on, recorded before the first cell that they counted. ``weights`` as in `Counted`."""

    weights: Word
    ranges: Annotated[tuple[LookRange, ...], Field(min_length=1)]
    kind: Literal["ranged"] = "ranged"

    @model_validator(mode="after")
    def _check_names_differ(self) -> "Ranged":
        if len({kind.name for kind in self.ranges}) != len(self.ranges):
            raise ValueError("two ranges with the same name")
        return self
