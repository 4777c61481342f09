"""The classes as the ledger names them, and the numbers that a verdict has for them.

The record may not import the networks, so the names stand here and in `smearwatch.models.classes`; a test holds them
equal.
"""

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator

from smearwatch.daemon.record.values import Share

ClassName: TypeAlias = Literal["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
CLASSES: Final[tuple[ClassName, ...]] = get_args(ClassName)
"""The leukocyte classes in the order used everywhere. Classes are only ever added, at the end."""

NEUTROPHILS: Final[tuple[ClassName, ...]] = ("band", "segmented")
"""The classes that are counted together as neutrophils, too."""

LabelName: TypeAlias = Literal[
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
LABELS: Final[tuple[LabelName, ...]] = get_args(LabelName)
"""What a person may call a cell: a class, a neutrophil whose nucleus was not judged, none of the classes and why, or
nothing any more. Labels are only ever added, at the end."""

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

OTHER_NUCLEATED: Final[tuple[LabelName, ...]] = (
    "blast",
    "immature_granulocyte",
    "reactive_lymphocyte",
    "plasma_cell",
    "erythroblast",
)
"""Nucleated cells that are none of the classes: reported for each 100 leukocytes, and not among these."""

TEACH_NOTHING: Final[frozenset[str]] = frozenset({"cannot_say", "not_one_cell", "reactive_lymphocyte"})
"""Labels of cells that are neither surely of a class nor surely of none: networks learn nothing from them."""

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
