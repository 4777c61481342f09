"""The simulated slide: fields along a path, each with the truth about its leukocytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.slide.background import RED_CELL_DIAMETER_UM, add_patch, render_platelet, render_red_cell
from smearwatch.capture.slide.cells import FINEST_UM_PER_PX, RenderedCell, lay_cell, render_cell
from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.optics import Optics, expose
from smearwatch.capture.slide.path import Drift, Path
from smearwatch.capture.slide.plane import PlacedLeukocyte, Places, Plane, Window
from smearwatch.capture.slide.stain import CellClass, Stain

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

COARSEST_UM_PER_PX, SMALLEST_UM_PER_PX = 0.13, 0.022
_LARGEST_SIDE_PX, _SMALLEST_SIDE_PX = 6000, 200
_RED_CELL_LOOKS, _PLATELET_LOOKS = 48, 16
_CELL_REACH_UM = 12.5  # from a leukocyte's middle to the corner of its patch
_CLEAR_OF_RED_UM = 8.6  # red cells keep off a leukocyte's middle; those a little farther are pushed against it


@dataclass(frozen=True, slots=True)
class TrueCell:
    """The truth about one leukocyte in a field.

    Attributes
    ----------
    name
        Its name on the slide.
    cls
        Its class.
    centre_xy_px
        Middle of its box.
    box_xywh_px
        Box of the whole cell, cut to the field.
    at_edge
        Whether the field's edge cuts it or touches it.
    """

    name: str
    cls: CellClass
    centre_xy_px: tuple[float, float]
    box_xywh_px: tuple[int, int, int, int]
    at_edge: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One picture of the slide.

    Attributes
    ----------
    index
        Its number along the path, from 0.
    x_um, y_um
        Its upper left corner on the slide.
    um_per_px
        Its scale.
    bgr
        uint8 [height, width, 3].
    cells
        The truth.
    blurred
        Whether it was taken clearly out of focus.
    """

    index: int
    x_um: float
    y_um: float
    um_per_px: float
    bgr: Image
    cells: tuple[TrueCell, ...]
    blurred: bool


class Slide:
    """A blood smear with known truth; the same arguments give the same pictures, byte for byte.

    Parameters
    ----------
    seed
        Seed of everything, 0 or more.
    um_per_px
        Scale, 0.022 to 0.13.
    width_px, height_px
        Size of a field, 200 to 6000.
    mix
        The differential; about a healthy adult's where None.
    leukocytes_per_mm2, red_cells_per_mm2
        Densities.
    stain, optics
        Drawn from the seed where None.
    variation
        How far the drawn stain and optics may lie from the default ones: 0 not at all, 1 as far as laboratories do.
    blurred_share
        Share of fields clearly out of focus.

    Raises
    ------
    SlideError
        If a value is outside its limits.
    """

    def __init__(
        self,
        seed: int,
        *,
        um_per_px: float = 0.09,
        width_px: int = 1440,
        height_px: int = 900,
        mix: Mix | None = None,
        leukocytes_per_mm2: float = 260.0,
        red_cells_per_mm2: float = 12000.0,
        stain: Stain | None = None,
        optics: Optics | None = None,
        variation: float = 0.5,
        blurred_share: float = 0.0,
    ) -> None:
        _check(seed, um_per_px, width_px, height_px, leukocytes_per_mm2, blurred_share)
        rng = np.random.default_rng([seed, 11])
        self.stain = Stain.draw(rng, variation=variation) if stain is None else stain
        base = Optics.draw(rng, variation=variation) if optics is None else optics
        self._rim = float(np.clip(variation * rng.normal(0.1, 0.25), 0.0, 0.8))
        self.um_per_px, self.width_px, self.height_px = um_per_px, width_px, height_px
        self._seed = seed
        self._drift = Drift(seed, base, variation, blurred_share)
        self._path = Path(width_px * um_per_px, height_px * um_per_px)
        self._plane = Plane(
            seed,
            Mix() if mix is None else mix,
            leukocytes_per_mm2=leukocytes_per_mm2,
            red_cells_per_mm2=red_cells_per_mm2,
        )
        # Fine scales are drawn coarser and enlarged: the eye of a 100x objective sees no more than that.
        self._drawn_um_per_px = max(um_per_px, FINEST_UM_PER_PX)
        self._red_looks = [self._draw_red_cell(look) for look in range(_RED_CELL_LOOKS)]
        self._platelet_looks = [self._draw_platelet(look) for look in range(_PLATELET_LOOKS)]
        self._rendered = lru_cache(maxsize=16)(self._render)

    def fields(self, start: int = 0) -> Iterator[Field]:
        """Give fields along the path from a number on, without end."""
        while True:
            yield self.field(start)
            start += 1

    def field(self, index: int) -> Field:
        """Photograph one field by its number; fields may be asked for in any order."""
        x_um, y_um = self._path.corner_um(index)
        window = Window(x_um, y_um, self.width_px * self.um_per_px, self.height_px * self.um_per_px)
        placed = self._plane.leukocytes(window.grown(_CELL_REACH_UM))
        od = self._background(window, placed)
        cells = [cell for leukocyte in placed if (cell := self._lay(od, window, leukocyte)) is not None]
        if od.shape[:2] != (self.height_px, self.width_px):
            grown = cv2.resize(od, (self.width_px, self.height_px), interpolation=cv2.INTER_CUBIC)
            od = np.asarray(np.maximum(grown, 0.0), dtype=np.float32)
        optics, blurred = self._drift.at(index)
        noise = np.random.default_rng([self._seed, index, 5])
        bgr = expose(od, optics, noise, um_per_px=self.um_per_px)
        return Field(index, x_um, y_um, self.um_per_px, bgr, tuple(cells), blurred)

    def _background(self, window: Window, placed: list[PlacedLeukocyte]) -> Floats:
        """Draw red cells and platelets: float32 [height, width, 3] at the scale that is drawn."""
        scale = self._drawn_um_per_px
        size = (round(window.height_um / scale), round(window.width_um / scale), 3)
        od = np.zeros(size, np.float32)
        middles = np.array([(cell.x_um, cell.y_um) for cell in placed]).reshape(-1, 2)
        red = self._plane.red_cells(window.grown(RED_CELL_DIAMETER_UM))
        self._strew(od, window, _off(red, middles, _CLEAR_OF_RED_UM), self._red_looks)
        specks = self._plane.platelets(window.grown(3.0))
        self._strew(od, window, _off(specks, middles, _CLEAR_OF_RED_UM), self._platelet_looks)
        return od

    def _strew(self, od: Floats, window: Window, places: Places, looks: list[Floats]) -> None:
        """Add one of the looks, turned one of eight ways, at each place."""
        for x_um, y_um, draw in places:
            look, turn = divmod(int(draw * len(looks) * 8), 8)
            patch = looks[look]
            patch = patch[::-1] if turn & 1 else patch
            patch = patch[:, ::-1] if turn & 2 else patch
            patch = patch.swapaxes(0, 1) if turn & 4 else patch
            x_px, y_px = self._pixel(window, x_um, y_um)
            add_patch(od, patch, x_px, y_px)

    def _lay(self, od: Floats, window: Window, placed: PlacedLeukocyte) -> TrueCell | None:
        """Lay a leukocyte into the field and tell the truth about it; None where it does not reach the field."""
        cell = self._rendered(placed)
        x_px, y_px = self._pixel(window, placed.x_um, placed.y_um)
        lay_cell(od, cell, x_px, y_px)
        left, top, width, height = cell.box_xywh_px
        grow_x, grow_y = self.width_px / od.shape[1], self.height_px / od.shape[0]
        x0 = (x_px - cell.cover.shape[1] // 2 + left) * grow_x
        y0 = (y_px - cell.cover.shape[0] // 2 + top) * grow_y
        return true_cell(placed, (x0, y0, x0 + width * grow_x, y0 + height * grow_y), (self.width_px, self.height_px))

    def _pixel(self, window: Window, x_um: float, y_um: float) -> tuple[int, int]:
        """Give the drawn pixel that holds a place on the slide."""
        scale = self._drawn_um_per_px
        return int((x_um - window.x_um) // scale), int((y_um - window.y_um) // scale)

    def _render(self, placed: PlacedLeukocyte) -> RenderedCell:
        rng = np.random.default_rng(placed.seed)
        return render_cell(placed.cls, rng, um_per_px=self._drawn_um_per_px, stain=self.stain)

    def _draw_red_cell(self, look: int) -> Floats:
        rng = np.random.default_rng([self._seed, look, 12])
        diameter = float(np.clip(rng.normal(RED_CELL_DIAMETER_UM, 0.33), 6.4, 8.6))
        return render_red_cell(
            rng, um_per_px=self._drawn_um_per_px, stain=self.stain, diameter_um=diameter, rim=self._rim
        )

    def _draw_platelet(self, look: int) -> Floats:
        rng = np.random.default_rng([self._seed, look, 13])
        return render_platelet(rng, um_per_px=self._drawn_um_per_px, stain=self.stain)


def true_cell(
    placed: PlacedLeukocyte, sides_px: tuple[float, float, float, float], size_px: tuple[int, int]
) -> TrueCell | None:
    """Tell the truth about a cell whose uncut box is known.

    Parameters
    ----------
    placed
        The leukocyte.
    sides_px
        Left, top, right and bottom of its box, which may lie outside the field.
    size_px
        Width and height of the field.

    Returns
    -------
    TrueCell or None
        None where the box does not reach into the field.
    """
    x0, y0 = max(round(sides_px[0]), 0), max(round(sides_px[1]), 0)
    x1, y1 = min(round(sides_px[2]), size_px[0]), min(round(sides_px[3]), size_px[1])
    if x1 <= x0 or y1 <= y0:
        return None
    at_edge = sides_px[0] < 1 or sides_px[1] < 1 or sides_px[2] > size_px[0] - 1 or sides_px[3] > size_px[1] - 1
    return TrueCell(placed.name, placed.cls, ((x0 + x1) / 2, (y0 + y1) / 2), (x0, y0, x1 - x0, y1 - y0), at_edge)


def _off(places: Places, middles: Places, clear_um: float) -> Places:
    """Drop the places [n, 3: x, y, look] that lie on a leukocyte."""
    if len(middles) == 0 or len(places) == 0:
        return places
    apart = np.hypot(*(places[:, None, :2] - middles[None, :, :]).transpose(2, 0, 1))
    return np.asarray(places[apart.min(axis=1) > clear_um], dtype=np.float64)


def _check(
    seed: int, um_per_px: float, width_px: int, height_px: int, leukocytes_per_mm2: float, blurred_share: float
) -> None:
    """Refuse values outside their limits, naming the value and the limits."""
    limits = (
        ("seed", seed, 0, 2**63 - 1),
        ("um_per_px", um_per_px, SMALLEST_UM_PER_PX, COARSEST_UM_PER_PX),
        ("width", width_px, _SMALLEST_SIDE_PX, _LARGEST_SIDE_PX),
        ("height", height_px, _SMALLEST_SIDE_PX, _LARGEST_SIDE_PX),
        ("leukocytes_per_mm2", leukocytes_per_mm2, 0, 600),
        ("blurred_share", blurred_share, 0, 1),
    )
    for name, value, low, high in limits:
        # Written so that a value that is not a number is refused, too.
        if not low <= value <= high:
            raise SlideError(f"a slide cannot have {name} {value}", mend=f"use {low} to {high}")
