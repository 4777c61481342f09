"""The extra classes of a laboratory: what a person may call a cell here, beside what everybody may."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import StringConstraints, field_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.classes import LABELS, LabelName
from smearwatch.daemon.record.values import STRICT

Counts: TypeAlias = Literal["leukocyte", "per_100"]
"""Where its cells count: among the leukocytes, or beside them, for each 100."""

_TAKEN = frozenset(
    (*LABELS, "nucleated_red_cell", "something_else", "no_label", "neutrophils", "leukocytes", "rejected")
)
_LIKE_KNOWN = frozenset(
    name.replace("_", "").removesuffix("s")
    for name in (*_TAKEN, "band_neutrophil", "segmented_neutrophil", "band_cell", "stab", "seg", "lymph", "mono")
)
_ONE_MORE = "write small letters, digits and _, 24 at most, and begin with a letter"


@dataclass(frozen=True, slots=True, config=STRICT)
class ExtraClass:
    """A class of a laboratory's own, as a session knows it from its beginning.

    Attributes
    ----------
    name
        What it is called, in small letters with ``_`` for blanks.
    counts
        Where its cells count.
    key
        The key that gives it, where no setting names another.
    short
        Its name where there is little room.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    counts: Counts
    key: Annotated[str, StringConstraints(min_length=1, max_length=1)]
    short: Annotated[str, StringConstraints(min_length=1, max_length=12)]

    @field_validator("name")
    @classmethod
    def _is_new(cls, name: str) -> str:
        if name in _TAKEN:
            raise ValueError(f"{name} is a name already")
        return name

    @property
    def label(self) -> LabelName:
        """The label of its cells."""
        return f"{self.counts}:{self.name}"


def flaw_of_name(name: str) -> str | None:
    """Return why a class cannot have a name, None where it can."""
    if name in _TAKEN:
        return f"{name} is what a cell can be called already"
    if name.replace("_", "").removesuffix("s") in _LIKE_KNOWN:
        return "a reader would take it for a name that there is already"
    fits = name.isascii() and name[:1].isalpha() and name.replace("_", "a").isalnum() and name == name.lower()
    return None if fits and len(name) <= 24 else _ONE_MORE


def extra_classes_of(openings: Iterable[tuple[ExtraClass, ...] | None]) -> tuple[ExtraClass, ...]:
    """Return the extra classes of a session by name, as its starts have named them.

    The last word on a key and a short name stands. Where its cells count is as it was first: cells of one name are not
    to stand in two rows.
    """
    named: dict[str, ExtraClass] = {}
    for classes in openings:
        for each in classes or ():
            named[each.name] = replace(each, counts=named.get(each.name, each).counts)
    return tuple(named[name] for name in sorted(named))
