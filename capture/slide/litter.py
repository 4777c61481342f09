"""How much of what is no plain leukocyte lies on the slide, and where."""

from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import product
from typing import Self

import numpy as np

from smearwatch.capture.slide.limits import check
from smearwatch.capture.slide.plane import TILE_UM, PlacedLeukocyte, Window
from smearwatch.capture.slide.thing import THING_KINDS, ThingKind

_OFFSET = 1 << 31
_TILES_KEPT = 512
_CLEAR_OF_LEUKOCYTES_UM: dict[ThingKind, float] = {
    "smudge": 15.0,
    "erythroblast": 12.5,
    "platelet_clump": 13.0,
    "giant_platelet": 11.0,
    "precipitate": 0.0,  # falls on everything
}
_DENSITY_OF: dict[ThingKind, str] = {
    "smudge": "smudges_per_mm2",
    "erythroblast": "erythroblasts_per_mm2",
    "platelet_clump": "platelet_clumps_per_mm2",
    "giant_platelet": "giant_platelets_per_mm2",
    "precipitate": "precipitate_per_mm2",
}
FARTHEST_CLEARANCE_UM = max(_CLEAR_OF_LEUKOCYTES_UM.values())


@dataclass(frozen=True, slots=True)
class Litter:
    """What makes a slide hard; by default nothing.

    Attributes
    ----------
    pairs
        Share of leukocytes, 0 to 0.5, that get a second one at their side, outlines touching or overlapping by less
        than 1 um; those with no room for it get none.
    smudges_per_mm2, erythroblasts_per_mm2, platelet_clumps_per_mm2, giant_platelets_per_mm2, precipitate_per_mm2
        Densities, 0 to 500, of burst cells' bare nuclei, nucleated red cells, heaps of platelets, platelets as large
        as red cells, and spots of fallen-out dye. Those but dye that would lie on a leukocyte are left out.

    Raises
    ------
    SlideError
        If a value is outside its limits.
    """

    pairs: float = 0.0
    smudges_per_mm2: float = 0.0
    erythroblasts_per_mm2: float = 0.0
    platelet_clumps_per_mm2: float = 0.0
    giant_platelets_per_mm2: float = 0.0
    precipitate_per_mm2: float = 0.0

    def __post_init__(self) -> None:
        check("a slide", ((f.name, getattr(self, f.name), 0, 0.5 if f.name == "pairs" else 500) for f in fields(self)))

    @classmethod
    def hard(cls) -> Self:
        """Return a realistic amount of everything, as on a slide that a person would still count.

        To 100 leukocytes (at the slide's default density) about 12 pairs, 8 smudges, 6 nucleated red cells.
        """
        return cls(
            pairs=0.12,
            smudges_per_mm2=26.0,
            erythroblasts_per_mm2=18.0,
            platelet_clumps_per_mm2=30.0,
            giant_platelets_per_mm2=50.0,
            precipitate_per_mm2=90.0,
        )

    @classmethod
    def only(cls, kind: ThingKind, per_mm2: float) -> Self:
        """Return things of one kind and nothing else."""
        return cls(**{_DENSITY_OF[kind]: per_mm2})

    def density_per_mm2(self, kind: ThingKind) -> float:
        """Return the density of a kind of things."""
        density_per_mm2: float = getattr(self, _DENSITY_OF[kind])
        return density_per_mm2

    @property
    def lies_about(self) -> bool:
        """Whether there is anything but leukocytes in pairs."""
        return any(self.density_per_mm2(kind) > 0.0 for kind in THING_KINDS)


@dataclass(frozen=True, slots=True)
class PlacedThing:
    """A thing on the plane.

    Attributes
    ----------
    name
        Its name on the slide, the same in whatever field it is seen.
    kind
        Its kind.
    x_um, y_um
        Its middle.
    seed
        What its picture is drawn from.
    """

    name: str
    kind: ThingKind
    x_um: float
    y_um: float
    seed: tuple[int, ...]


class LitteredPlane:
    """Where things lie: tile by tile like the rest of the slide, each kind on its own."""

    def __init__(self, seed: int, litter: Litter) -> None:
        self._seed, self._litter = seed, litter
        self._tile = lru_cache(maxsize=_TILES_KEPT)(self._lay_out)

    def things(self, window: Window, leukocytes: list[PlacedLeukocyte]) -> list[PlacedThing]:
        """Return the things whose middle lies in a window, kind after kind.

        Parameters
        ----------
        window
            The window.
        leukocytes
            At least all that lie within `FARTHEST_CLEARANCE_UM` of the window.
        """
        if not self._litter.lies_about:
            return []
        columns = range(int(window.x_um // TILE_UM), int((window.x_um + window.width_um) // TILE_UM) + 1)
        rows = range(int(window.y_um // TILE_UM), int((window.y_um + window.height_um) // TILE_UM) + 1)
        found = [thing for row, column in product(rows, columns) for thing in self._tile(column, row)]
        middles = np.array([(cell.x_um, cell.y_um) for cell in leukocytes]).reshape(-1, 2)
        inside = [thing for thing in found if window.holds(np.array([[thing.x_um, thing.y_um]]))[0]]

        def is_clear(thing: PlacedThing) -> bool:
            apart = np.hypot(middles[:, 0] - thing.x_um, middles[:, 1] - thing.y_um)
            return bool((apart >= _CLEAR_OF_LEUKOCYTES_UM[thing.kind]).all())

        return sorted(filter(is_clear, inside), key=lambda thing: THING_KINDS.index(thing.kind))

    def _lay_out(self, column: int, row: int) -> tuple[PlacedThing, ...]:
        things: list[PlacedThing] = []
        for rank, kind in enumerate(THING_KINDS):
            density = self._litter.density_per_mm2(kind)
            if density <= 0.0:
                continue
            key = (self._seed, column + _OFFSET, row + _OFFSET, rank, 71)
            rng = np.random.default_rng(key)
            count = int(rng.poisson(density * 1e-6 * TILE_UM**2))
            places = (np.array([column, row]) + rng.random((count, 2))) * TILE_UM
            for number, (x_um, y_um) in enumerate(places):
                name = f"{kind}.{column}.{row}.{number}"
                things.append(PlacedThing(name, kind, float(x_um), float(y_um), (*key, number)))
        return tuple(things)
