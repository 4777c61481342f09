"""The truth about a field: what it shows, where, and how it was taken."""

from dataclasses import dataclass

from smearwatch.capture.arrays import Image
from smearwatch.capture.slide.litter import PlacedThing
from smearwatch.capture.slide.plane import PlacedLeukocyte
from smearwatch.capture.slide.stain import CellClass
from smearwatch.capture.slide.thing import ThingKind
from smearwatch.capture.slide.view import View

Sides = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TrueCell:
    """The truth about one leukocyte in a field.

    Attributes
    ----------
    name
        Its name on the slide, the same in whatever field it is seen.
    cls
        Its class.
    centre_xy_px
        Middle of its box.
    box_xywh_px
        Box of the whole cell as it lies in the field, cut to the field.
    at_edge
        Whether the field's edge cuts it or touches it.
    place_um
        Its middle (x, y) on the slide, the same in whatever field it is seen.
    touches
        Name of the leukocyte whose outline touches its own; None for most. Where that one lies on it, its box is of
        what is left to be seen.
    """

    name: str
    cls: CellClass
    centre_xy_px: tuple[float, float]
    box_xywh_px: tuple[int, int, int, int]
    at_edge: bool
    place_um: tuple[float, float] = (0.0, 0.0)
    touches: str | None = None


@dataclass(frozen=True, slots=True)
class TrueThing:
    """The truth about something in a field that is no leukocyte to be counted.

    Attributes
    ----------
    name
        Its name on the slide, the same in whatever field it is seen.
    kind
        What it is: ``smudge``, ``erythroblast``, ``platelet_clump``, ``giant_platelet`` or ``precipitate``.
    centre_xy_px, box_xywh_px, at_edge, place_um
        As those of a `TrueCell`.
    """

    name: str
    kind: ThingKind
    centre_xy_px: tuple[float, float]
    box_xywh_px: tuple[int, int, int, int]
    at_edge: bool
    place_um: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Field:
    """One picture of the slide.

    Attributes
    ----------
    index
        Its number along the route, from 0.
    x_um, y_um
        Where the upper left corner of the picture lies on the slide.
    um_per_px
        Its nominal scale, the only one that a reader of the file knows; the true one is that times the view's scale.
    bgr
        uint8 [height, width, 3].
    cells
        The truth about its leukocytes.
    blurred
        Whether it was taken clearly out of focus.
    view
        Its middle on the slide, how it is turned, its relative scale and which field it goes on from.
    moved_um
        How far (x, y in the picture) the slide moved while it was taken; 0, 0 where it stood still.
    others
        The truth about what else might be taken for a leukocyte.
    """

    index: int
    x_um: float
    y_um: float
    um_per_px: float
    bgr: Image
    cells: tuple[TrueCell, ...]
    blurred: bool
    view: View
    moved_um: tuple[float, float] = (0.0, 0.0)
    others: tuple[TrueThing, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the slide moved while it was taken."""
        return self.moved_um != (0.0, 0.0)


def true_cell(
    placed: PlacedLeukocyte,
    sides_px: Sides,
    size_px: tuple[int, int],
    place_um: tuple[float, float] | None = None,
) -> TrueCell | None:
    """Return the truth about a cell whose uncut box is known.

    Parameters
    ----------
    placed
        The leukocyte.
    sides_px
        Left, top, right and bottom of its box, which may lie outside the field.
    size_px
        Width and height of the field.
    place_um
        Where its middle was drawn, to a pixel; the leukocyte's own place where None.

    Returns
    -------
    TrueCell or None
        None where the box does not reach into the field.
    """
    seen = _cut(sides_px, size_px)
    if seen is None:
        return None
    place = (placed.x_um, placed.y_um) if place_um is None else place_um
    return TrueCell(placed.name, placed.cls, *seen, place, placed.touches)


def true_thing(
    placed: PlacedThing, sides_px: Sides, size_px: tuple[int, int], place_um: tuple[float, float]
) -> TrueThing | None:
    """Return the truth about a thing as `true_cell` does about a leukocyte."""
    seen = _cut(sides_px, size_px)
    return None if seen is None else TrueThing(placed.name, placed.kind, *seen, place_um)


def _cut(
    sides_px: Sides, size_px: tuple[int, int]
) -> tuple[tuple[float, float], tuple[int, int, int, int], bool] | None:
    """Cut a box to the field: middle, box, and whether the edge cuts or touches it; None where it lies outside."""
    x0, y0 = max(round(sides_px[0]), 0), max(round(sides_px[1]), 0)
    x1, y1 = min(round(sides_px[2]), size_px[0]), min(round(sides_px[3]), size_px[1])
    if x1 <= x0 or y1 <= y0:
        return None
    at_edge = sides_px[0] < 1 or sides_px[1] < 1 or sides_px[2] > size_px[0] - 1 or sides_px[3] > size_px[1] - 1
    return ((x0 + x1) / 2, (y0 + y1) / 2), (x0, y0, x1 - x0, y1 - y0), at_edge
