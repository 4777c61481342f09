"""Where everything lies on the slide: an endless plane, laid out tile by tile when it is seen.

A tile's contents depend on the slide's seed and the tile's position alone, so any part of the plane can be drawn in
any order, again and again, and only a few tiles are ever kept. Cells keep their distance by a hard-core rule
(Matern's second): a candidate stays if none of its near neighbours comes before it in a random order.
"""

import itertools
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from smearwatch.capture.arrays import Doubles, Flags
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.stain import CELL_CLASSES, CellClass

TILE_UM = 64.0
_TILES_KEPT = 256
_LEUKOCYTE_DISTANCE_UM = 20.0
_RED_CELL_DISTANCE_UM = 5.4
_LOOSE_SHARE = 0.15  # of the red cells lie on others
_OFFSET = 1 << 31  # seeds must not be negative, tiles' positions may


@dataclass(frozen=True, slots=True)
class PlacedLeukocyte:
    """A leukocyte on the plane.

    Attributes
    ----------
    name
        Its name on the slide, the same in whatever field it is seen.
    cls
        Its class.
    x_um, y_um
        Its middle.
    seed
        What its picture is drawn from.
    touches
        Name of the leukocyte at its side whose outline touches its own; None for most.
    """

    name: str
    cls: CellClass
    x_um: float
    y_um: float
    seed: tuple[int, ...]
    touches: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle on the plane, in micrometres."""

    x_um: float
    y_um: float
    width_um: float
    height_um: float

    def grown(self, margin_um: float) -> "Window":
        """Return the window with a margin on every side."""
        twice = 2.0 * margin_um
        return Window(self.x_um - margin_um, self.y_um - margin_um, self.width_um + twice, self.height_um + twice)

    def holds(self, places_um: Doubles) -> Flags:
        """Return which of the points float64 [n, 2] lie inside: bool [n]."""
        low = np.array([self.x_um, self.y_um])
        inside = (places_um >= low) & (places_um < low + np.array([self.width_um, self.height_um]))
        return np.asarray(inside.all(axis=1), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Tile:
    """Candidates of one tile: position, random order, kind draw, and the tile's own coordinates."""

    column: int
    row: int
    leukocytes: Doubles  # [n, 4]: x, y, order, class draw
    red_cells: Doubles  # [n, 4]: x, y, order, variant draw
    platelets: Doubles  # [n, 3]: x, y, variant draw


class Plane:
    """The slide's plane.

    Parameters
    ----------
    seed
        Seed of the slide.
    mix
        The differential.
    leukocytes_per_mm2
        Density; 260 gives about two whole ones in a field of 130 x 81 um. At most 600, or they could not keep apart.
    red_cells_per_mm2
        Density in the middle of the range that the slide wanders through.
    platelets_per_mm2
        Density of platelets.
    """

    def __init__(
        self,
        seed: int,
        mix: Mix,
        *,
        leukocytes_per_mm2: float = 260.0,
        red_cells_per_mm2: float = 12000.0,
        platelets_per_mm2: float = 800.0,
    ) -> None:
        self._seed = seed
        self._upper_shares = np.cumsum(mix.shares())
        self._leukocytes = _candidates_per_um2(leukocytes_per_mm2 * 1e-6, _LEUKOCYTE_DISTANCE_UM)
        self._red_cells = _candidates_per_um2(red_cells_per_mm2 * 1e-6, _RED_CELL_DISTANCE_UM)
        self._platelets = platelets_per_mm2 * 1e-6
        self._waves = np.random.default_rng([seed, 7]).uniform(0.0, 2.0 * np.pi, 4)
        self._tiles: OrderedDict[tuple[int, int], _Tile] = OrderedDict()

    def leukocytes(self, window: Window) -> list[PlacedLeukocyte]:
        """Return the leukocytes whose middle lies in a window, from top to bottom."""
        found: list[PlacedLeukocyte] = []
        tiles = self._around(window, _LEUKOCYTE_DISTANCE_UM)
        named = [(tile.column, tile.row, i) for tile in tiles for i in range(len(tile.leukocytes))]
        all_of = np.concatenate([tile.leukocytes for tile in tiles])
        stays = _keep_distance(all_of, _LEUKOCYTE_DISTANCE_UM) & window.holds(all_of[:, :2])
        for index in np.flatnonzero(stays):
            column, row, number = named[index]
            x, y, _, draw = (float(v) for v in all_of[index])
            seed = (self._seed, column + _OFFSET, row + _OFFSET, number, 1)
            found.append(PlacedLeukocyte(f"{column}.{row}.{number}", self.class_of(draw), x, y, seed))
        return sorted(found, key=lambda cell: (cell.y_um, cell.x_um))

    def class_of(self, draw: float) -> CellClass:
        """Return the class that a draw between 0 and 1 stands for, so that even draws give the mix."""
        rank = min(int(np.searchsorted(self._upper_shares, draw, side="right")), len(CELL_CLASSES) - 1)
        return CELL_CLASSES[rank]

    def red_cells(self, window: Window) -> Doubles:
        """Return the red cells in a window: float64 [n, 3] of x and y in um and a variant between 0 and 1."""
        all_of = np.concatenate([tile.red_cells for tile in self._around(window, _RED_CELL_DISTANCE_UM)])
        # The variant decides which may lie on others, so that the rest keeps an even distance.
        stays = _keep_distance(all_of, _RED_CELL_DISTANCE_UM) | (all_of[:, 3] < _LOOSE_SHARE * self._crowd(all_of))
        return np.asarray(all_of[stays & window.holds(all_of[:, :2])][:, [0, 1, 3]], dtype=np.float64)

    def platelets(self, window: Window) -> Doubles:
        """Return the platelets in a window: float64 [n, 3] of x and y in um and a variant between 0 and 1."""
        all_of = np.concatenate([tile.platelets for tile in self._around(window, 0.0)])
        return np.asarray(all_of[window.holds(all_of[:, :2])], dtype=np.float64)

    def _crowd(self, places: Doubles) -> Doubles:
        """Return how crowded the smear is at points, 0-1: slow waves, as a smear is thicker here and thinner there."""
        a, b, c, d = self._waves
        waves = np.sin(places[:, 0] / 310.0 + a) + np.sin(places[:, 1] / 270.0 + b)
        finer = np.sin((places[:, 0] + places[:, 1]) / 83.0 + c) + np.sin((places[:, 0] - places[:, 1]) / 97.0 + d)
        return np.asarray(np.clip(0.5 + 0.15 * waves + 0.12 * finer, 0.0, 1.0), dtype=np.float64)

    def _around(self, window: Window, reach_um: float) -> list[_Tile]:
        """Return every tile that holds something within reach of a window, in a fixed order."""
        wide = window.grown(reach_um)
        columns = range(int(wide.x_um // TILE_UM), int((wide.x_um + wide.width_um) // TILE_UM) + 1)
        rows = range(int(wide.y_um // TILE_UM), int((wide.y_um + wide.height_um) // TILE_UM) + 1)
        return [self._tile(column, row) for row, column in itertools.product(rows, columns)]

    def _tile(self, column: int, row: int) -> _Tile:
        """Lay out a tile, or take it from the few that are kept."""
        tile = self._tiles.pop((column, row), None) or self._lay_out(column, row)
        self._tiles[(column, row)] = tile
        if len(self._tiles) > _TILES_KEPT:
            self._tiles.popitem(last=False)
        return tile

    def _lay_out(self, column: int, row: int) -> _Tile:
        rng = np.random.default_rng([self._seed, column + _OFFSET, row + _OFFSET, 0])
        corner = np.array([column, row]) * TILE_UM

        def strew(per_um2: float, draws: int) -> Doubles:
            count = rng.poisson(per_um2 * TILE_UM**2)
            places = np.asarray(rng.random((count, 2 + draws)), dtype=np.float64)
            places[:, :2] = corner + places[:, :2] * TILE_UM
            return places

        leukocytes = strew(self._leukocytes, 2)
        red_cells, platelets = strew(self._red_cells, 2), strew(self._platelets, 1)
        # Where the smear is thin, some candidates are missing.
        present = rng.random(len(red_cells)) < 0.45 + 0.55 * self._crowd(red_cells)
        return _Tile(column, row, leukocytes, red_cells[present], platelets)


def _candidates_per_um2(wanted_per_um2: float, distance_um: float) -> float:
    """Return the density of candidates of which the hard-core rule leaves the wanted density."""
    core = np.pi * distance_um**2
    # At a share of 1 infinitely many candidates would be needed; 0.9 is dense enough for any smear.
    return float(-np.log(1.0 - min(wanted_per_um2 * core, 0.9)) / core)


def _keep_distance(places: Doubles, distance_um: float) -> Flags:
    """Return which candidates [n, 4: x, y, order, ...] have no near neighbour of smaller order: bool [n]."""
    stays = np.ones(len(places), np.bool_)
    if len(places) > 1:
        pairs = cKDTree(places[:, :2]).query_pairs(distance_um, output_type="ndarray")
        later = np.where(places[pairs[:, 0], 2] > places[pairs[:, 1], 2], pairs[:, 0], pairs[:, 1])
        stays[later] = False
    return stays
