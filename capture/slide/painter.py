"""Lay on a canvas what lies there on the slide: red cells, platelets, leukocytes and whatever else."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from smearwatch.capture.arrays import Doubles, Floats
from smearwatch.capture.slide.background import (
    RED_CELL_DIAMETER_UM,
    add_patch,
    overlap,
    render_platelet,
    render_red_cell,
)
from smearwatch.capture.slide.canvas import Canvas
from smearwatch.capture.slide.cells import RenderedCell, lay_cell, render_cell
from smearwatch.capture.slide.litter import FARTHEST_CLEARANCE_UM, Litter, LitteredPlane, PlacedThing
from smearwatch.capture.slide.pairs import Pairs
from smearwatch.capture.slide.plane import PlacedLeukocyte, Plane
from smearwatch.capture.slide.sight import Lying
from smearwatch.capture.slide.stain import CellClass, Stain
from smearwatch.capture.slide.thing import REACH_UM, RenderedThing, ThingKind
from smearwatch.capture.slide.things import render_thing

_RED_CELL_VARIANTS, _PLATELET_VARIANTS = 48, 16
_CELL_REACH_UM = 12.5  # from a leukocyte's middle to the corner of its patch
_CLEAR_OF_RED_UM = 8.6  # red cells keep off a leukocyte's middle; those a little farther are pushed against it
_THING_CLEAR_OF_RED_UM: dict[ThingKind, float] = {
    "smudge": 7.0,
    "erythroblast": 7.8,
    "platelet_clump": 6.0,
    "giant_platelet": 6.0,
    "precipitate": 0.0,
}


@dataclass(frozen=True, slots=True)
class LaidCell:
    """A leukocyte on a canvas; where another lies on it, its extent ends."""

    placed: PlacedLeukocyte
    rendered: RenderedCell
    lying: Lying


@dataclass(frozen=True, slots=True)
class LaidThing:
    """Anything else on a canvas."""

    placed: PlacedThing
    rendered: RenderedThing
    lying: Lying


@dataclass(frozen=True, slots=True)
class Scene:
    """All on a canvas that has a name, from the lowest to the topmost."""

    cells: tuple[LaidCell, ...]
    things: tuple[LaidThing, ...]


class Painter:
    """Paints any part of a slide.

    Parameters
    ----------
    seed
        Seed of the slide.
    plane
        Where leukocytes, red cells and platelets lie.
    stain
        Densities of the substances.
    litter
        What lies there besides.
    rim
        0-1: how much red cells' edges stand out.
    um_per_px
        Scale that is drawn at.
    cells_kept
        How many drawn leukocytes are kept, for fields that show them again.
    """

    def __init__(
        self,
        seed: int,
        plane: Plane,
        stain: Stain,
        litter: Litter,
        *,
        rim: float,
        um_per_px: float,
        cells_kept: int,
    ) -> None:
        self._seed, self._plane, self._stain, self._rim = seed, plane, stain, rim
        self._um_per_px = um_per_px
        self._red_cell_variants = [self._draw_red_cell(variant) for variant in range(_RED_CELL_VARIANTS)]
        self._platelet_variants = [self._draw_platelet(variant) for variant in range(_PLATELET_VARIANTS)]
        self._drawn_cell = lru_cache(maxsize=cells_kept)(self._draw_cell)
        self._drawn_thing = lru_cache(maxsize=cells_kept)(self._draw_thing)
        self._pairs = Pairs(
            plane, litter.pairs, lambda cell: self._drawn_cell(cell.cls, cell.seed), um_per_px=um_per_px
        )
        self._littered = LitteredPlane(seed, litter) if litter.lies_about else None

    def scene(self, canvas: Canvas) -> Scene:
        """Return what lies on a canvas and where, without painting it."""
        placed = self._pairs.leukocytes(canvas.window.grown(_CELL_REACH_UM))
        laid: list[LaidCell] = []
        for cell in placed:
            rendered = self._drawn_cell(cell.cls, cell.seed)
            lying = Lying(rendered.cover, *canvas.pixel(cell.x_um, cell.y_um))
            if laid and laid[-1].placed.touches == cell.name:
                below = laid.pop()
                laid.append(LaidCell(below.placed, below.rendered, _hide(below.lying, lying)))
            laid.append(LaidCell(cell, rendered, lying))
        return Scene(tuple(laid), tuple(self._things(canvas)))

    def paint(self, canvas: Canvas, scene: Scene) -> None:
        """Paint everything on an empty canvas."""
        clear = [(cell.placed.x_um, cell.placed.y_um, _CLEAR_OF_RED_UM) for cell in scene.cells]
        clear += [(t.placed.x_um, t.placed.y_um, _THING_CLEAR_OF_RED_UM[t.placed.kind]) for t in scene.things]
        red = self._plane.red_cells(canvas.window.grown(RED_CELL_DIAMETER_UM))
        self._strew(canvas, _drop_near(red, clear), self._red_cell_variants)
        specks = self._plane.platelets(canvas.window.grown(3.0))
        self._strew(canvas, _drop_near(specks, clear), self._platelet_variants)
        _lay(canvas, (thing for thing in scene.things if thing.placed.kind != "precipitate"))
        for cell in scene.cells:
            lay_cell(canvas.od_bgr, cell.rendered, cell.lying.x_px, cell.lying.y_px)
        # Dye falls on the finished smear.
        _lay(canvas, (thing for thing in scene.things if thing.placed.kind == "precipitate"))

    def _things(self, canvas: Canvas) -> Iterable[LaidThing]:
        if self._littered is None:
            return
        window = canvas.window.grown(max(REACH_UM.values()))
        leukocytes = self._pairs.leukocytes(window.grown(FARTHEST_CLEARANCE_UM))
        for placed in self._littered.things(window, leukocytes):
            rendered = self._drawn_thing(placed.kind, placed.seed)
            yield LaidThing(placed, rendered, Lying(rendered.extent, *canvas.pixel(placed.x_um, placed.y_um)))

    def _strew(self, canvas: Canvas, places: Doubles, variants: list[Floats]) -> None:
        """Add one of the variants, in one of eight orientations, at each point."""
        for x_um, y_um, draw in places:
            variant, turn = divmod(int(draw * len(variants) * 8), 8)
            patch = variants[variant]
            patch = patch[::-1] if turn & 1 else patch
            patch = patch[:, ::-1] if turn & 2 else patch
            patch = patch.swapaxes(0, 1) if turn & 4 else patch
            add_patch(canvas.od_bgr, patch, *canvas.pixel(x_um, y_um))

    def _draw_cell(self, cls: CellClass, seed: tuple[int, ...]) -> RenderedCell:
        return render_cell(cls, np.random.default_rng(seed), um_per_px=self._um_per_px, stain=self._stain)

    def _draw_thing(self, kind: ThingKind, seed: tuple[int, ...]) -> RenderedThing:
        return render_thing(kind, np.random.default_rng(seed), um_per_px=self._um_per_px, stain=self._stain)

    def _draw_red_cell(self, variant: int) -> Floats:
        rng = np.random.default_rng([self._seed, variant, 12])
        diameter = float(np.clip(rng.normal(RED_CELL_DIAMETER_UM, 0.33), 6.4, 8.6))
        patch = render_red_cell(rng, um_per_px=self._um_per_px, stain=self._stain, diameter_um=diameter, rim=self._rim)
        return _trim(patch)

    def _draw_platelet(self, variant: int) -> Floats:
        rng = np.random.default_rng([self._seed, variant, 13])
        return _trim(render_platelet(rng, um_per_px=self._um_per_px, stain=self._stain))


def _trim(patch: Floats) -> Floats:
    """Cut off the empty rows and columns around a patch, the same number on all sides, so that its middle stays."""
    rows, cols = np.nonzero(patch.any(axis=2))
    middle = patch.shape[0] // 2
    reach = int(np.abs(np.concatenate([rows, cols]) - middle).max(initial=0))
    inner = slice(middle - reach, middle + reach + 1)
    return np.ascontiguousarray(patch[inner, inner])


def _lay(canvas: Canvas, things: Iterable[LaidThing]) -> None:
    """Lay things on a canvas; each hides a part of what lies below it, and adds its own density."""
    for thing in things:
        patch = thing.rendered
        target, source = overlap(canvas.od_bgr.shape, patch.cover.shape, thing.lying.x_px, thing.lying.y_px)
        canvas.od_bgr[target] *= 1.0 - patch.cover[source][:, :, None]
        canvas.od_bgr[target] += patch.od_bgr[source]


def _hide(below: Lying, above: Lying) -> Lying:
    """Take from the extent of what lies below what another one on it hides."""
    middle = below.extent.shape[0] // 2
    x, y = above.x_px - below.x_px + middle, above.y_px - below.y_px + middle
    target, source = overlap(below.extent.shape, above.extent.shape, x, y)
    extent = below.extent.copy()
    extent[target] *= 1.0 - (above.extent[source] > 0.5)
    return Lying(extent, below.x_px, below.y_px)


def _drop_near(places: Doubles, clear: list[tuple[float, float, float]]) -> Doubles:
    """Drop the points [n, 3: x, y, variant] that are too near to something: x, y and the distance to keep, in um."""
    if len(clear) == 0 or len(places) == 0:
        return places
    middles = np.array(clear)
    apart = np.hypot(*(places[:, None, :2] - middles[None, :, :2]).transpose(2, 0, 1))
    return np.asarray(places[(apart > middles[None, :, 2]).all(axis=1)], dtype=np.float64)
