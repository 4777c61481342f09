"""The cell-location test: of the leukocytes that a person marked in whole fields, which ones the machine had found."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.found import CUT, Found, FoundCell
from smearwatch.daemon.record.values import STRICT, Count, Ordinal, Person, Positive, Sentence, Sha256, without_none

if TYPE_CHECKING:
    from smearwatch.daemon.record.reading import LedgerReader

Order: TypeAlias = Literal["random", "in_order"]
"""How fields come: by a hash that nobody chooses, or as they were found."""

Aside: TypeAlias = Literal["again", "cut"]
"""Why a mark is none of the test: marked in an earlier field already, or of a cell that is cut by the field's edge."""

_Pixels: TypeAlias = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True, config=STRICT)
class Mark:
    """A leukocyte that the reader marked before the machine's cells were shown.

    ``cell`` is the machine's cell that lies there, None for a leukocyte that it missed. ``rejected`` is true, or not
    there: the networks called that cell none of the classes.
    """

    x_px: _Pixels
    y_px: _Pixels
    cell: Count | None = None
    aside: Aside | None = None
    rejected: Literal[True] | None = None

    @model_serializer(mode="wrap")
    def _what_there_is(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "cell", "aside", "rejected")


@dataclass(frozen=True, slots=True, config=STRICT)
class Unmarked:
    """A cell that the machine found and the reader did not mark, and what the reader says on seeing it."""

    index: Count
    leukocyte: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class MarkedField:
    """A field of the test."""

    frame: Sha256
    marks: tuple[Mark, ...]
    unmarked: tuple[Unmarked, ...]


@dataclass(frozen=True, slots=True, config=STRICT)
class LocationTested:
    """A person made a cell-location test. ``ordinal`` counts a session's tests from 1: all are kept.

    ``radius_um`` is how far a mark may lie from the middle of its cell, where it does not lie in its box. ``not_shown``
    is how many fields were passed over because no page can show them. ``note`` says what was changed before it, such as
    the stain.
    """

    by: Person
    began_at_ns: Count
    tested_at_ns: Count
    ordinal: Ordinal
    order: Order
    radius_um: Positive
    fields: tuple[MarkedField, ...]
    not_shown: Count = 0
    note: Sentence | None = None
    kind: Literal["location_tested"] = "location_tested"

    @model_validator(mode="after")
    def _is_of_leukocytes(self) -> "LocationTested":
        frames = [each.frame for each in self.fields]
        if len(frames) != len(set(frames)):
            raise ValueError("a field is marked once")
        if not self.marked:
            raise ValueError("a test has at least one marked leukocyte")
        return self

    @model_serializer(mode="wrap")
    def _without_empty_note(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "note")

    @property
    def marks(self) -> list[Mark]:
        """The marks of the test, those that are set aside not among them."""
        return [mark for field in self.fields for mark in field.marks if mark.aside is None]

    @property
    def marked(self) -> int:
        """How many leukocytes the reader marked, each once: the denominator of the test."""
        return len(self.marks)

    @property
    def found(self) -> int:
        """How many of these the machine had found."""
        return sum(mark.cell is not None for mark in self.marks)

    @property
    def rejected(self) -> int:
        """How many of the found ones the networks called none of the classes, so that they do not count."""
        return sum(mark.rejected is not None for mark in self.marks)

    @property
    def overlooked(self) -> int:
        """How many cells that the reader had not marked are leukocytes, as the reader then says."""
        return sum(cell.leukocyte for field in self.fields for cell in field.unmarked)

    @property
    def not_leukocytes(self) -> int:
        """How many cells of the machine are no leukocytes."""
        return sum(not cell.leukocyte for field in self.fields for cell in field.unmarked)

    def aside(self, why: Aside) -> int:
        """Return how many marks were set aside for a reason."""
        return sum(mark.aside == why for field in self.fields for mark in field.marks)


@dataclass(frozen=True, slots=True, config=STRICT)
class LocationWithdrawn:
    """A person withdrew a cell-location test. ``ordinal`` is that of the test, which is kept."""

    by: Person
    reason: Sentence
    withdrawn_at_ns: Count
    ordinal: Ordinal
    kind: Literal["location_withdrawn"] = "location_withdrawn"

    @model_validator(mode="after")
    def _says_something(self) -> "LocationWithdrawn":
        if not self.reason.strip():
            raise ValueError("a test is withdrawn with a reason")
        return self


def belongs_to(x_px: float, y_px: float, cell: FoundCell, radius_px: float) -> bool:
    """Return whether a mark may be of a cell: within the radius of its middle, or in its box."""
    left, top, width, height = cell.box
    if left <= x_px <= left + width and top <= y_px <= top + height:
        return True
    x, y = cell.centre_xy_px
    return math.hypot(x - x_px, y - y_px) <= radius_px


def flaw_of_test(test: LocationTested, found_of: Callable[[str], Found | None]) -> str | None:
    """Return what in a test contradicts what was found in its fields, None where nothing does.

    Parameters
    ----------
    found_of
        What was found in a frame; None for one that is not in the session or was not searched.
    """
    for field in test.fields:
        found = found_of(field.frame)
        if found is None:
            return "it is of a field that was not searched"
        cells = {cell.index: cell for cell in found.cells}
        named = [mark.cell for mark in field.marks if mark.cell is not None] + [cell.index for cell in field.unmarked]
        if len(named) != len(set(named)) or not set(named) <= set(cells):
            return "it names a cell twice, or one that was not found"
        for mark in field.marks:
            if not (mark.x_px <= found.width_px and mark.y_px <= found.height_px):
                return "it has a mark outside of its field"
            if mark.cell is None:
                continue
            if not belongs_to(mark.x_px, mark.y_px, cells[mark.cell], test.radius_um / found.um_per_px):
                return "it pairs a mark with a cell that lies elsewhere"
            if (cells[mark.cell].left_out == CUT) != (mark.aside == "cut") and mark.aside != "again":
                return "it has a cell that is cut by the edge in the test, or a whole one aside"
    return None


def location_tests(ledger: "LedgerReader") -> list[tuple[LocationTested, LocationWithdrawn | None]]:
    """Return a session's cell-location tests in their order, each with its withdrawal; other events are not read."""
    from smearwatch.daemon.record.events import event_from_bytes  # which names the events of this module

    rows = ledger.rows("SELECT body FROM events WHERE key GLOB 'location_*' ORDER BY number")
    events = [event_from_bytes(body) for (body,) in rows]
    withdrawn = {event.ordinal: event for event in events if isinstance(event, LocationWithdrawn)}
    return [(event, withdrawn.get(event.ordinal)) for event in events if isinstance(event, LocationTested)]
