"""The simulated slide: fields along a route, each with the truth about its leukocytes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from smearwatch.capture.arrays import DrawnLabels, Image
from smearwatch.capture.slide.camera import photograph
from smearwatch.capture.slide.canvas import Canvas
from smearwatch.capture.slide.cells import FINEST_UM_PER_PX
from smearwatch.capture.slide.degradations import Degradations
from smearwatch.capture.slide.freehand import Freehand, FreehandRoute
from smearwatch.capture.slide.limits import check
from smearwatch.capture.slide.litter import Litter
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.optics import Optics, expose
from smearwatch.capture.slide.painter import LaidCell, LaidThing, Painter, Scene
from smearwatch.capture.slide.path import Drift, Path
from smearwatch.capture.slide.plane import Plane, Window
from smearwatch.capture.slide.sight import Sight
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.truth import Field, TrueCell, TrueThing, true_cell, true_thing
from smearwatch.capture.slide.view import Frame, View

__all__ = ["Field", "Image", "Slide", "TrueCell", "TrueThing", "true_cell"]


COARSEST_UM_PER_PX, SMALLEST_UM_PER_PX = 0.13, 0.022
_LARGEST_SIDE_PX, _SMALLEST_SIDE_PX = 6000, 200
_CELLS_KEPT, _CELLS_KEPT_BY_HAND = 16, 64
_MARGIN_UM = 2.0  # around a turned field; what decides which red cells are there lies within it, too


class Slide:
    """A blood smear with known truth; the same arguments give the same pictures, byte for byte.

    Parameters
    ----------
    seed
        Seed of everything, 0 or more.
    um_per_px
        Nominal scale, 0.022 to 0.13.
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
    route
        How a hand goes over the slide, with turned, rescaled and overlapping fields; where None a meander of upright
        fields that do not overlap.
    degradations
        Movement, mild defocus and differing stain; none where None.
    litter
        Touching leukocytes, smudges, dirt and the like; none where None.

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
        route: Freehand | None = None,
        degradations: Degradations | None = None,
        litter: Litter | None = None,
    ) -> None:
        _check(seed, um_per_px, width_px, height_px, leukocytes_per_mm2, blurred_share)
        rng = np.random.default_rng([seed, 11])
        self.stain = Stain.draw(rng, variation=variation) if stain is None else stain
        base = Optics.draw(rng, variation=variation) if optics is None else optics
        rim = float(np.clip(variation * rng.normal(0.1, 0.25), 0.0, 0.8))
        self.um_per_px, self.width_px, self.height_px = um_per_px, width_px, height_px
        self._seed = seed
        self._drift = Drift(seed, base, variation, blurred_share)
        self._degradations = Degradations() if degradations is None else degradations
        width_um, height_um = width_px * um_per_px, height_px * um_per_px
        self._path = Path(width_um, height_um)
        self._route = None if route is None else FreehandRoute(seed, route, width_um, height_um)
        plane = Plane(
            seed,
            Mix() if mix is None else mix,
            leukocytes_per_mm2=leukocytes_per_mm2,
            red_cells_per_mm2=red_cells_per_mm2,
        )
        # Fine scales are drawn coarser and enlarged: the eye of a 100x objective sees no more than that.
        self._drawn_um_per_px = max(um_per_px, FINEST_UM_PER_PX)
        kept = _CELLS_KEPT if self._route is None else _CELLS_KEPT_BY_HAND
        self._painter = Painter(
            seed,
            plane,
            self.stain,
            Litter() if litter is None else litter,
            rim=rim,
            um_per_px=self._drawn_um_per_px,
            cells_kept=kept,
        )

    def fields(self, start: int = 0) -> Iterator[Field]:
        """Yield fields along the route from a number on, without end."""
        while True:
            yield self.field(start)
            start += 1

    def frame(self, index: int) -> Frame:
        """Return where a field lies on the slide, without drawing it: what takes pixels to um and back."""
        if self._route is not None:
            view = self._route.view(index)
        else:
            x_um, y_um = self._path.corner_um(index)
            view = View(x_um + self.width_px * self.um_per_px / 2, y_um + self.height_px * self.um_per_px / 2)
        return Frame(view, self.width_px, self.height_px, self.um_per_px)

    def field(self, index: int) -> Field:
        """Photograph one field by its number; fields may be asked for in any order."""
        sight = self._sight(index)
        scene = self._painter.scene(sight.canvas)
        self._painter.paint(sight.canvas, scene)
        optics, blurred = self._drift.at(index)
        moved_um = self._degradations.movement_um(self._seed, index)
        bgr = self._photograph(sight, index, optics, moved_um)
        x_um, y_um = (
            (sight.canvas.window.x_um, sight.canvas.window.y_um) if sight.upright else sight.frame.corners_um[0]
        )
        cells, others = _truth(sight, scene)
        view = sight.frame.view
        return Field(index, float(x_um), float(y_um), self.um_per_px, bgr, cells, blurred, view, moved_um, others)

    def labels(self, index: int) -> tuple[DrawnLabels, DrawnLabels]:
        """Return the masks of what a field shows, pixel by pixel.

        Returns
        -------
        tuple
            Two uint16 [height, width]: n at the pixels of the n-th of the field's cells (counted from 1) and 0
            elsewhere; the same for its other things.
        """
        sight = self._sight(index)
        scene = self._painter.scene(sight.canvas)
        cells, others = (np.zeros((self.height_px, self.width_px), np.uint16) for _ in range(2))
        shown = [one for one in scene.cells if _true_cell(sight, one) is not None]
        for number, one in enumerate(shown, start=1):
            sight.paint_label(cells, one.lying, number)
        things = [one for one in scene.things if _true_thing(sight, one) is not None]
        for number, thing in enumerate(things, start=1):
            sight.paint_label(others, thing.lying, number)
        return cells, others

    def _sight(self, index: int) -> Sight:
        """Return the view of an empty canvas for a field."""
        frame = self.frame(index)
        if self._route is not None:
            canvas = Canvas.on_the_grid(frame.covering(_MARGIN_UM), self._drawn_um_per_px)
            return Sight(canvas, frame, upright=False)
        x_um, y_um = self._path.corner_um(index)
        window = Window(x_um, y_um, self.width_px * self.um_per_px, self.height_px * self.um_per_px)
        return Sight(Canvas.of(window, self._drawn_um_per_px), frame, upright=True)

    def _photograph(self, sight: Sight, index: int, optics: Optics, moved_um: tuple[float, float]) -> Image:
        noise = np.random.default_rng([self._seed, index, 5])
        if sight.upright and self._degradations == Degradations():
            return expose(sight.picture(), optics, noise, um_per_px=self.um_per_px)
        # Blurs of independent origin add up by their squares.
        blur_um = float(np.hypot(optics.blur_um, self._degradations.defocus_um(self._seed, index)))
        view = sight.frame.view
        return photograph(
            sight.picture(),
            replace(optics, blur_um=blur_um),
            noise,
            um_per_px=sight.frame.true_um_per_px,
            moved_um=moved_um,
            stain_bgr=self._degradations.stain_at(self._seed, view.x_um, view.y_um),
        )


def _truth(sight: Sight, scene: Scene) -> tuple[tuple[TrueCell, ...], tuple[TrueThing, ...]]:
    """Return the truth about all that a field shows."""
    cells = [cell for one in scene.cells if (cell := _true_cell(sight, one)) is not None]
    others = [thing for one in scene.things if (thing := _true_thing(sight, one)) is not None]
    return tuple(cells), tuple(others)


def _true_cell(sight: Sight, one: LaidCell) -> TrueCell | None:
    place = sight.canvas.place_um(one.lying.x_px, one.lying.y_px)
    return true_cell(one.placed, sight.sides_px(one.lying), sight.size_px, place)


def _true_thing(sight: Sight, one: LaidThing) -> TrueThing | None:
    place = sight.canvas.place_um(one.lying.x_px, one.lying.y_px)
    return true_thing(one.placed, sight.sides_px(one.lying), sight.size_px, place)


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
    check("a slide", limits)
