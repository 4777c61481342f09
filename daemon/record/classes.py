"""The classes as the ledger names them, and the numbers that a verdict has for them.

The record may not import the networks, so the names stand here and in `smearwatch.models.classes`; a test holds them
equal.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator

from smearwatch.daemon.record.values import Share

ClassName: TypeAlias = Literal["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
CLASSES: Final[tuple[ClassName, ...]] = get_args(ClassName)
"""The leukocyte classes in the order used everywhere. Classes are only ever added, at the end."""

NEUTROPHILS: Final[tuple[ClassName, ...]] = ("band", "segmented")
"""The classes that are counted together as neutrophils, too."""

KnownLabel: TypeAlias = Literal[
    ClassName,
    "neutrophil",
    "artefact",
    "smudge",
    "erythroblast",
    "immature_granulocyte",
    "platelet",
    "other",
    "blast",
    "reactive_lymphocyte",
    "plasma_cell",
    "not_one_cell",
    "cannot_say",
    "withdrawn",
]
LABELS: Final[tuple[KnownLabel, ...]] = get_args(KnownLabel)
"""What a person may call a cell in every laboratory: a class, a neutrophil whose nucleus was not judged, none of the
classes and why, or nothing any more. Labels are only ever added, at the end."""

_EXTRA: Final = re.compile(r"(leukocyte|per_100):[a-z][a-z0-9_]{0,23}")


def is_extra(label: str) -> bool:
    """Return whether a label is a laboratory's own; it says itself where it counts, so any program can fold it."""
    return _EXTRA.fullmatch(label) is not None


def _label(label: str) -> str:
    if label not in LABELS and not is_extra(label):
        raise ValueError(f"{label!r} is no label")
    return label


LabelName: TypeAlias = Annotated[str, AfterValidator(_label)]
"""One of `LABELS`, or a laboratory's own: where it counts, a colon, and its name; ``per_100:hairy_cell``."""

WITHDRAWN: Final = "withdrawn"
"""The label of a cell whose label was taken back: it counts as never labelled, and the ledger keeps what it was."""

FIRST_LABELS: Final[frozenset[str]] = frozenset(LABELS) - {
    "blast",
    "reactive_lymphocyte",
    "plasma_cell",
    "not_one_cell",
    "cannot_say",
    WITHDRAWN,
}
"""The labels that programs of before knew."""

UNDIVIDED: Final = "neutrophil"
"""The label of a neutrophil of which nobody said whether it is a band."""

OTHER_NUCLEATED: Final[tuple[KnownLabel, ...]] = (
    "blast",
    "immature_granulocyte",
    "reactive_lymphocyte",
    "plasma_cell",
    "erythroblast",
)
"""Nucleated cells that are none of the classes: reported for each 100 leukocytes, and not among these."""


def is_leukocyte(label: str) -> bool:
    """Return whether a cell of this label is among the leukocytes, the denominator of every share."""
    return label in CLASSES or label == UNDIVIDED or label.startswith("leukocyte:")


def is_for_each_100(label: str) -> bool:
    """Return whether cells of this label are reported for each 100 leukocytes, and not among these."""
    return label in OTHER_NUCLEATED or label.startswith("per_100:")


def in_their_order(labels: Iterable[str]) -> list[str]:
    """Return labels in the order of `LABELS`, a laboratory's own behind them by name."""
    known: dict[str, int] = {name: at for at, name in enumerate(LABELS)}
    return sorted(labels, key=lambda label: (known.get(label, len(known)), label))


TEACH_NOTHING: Final[frozenset[str]] = frozenset({"cannot_say", "not_one_cell", "reactive_lymphocyte"})
"""Labels of cells that are neither surely of a class nor surely of none: networks learn nothing from them,
nor from those of a laboratory's own."""

FIRST_LEDGERS_CLASSES: Final = 6
"""How many classes the first ledgers knew. As classes are only added at the end, fewer numbers than there are classes
now are those of the first ones, and an old session is read as it was meant."""


def per_class(values: tuple[float, ...], what: str) -> tuple[float, ...]:
    """Return the numbers of a new verdict: one for each class of today.

    Raises
    ------
    ValueError
        Where there are more or fewer; `what` says of what.
    """
    if len(values) != len(CLASSES):
        raise ValueError(f"{what}: {len(CLASSES)} numbers expected, one for each class, and {len(values)} given")
    return values


def _of_its_time(values: tuple[float, ...]) -> tuple[float, ...]:
    if FIRST_LEDGERS_CLASSES <= len(values) < len(CLASSES):
        return values
    if len(values) != len(CLASSES):
        raise ValueError(f"{len(CLASSES)} numbers expected, one for each class, and {len(values)} given")
    return values


Shares: TypeAlias = Annotated[tuple[Share, ...], AfterValidator(_of_its_time)]
"""A share for each class that there was when the verdict was given."""
