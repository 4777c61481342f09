"""What messages are made of: numbers and texts within limits, and the records that stand in several of them."""

from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, Strict
from pydantic.dataclasses import dataclass

WIRE_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True)

Integer = Annotated[int, Strict(), Field(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Strict(), Field(ge=0, le=2**63 - 1)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict(), Field(max_length=4096)]
# What an answer says may repeat what was asked: it is cut, for whoever asks too much is answered, too.
Line = Annotated[Text, BeforeValidator(lambda said: said[:4096] if isinstance(said, str) else said)]
Sha256Hex = Annotated[str, Strict(), Field(pattern=r"^[0-9a-f]{64}$")]
_Each = TypeVar("_Each")
# One wrong value is enough: a list of as many errors as fit into a header would take a thousand times its memory.
Many: TypeAlias = Annotated[tuple[_Each, ...], Field(fail_fast=True)]
Role = Literal["source", "finder", "worker", "client"]
ScaleUmPerPx = Annotated[float, Field(gt=0.0, le=10.0)]


class Message:
    """Common ancestor: gives every message its ``kind`` on the wire."""

    __slots__ = ()
    kind: ClassVar[str]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class PlaceOnWire:
    """Where on the slide a field was taken; see the ledger's `Placement`."""

    status: Literal["first", "placed", "unplaced"]
    island: Count
    x_um: Real
    y_um: Real
    angle_deg: Real
    scale: Annotated[Real, Field(gt=0.0)]
    tied_to: Many[Sha256Hex]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class StainOnWire:
    """Optical densities in blue, green and red: of a nucleus, and of the red cells around, None where too few are seen.

    Of one cell, or of the session at one of its cells; see the ledger's `CellStain` and `SessionStain`. ``red_cell_um``
    is the red cells' diameter by the scale in use.
    """

    nucleus_bgr: tuple[Real, Real, Real]
    red_cells_bgr: tuple[Real, Real, Real] | None = None
    red_cell_um: Annotated[Real, Field(gt=0.0)] | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class StatisticsOnWire:
    """Whose statistics come in the message's last buffer: the weights, the cells, and the unfamiliar ones of these.

    The buffer holds little-endian float32, all means first; see the ledger's `SessionStatistics`.
    """

    weights: Sha256Hex
    cells: Annotated[Count, Field(gt=0)]
    unfamiliar: Count


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class NucleusOnWire:
    """Lengths of a cell's nucleus in µm, and the number of its lobes; see the ledger's `Nucleus`."""

    widest_um: Real
    narrowest_um: Real
    length_um: Real
    lobes: Count


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class CellOnWire:
    """One leukocyte in a field: box (x, y, w, h) in px, centre in px, area in µm².

    ``same_as`` is the frame and index under which the same leukocyte was counted before; ``better_than`` those of its
    best view until now, where this one is clearly better. ``stain`` is measured on the crops of cells that
    get a verdict, ``nucleus`` on the outlines of whole ones.
    """

    index: Count
    box: tuple[Integer, Integer, Integer, Integer]
    centre_xy_px: tuple[Real, Real]
    area_um2: Real
    at_edge: Flag
    score: Real
    same_as: tuple[Sha256Hex, Count] | None = None
    better_than: tuple[Sha256Hex, Count] | None = None
    stain: StainOnWire | None = None
    nucleus: NucleusOnWire | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class RangeOnWire:
    """Appearance of one kind of pictures that the weights were trained on; see the ledger's `LookRange`."""

    name: Text
    cells: Count
    limits: dict[str, tuple[Real, Real]]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class LabelOnWire:
    """What a person calls a cell, which is named as it is counted; the hub, which knows the labels, checks it.

    ``decides`` says that readers disagreed on it: it is written even where the same person said the same before.
    ``drawn`` says that it was named out of the random review.
    """

    frame: Sha256Hex
    index: Count
    label: Annotated[Text, Field(max_length=64)]
    decides: Flag = False
    drawn: Flag = False
