"""What a session is to reach: so many leukocytes, so many of a class, a share known so well. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.classes import CLASSES, NEUTROPHILS
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.values import STRICT, Frozen, Ordinal

TARGET_NAMES: Final = (*CLASSES, "neutrophils")
"""What may have a target of its own: the classes, and band and segmented together."""

WIDEST: Final = 50.0
"""Nothing is known of a share within plus and minus 50 percent points."""

Points: TypeAlias = Annotated[float, Field(gt=0, le=WIDEST)]
"""Half the width of a 95 % interval, in percent points."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Targets:
    """Targets beside the number of leukocytes: cells by class, and half widths of 95 % intervals by class."""

    classes: Frozen[Ordinal] = Field(default_factory=dict)
    within: Frozen[Points] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_known_classes(self) -> "Targets":
        for name in (*self.classes, *self.within):
            if name not in TARGET_NAMES:
                raise ValueError(f"a target for {name!r}, which is no class")
        if not (self.classes or self.within):
            raise ValueError("targets without any target")
        return self


@plain_dataclass(frozen=True, slots=True)
class Progress:
    """How far one target is reached: of what, counted or known within; both in cells, or both in percent points."""

    of: str
    kind: Literal["cells", "class", "within"]
    wanted: float
    have: float
    reached: bool


def progress(
    target: int | None,
    classes: Mapping[str, int],
    within: Mapping[str, float],
    counts: Mapping[str, int],
    *,
    undivided: int = 0,
) -> Iterator[Progress]:
    """Yield how far each target is reached, that of all leukocytes first.

    Parameters
    ----------
    target
        Wanted leukocytes, None for no such target.
    classes, within
        The others; see `Targets`.
    counts
        Counted leukocytes by class.
    undivided
        Neutrophils beside them of which nobody says whether they are band or segmented.
    """
    cells = sum(counts.values()) + undivided
    if target is not None:
        yield Progress("cells", "cells", target, cells, cells >= target)
    if not (classes or within):
        return
    of: dict[str, int] = dict.fromkeys(CLASSES, 0) | dict(counts)
    of["neutrophils"] = sum(of[name] for name in NEUTROPHILS) + undivided
    for name, wanted in _in_order(classes):
        yield Progress(name, "class", int(wanted), of[name], of[name] >= wanted)
    for name, points in _in_order(within):
        have = half_width(of[name], cells)
        yield Progress(name, "within", points, have, have <= points)


def half_width(k: int, n: int) -> float:
    """Return half the width of the exact 95 % interval of k in n, in percent points with two decimals."""
    low, high = clopper_pearson(k, n)
    return round(50.0 * (high - low), 2)


def _in_order(targets: Mapping[str, int] | Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(targets.items(), key=lambda item: TARGET_NAMES.index(item[0]))
