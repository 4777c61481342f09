"""The fields and cells of a session: where they lie, and under which name each cell was counted."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from smearwatch.capture.arrays import Floats
from smearwatch.capture.registration.signatures import ANGLES_DEG, Descriptor, DescriptorIndex
from smearwatch.capture.registration.similarity import Similarity

_BIN_UM = 40.0
_VIEWS_COMPARED = 6  # of one cell; more add nothing

_ALIKE_ENOUGH, _VIEWS_TRIED = 0.92, 3  # of one cell; the field that shows it most alike may show hardly anything else

CellKey = tuple[str, int]
"""Frame and index."""


@dataclass(frozen=True, slots=True)
class View:
    """A whole leukocyte in one field.

    Attributes
    ----------
    frame, index
        The field and its number there.
    middle_um
        Middle of its nucleus in the field, x + iy.
    counted_as
        The frame and index under which it is counted; its own where this is the first time.
    """

    frame: str
    index: int
    middle_um: complex
    counted_as: CellKey


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that was added.

    Attributes
    ----------
    component
        Index of the connected component that it belongs to: fields that are registered with each other, directly or by
        others between them. Ledger and wire call it an island.
    pose
        From the field's micrometres to those of its component.
    views
        Its whole leukocytes.
    """

    component: int
    pose: Similarity
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """An earlier view that looks like a cell, turned by so much."""

    view: View
    alike: float
    angle_deg: float


class Atlas:
    """Fields in the order in which they came, cells by descriptor and by position."""

    def __init__(self) -> None:
        self.fields: dict[str, KnownField] = {}
        self.components = 0
        self._descriptors = DescriptorIndex()
        self._views: list[View] = []
        self._compared: defaultdict[CellKey, int] = defaultdict(int)
        self._bins: defaultdict[tuple[int, int, int], list[View]] = defaultdict(list)

    def add(self, frame: str, field: KnownField, descriptors: Sequence[Descriptor]) -> None:
        """Add a field, with the descriptors of its views in their order."""
        self.fields[frame] = field
        self.components = max(self.components, field.component + 1)
        for view, seen in zip(field.views, descriptors, strict=True):
            self._bins[self._bin(field.component, field.pose.at(view.middle_um))].append(view)
            if self._compared[view.counted_as] < _VIEWS_COMPARED:
                self._compared[view.counted_as] += 1
                self._descriptors.add(seen)
                self._views.append(view)

    def latest(self, most: int) -> list[str]:
        """Return the frames that came last, the last first."""
        return list(self.fields)[-most:][::-1]

    def alike(self, turned: Sequence[Descriptor], *, least: float, most: int) -> list[list[Likeness]]:
        """Return the views most like each of some cells, of so many known cells at most, the most alike first."""
        if not turned or not self._views:
            return [[] for _ in turned]
        return [self._most_alike(alike, least, most) for alike in self._descriptors.alike(turned)]

    def _most_alike(self, alike: Floats, least: float, most: int) -> list[Likeness]:
        best = alike.max(axis=0)
        entries = np.flatnonzero(best >= least)
        views: Counter[CellKey] = Counter()
        found: list[Likeness] = []
        for entry in entries[(-best[entries]).argsort(kind="stable")].tolist():
            view = self._views[entry]
            if len(views) == most and view.counted_as not in views:
                break
            views[view.counted_as] += 1
            if views[view.counted_as] == 1 or (best[entry] >= _ALIKE_ENOUGH and views[view.counted_as] <= _VIEWS_TRIED):
                angle_deg = ANGLES_DEG[int(alike[:, entry].argmax())]
                found.append(Likeness(view, float(best[entry]), angle_deg))
        return found

    def near(self, component: int, position_um: complex, within_um: float) -> list[View]:
        """Return the views of cells near a position in a component, the nearest first."""
        found = [
            (abs(self._position(view) - position_um), number, view)
            for number, view in enumerate(self._in_bins(component, position_um, within_um))
        ]
        return [view for apart, _, view in sorted(found, key=lambda entry: entry[:2]) if apart <= within_um]

    def _position(self, view: View) -> complex:
        return self.fields[view.frame].pose.at(view.middle_um)

    def _in_bins(self, component: int, position_um: complex, within_um: float) -> Iterator[View]:
        reach = complex(within_um, within_um)
        _, left, top = self._bin(component, position_um - reach)
        _, right, bottom = self._bin(component, position_um + reach)
        for column in range(left, right + 1):
            for row in range(top, bottom + 1):
                yield from self._bins.get((component, column, row), ())

    @staticmethod
    def _bin(component: int, position_um: complex) -> tuple[int, int, int]:
        return component, int(position_um.real // _BIN_UM), int(position_um.imag // _BIN_UM)
