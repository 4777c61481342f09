"""Lay on a canvas what lies there on the slide: red cells, platelets, leukocytes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from smearwatch.capture.slide.background import RED_CELL_DIAMETER_UM, add_patch, render_platelet, render_red_cell
from smearwatch.capture.slide.canvas import Canvas, turned
from smearwatch.capture.slide.cells import RenderedCell, lay_cell, render_cell
from smearwatch.capture.slide.plane import PlacedLeukocyte, Places, Plane
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.view import Frame

Floats = npt.NDArray[np.float32]

_RED_CELL_LOOKS, _PLATELET_LOOKS = 48, 16
_CELL_REACH_UM = 12.5  # from a leukocyte's middle to the corner of its patch
_CLEAR_OF_RED_UM = 8.6  # red cells keep off a leukocyte's middle; those a little farther are pushed against it


@dataclass(frozen=True, slots=True)
class Laid:
    """A leukocyte as it lies on a canvas, its patch's middle at a pixel."""

    placed: PlacedLeukocyte
    cell: RenderedCell
    x_px: int
    y_px: int

    @property
    def corner_px(self) -> tuple[int, int]:
        """The patch's upper left pixel (x, y) on the canvas."""
        height, width = self.cell.cover.shape
        return self.x_px - width // 2, self.y_px - height // 2

    def seen_by(self, canvas: Canvas, frame: Frame) -> tuple[int, int, npt.NDArray[np.uint8]]:
        """Give the whole cell as a frame shows it.

        Returns
        -------
        tuple
            Upper left pixel (x, y) in the frame, which may lie outside it, and uint8 [height, width]: 1 where at least
            half of the pixel is covered by the cell. The mask is uncut, also where the cell reaches out of the frame.
        """
        height, width = self.cell.cover.shape
        corners = [(x, y) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)]
        left, top = self.corner_px
        around = frame.to_px([canvas.place_um(left + x, top + y) for x, y in corners])
        low, high = np.floor(around.min(axis=0)).astype(int), np.ceil(around.max(axis=0)).astype(int)
        matrix = canvas.seen_by(frame, self.corner_px)
        matrix[:, 2] += matrix[:, :2] @ low
        cover = turned(self.cell.cover, matrix, *(int(v) for v in high - low))
        return int(low[0]), int(low[1]), (cover > 0.5).astype(np.uint8)


class Painter:
    """Paints any part of a slide.

    Parameters
    ----------
    seed
        Seed of the slide.
    plane
        Where everything lies.
    stain
        Densities of the substances.
    rim
        0-1: how much red cells' edges stand out.
    um_per_px
        Scale that is drawn at.
    cells_kept
        How many drawn leukocytes are kept, for fields that show them again.
    """

    def __init__(self, seed: int, plane: Plane, stain: Stain, *, rim: float, um_per_px: float, cells_kept: int) -> None:
        self._seed, self._plane, self._stain, self._rim = seed, plane, stain, rim
        self._um_per_px = um_per_px
        self._red_looks = [self._draw_red_cell(look) for look in range(_RED_CELL_LOOKS)]
        self._platelet_looks = [self._draw_platelet(look) for look in range(_PLATELET_LOOKS)]
        self._rendered = lru_cache(maxsize=cells_kept)(self._render)

    def paint(self, canvas: Canvas) -> list[Laid]:
        """Paint everything on an empty canvas and tell which leukocytes lie there, from top to bottom."""
        placed = self._plane.leukocytes(canvas.window.grown(_CELL_REACH_UM))
        middles = np.array([(cell.x_um, cell.y_um) for cell in placed]).reshape(-1, 2)
        red = self._plane.red_cells(canvas.window.grown(RED_CELL_DIAMETER_UM))
        self._strew(canvas, _off(red, middles, _CLEAR_OF_RED_UM), self._red_looks)
        specks = self._plane.platelets(canvas.window.grown(3.0))
        self._strew(canvas, _off(specks, middles, _CLEAR_OF_RED_UM), self._platelet_looks)
        laid = [Laid(cell, self._rendered(cell), *canvas.pixel(cell.x_um, cell.y_um)) for cell in placed]
        for one in laid:
            lay_cell(canvas.od_bgr, one.cell, one.x_px, one.y_px)
        return laid

    def _strew(self, canvas: Canvas, places: Places, looks: list[Floats]) -> None:
        """Add one of the looks, turned one of eight ways, at each place."""
        for x_um, y_um, draw in places:
            look, turn = divmod(int(draw * len(looks) * 8), 8)
            patch = looks[look]
            patch = patch[::-1] if turn & 1 else patch
            patch = patch[:, ::-1] if turn & 2 else patch
            patch = patch.swapaxes(0, 1) if turn & 4 else patch
            add_patch(canvas.od_bgr, patch, *canvas.pixel(x_um, y_um))

    def _render(self, placed: PlacedLeukocyte) -> RenderedCell:
        rng = np.random.default_rng(placed.seed)
        return render_cell(placed.cls, rng, um_per_px=self._um_per_px, stain=self._stain)

    def _draw_red_cell(self, look: int) -> Floats:
        rng = np.random.default_rng([self._seed, look, 12])
        diameter = float(np.clip(rng.normal(RED_CELL_DIAMETER_UM, 0.33), 6.4, 8.6))
        return render_red_cell(rng, um_per_px=self._um_per_px, stain=self._stain, diameter_um=diameter, rim=self._rim)

    def _draw_platelet(self, look: int) -> Floats:
        rng = np.random.default_rng([self._seed, look, 13])
        return render_platelet(rng, um_per_px=self._um_per_px, stain=self._stain)


def _off(places: Places, middles: Places, clear_um: float) -> Places:
    """Drop the places [n, 3: x, y, look] that lie on a leukocyte."""
    if len(middles) == 0 or len(places) == 0:
        return places
    apart = np.hypot(*(places[:, None, :2] - middles[None, :, :]).transpose(2, 0, 1))
    return np.asarray(places[apart.min(axis=1) > clear_um], dtype=np.float64)
