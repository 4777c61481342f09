"""The classes of the differential and the verdicts about a cell, in their one order; nothing else counts them."""

from collections.abc import Iterable, Sized
from typing import Literal, NewType, TypeAlias, get_args

ClassName: TypeAlias = Literal["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
Verdict: TypeAlias = Literal["confirmed", "corrected", "flagged", "rejected"]

CLASSES: tuple[ClassName, ...] = get_args(ClassName)
"""The order of every vector with one number for each class. Classes are only ever added, at the end: see
docs/adding-a-class.md."""

NEUTROPHILS: tuple[int, int] = (CLASSES.index("band"), CLASSES.index("segmented"))
"""Indices of band and segmented, which together are the total neutrophils."""

BAND_RULE = "A filament without chromatin inside between two lobes means segmented; otherwise band."
"""The filament rule, which separates bands from segmented neutrophils here."""

PerClass = NewType("PerClass", tuple[float, ...])
"""One number for each class, in the order of `CLASSES`; made and checked by `per_class`."""


def per_class(values: Iterable[float]) -> PerClass:
    """Return one number for each class.

    Raises
    ------
    ValueError
        Where there are more or fewer.
    """
    given = tuple(values)
    check_number(given)
    return PerClass(given)


def check_number(values: Sized) -> None:
    """Check that there is one value for each class.

    Raises
    ------
    ValueError
        Where there are more or fewer.
    """
    if len(values) != len(CLASSES):
        msg = f"{len(CLASSES)} numbers expected, one for each class, and {len(values)} given"
        raise ValueError(msg)
