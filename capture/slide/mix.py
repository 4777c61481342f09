"""The differential of a simulated slide: how often each class turns up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.stain import CELL_CLASSES, CellClass

_ADULT: Mapping[CellClass, float] = MappingProxyType(
    {"band": 6.0, "segmented": 50.0, "eosinophil": 6.0, "basophil": 4.0, "monocyte": 9.0, "lymphocyte": 25.0}
)


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights of the classes; they need not add up to 100.

    The default is about a healthy adult's differential, with bands and basophils a little more frequent, so that
    a short run shows all six classes.

    Attributes
    ----------
    weights
        A weight for each class; a class left out does not turn up.

    Raises
    ------
    SlideError
        If a class is unknown, a weight is negative or not a number, or all are 0.
    """

    weights: Mapping[CellClass, float] = field(default_factory=lambda: _ADULT)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in CELL_CLASSES:
                raise SlideError(f"the mix names an unknown class {name!r}", hint=f"use {', '.join(CELL_CLASSES)}")
            if not 0.0 <= weight < float("inf"):
                raise SlideError(f"the mix gives {name} the weight {weight}", hint="use 0 or a positive number")
        if sum(self.weights.values()) <= 0.0:
            raise SlideError("the mix has no class with a weight above 0", hint="give at least one, like segmented=50")

    def shares(self) -> tuple[float, ...]:
        """Return the share of each class in the fixed order; they add up to 1."""
        total = sum(self.weights.values())
        return tuple(self.weights.get(name, 0.0) / total for name in CELL_CLASSES)

    @classmethod
    def parse(cls, text: str) -> "Mix":
        """Read a mix as one types it, like ``segmented=50,lymphocyte=30``.

        Raises
        ------
        SlideError
            If a part is not ``class=number``, or the mix is not possible.
        """
        weights: dict[CellClass, float] = {}
        for part in text.split(","):
            name, _, number = part.strip().partition("=")
            try:
                # Unknown names are refused by the constructor, with the list of known ones.
                weights[name] = float(number)  # type: ignore[index]
            except ValueError:
                raise SlideError(f"cannot read {part.strip()!r} in a mix", hint="write it like segmented=50") from None
        return cls(weights)
