"""Where a session's fields lie on the slide, and its leukocytes in them, as far as fields overlap; a fold over events.

Fields that overlap are one part of the map, and so are parts that show the same leukocytes. How two other parts lie to
each other is not known, so nothing is said of it. A field that is in no part with another one is unplaced.
"""

from dataclasses import dataclass, field

from smearwatch.clients.quality.joining import join
from smearwatch.daemon.record.classes import WITHDRAWN, is_leukocyte
from smearwatch.daemon.record.events import COUNTS, CUT, Counted, Event, Found, Labelled, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.review import LabelledCell, name_of
from smearwatch.daemon.record.views import CellKey, counted_as


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field that was searched.

    Attributes
    ----------
    number
        Its place in the order in which fields came, from 1.
    part
        Of the map.
    corners
        In um of its part, x + iy, around the field.
    """

    number: int
    frame: str
    name: str
    part: int
    middle: complex
    corners: tuple[complex, complex, complex, complex]
    side_um: float


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A leukocyte, also one of a laboratory's own class, where the field that shows it first has it."""

    name: str
    part: int
    place: complex


@dataclass(slots=True)
class SlideMap:
    """The map of a session.

    Attributes
    ----------
    registered
        Whether the fields were looked for on the slide at all.
    fields, cells
        In the order in which they came.
    """

    registered: bool = False
    fields: list[PlacedField] = field(default_factory=list)
    cells: list[PlacedCell] = field(default_factory=list)

    @property
    def parts(self) -> dict[int, list[PlacedField]]:
        """The parts of two fields and more, the largest first."""
        parts: dict[int, list[PlacedField]] = {}
        for each in self.fields:
            parts.setdefault(each.part, []).append(each)
        joined = {part: fields for part, fields in parts.items() if len(fields) > 1}
        return dict(sorted(joined.items(), key=lambda each: -len(each[1])))

    @property
    def unplaced(self) -> list[PlacedField]:
        """The fields that are alone."""
        placed = self.parts
        return [each for each in self.fields if each.part not in placed]


def read_slide_map(ledger: LedgerReader) -> SlideMap:
    """Return the map of a session.

    A leukocyte has the name that a person gave it, else the machine's; rejected and set aside ones are not in it.
    """
    fold = _Fold()
    for recorded in ledger.events():
        fold.apply(recorded.event)
    return fold.map()


class _Fold:
    def __init__(self) -> None:
        self._numbers: dict[str, tuple[int, str]] = {}
        self._found: list[Found] = []
        self._counted_as: dict[CellKey, CellKey] = {}
        self._stands: dict[CellKey, Counted] = {}
        self._labels: dict[CellKey, Labelled] = {}

    def apply(self, event: Event) -> None:
        match event:
            case Seen():
                self._numbers[event.frame] = (len(self._numbers) + 1, event.name)
            case Found():
                self._found.append(event)
                for cell in event.cells:
                    self._counted_as[event.frame, cell.index] = counted_as(event.frame, cell)
            case Counted():
                self._stands[self._counted_as[event.frame, event.index]] = event
            case Labelled() if event.reading is None:
                self._labels[event.frame, event.index] = event

    def map(self) -> SlideMap:
        made = SlideMap()
        motions = join(*self._islands())
        for found in sorted(self._found, key=lambda each: self._numbers[each.frame]):
            placement = found.placement
            if placement is None:
                continue
            made.registered = True
            number, name = self._numbers[found.frame]
            size = found.size_um
            around = (0j, complex(size.real, 0), size, complex(0, size.imag))
            motion = motions[placement.island]
            first, second, third, fourth = (motion.at(placement.to_slide(corner, size)) for corner in around)
            made.fields.append(
                PlacedField(
                    number,
                    found.frame,
                    name,
                    motion.part,
                    motion.at(complex(placement.x_um, placement.y_um)),
                    (first, second, third, fourth),
                    min(size.real, size.imag) * placement.scale,
                )
            )
            for cell in found.cells:
                called = self._name((found.frame, cell.index)) if cell.left_out == COUNTS else None
                if called is not None:
                    place = placement.to_slide(complex(*cell.centre_xy_px) * found.um_per_px, size)
                    made.cells.append(PlacedCell(called, motion.part, motion.at(place)))
        return made

    def _islands(self) -> tuple[set[int], list[dict[int, complex]]]:
        """Return the islands of the record, and the places of each leukocyte in those that show it whole."""
        islands: set[int] = set()
        places: dict[CellKey, dict[int, complex]] = {}
        for found in self._found:
            if found.placement is None:
                continue
            islands.add(found.placement.island)
            for cell in found.cells:
                place = found.to_slide(*cell.centre_xy_px)
                if cell.left_out != CUT and place is not None:
                    key = self._counted_as[found.frame, cell.index]
                    places.setdefault(key, {}).setdefault(found.placement.island, place)
        return islands, list(places.values())

    def _name(self, key: CellKey) -> str | None:
        """Return what a leukocyte is called, None where it is none by its name, or has no name yet."""
        stands, label = self._stands.get(key), self._labels.get(key)
        if label is not None and label.label != WITHDRAWN:
            machine = (None, None) if stands is None else (stands.cls, stands.verdict)
            called = name_of(LabelledCell(label.label, *machine))
            return called if is_leukocyte(called) else None
        return None if stands is None or stands.verdict == "rejected" else stands.cls
