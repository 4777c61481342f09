"""Tell red cells from nuclei by the field's own red cells: by their stain, their hue, and the blue light they absorb.

Where the stain turns red cells violet, or they lie on each other, they are as strongly stained as a pale nucleus. But
haemoglobin absorbs blue light, which azure and eosin let pass: blue by green density is mostly 0.4 to 1 in red cells
of the real fields that were measured, and 0.35 at most in their nuclei (0.45 in drawn ones). In grey shadows it is
about 0.9. Fields whose red cells hardly absorb blue occur (one of Chula's slides): there nothing is left out by it.
"""

from dataclasses import dataclass

import numpy as np

from smearwatch.capture.arrays import Floats, Labels, PixelPoints
from smearwatch.capture.vision.stain import StainMaps

_ABSORBING = 0.12  # green optical density of what is no empty background; most of it is red cells
_WEAK = 0.55  # mean stain that several red cells on each other may reach
_BEYOND_RED_CELLS = 1.04  # hue of nuclei by that of red cells
_NUCLEI_BLUE = 0.40  # blue by green density that nuclei do not exceed, with room for a camera of other colours
_LIKE_RED_CELLS = 0.75  # of their blue; nuclei were seen to reach 0.66
_SURELY_NOT_RED = 0.5
_TOO_DARK = 1.3  # green optical density where blue by green tells nothing any more


@dataclass(frozen=True, slots=True)
class RedCells:
    """What the red cells of one field look like; all 0 where nothing absorbs light.

    Attributes
    ----------
    stain
        Their nuclear stain: about 0, well above where the stain turns them violet.
    hue
        Nuclear stain by green density, lower quartile: leukocytes, and red cells with something on them, lie above.
    blue
        Blue by green density, upper quartile: leukocytes lie below.
    """

    stain: float
    hue: float
    blue: float

    @property
    def surely_not_theirs(self) -> float:
        """Blue by green density below which nothing is of red cells."""
        return _SURELY_NOT_RED * self.blue


def measure_red_cells(maps: StainMaps) -> RedCells:
    """Measure the red cells of a field: most of what absorbs light is theirs."""
    absorbed = maps.absorbed[::3, ::3]
    absorbing = absorbed > _ABSORBING
    if not absorbing.any():
        return RedCells(0.0, 0.0, 0.0)
    stain, green, blue = maps.nuclear[::3, ::3][absorbing], absorbed[absorbing], maps.blue[::3, ::3][absorbing]
    return RedCells(max(0.0, float(np.median(stain))), value_at(stain / green, 0.25), value_at(blue / green, 0.75))


def leave_out_red_cells(labels: Labels, stats: Labels, maps: StainMaps, red_cells: RedCells) -> PixelPoints:
    """Leave out lobes that are red cells or shadows: however many red cells overlap, their hue stays the same.

    Parameters
    ----------
    labels, stats
        int32 [h, w] and [n + 1, 5], see `smearwatch.capture.vision.lobes.label_components`.
    maps
        Stain maps of the field.
    red_cells
        What its red cells look like.

    Returns
    -------
    numpy.ndarray
        int32 [k], the labels of the others.
    """
    blue_share = max(_NUCLEI_BLUE, _LIKE_RED_CELLS * red_cells.blue)
    lobes = []
    for index in range(1, len(stats)):
        x, y, width, height, _ = (int(v) for v in stats[index])
        window = (slice(y, y + height), slice(x, x + width))
        own = labels[window] == index
        green, stain = maps.absorbed[window][own], maps.nuclear[window][own]
        if value_at(green, 0.5) < _TOO_DARK and value_at(maps.blue[window][own] - blue_share * green, 0.5) > 0.0:
            continue
        if stain.mean() >= _WEAK or value_at(stain - _BEYOND_RED_CELLS * red_cells.hue * green, 0.5) >= 0.0:
            lobes.append(index)
    return np.array(lobes, dtype=np.int32)


def value_at(values: Floats, share: float) -> float:
    """Return the value that so large a share lies below; a percentile without its overhead, for lobes are many."""
    index = min(int(len(values) * share), len(values) - 1)
    return float(np.partition(values, index)[index])
