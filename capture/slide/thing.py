"""A thing that is no leukocyte to be counted: its kinds, and the patch that it is drawn as."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from smearwatch.capture.arrays import Floats

ThingKind: TypeAlias = Literal["smudge", "erythroblast", "platelet_clump", "giant_platelet", "precipitate"]
"""Name of a kind of thing that is no leukocyte to be counted."""

THING_KINDS: tuple[ThingKind, ...] = ("smudge", "erythroblast", "platelet_clump", "giant_platelet", "precipitate")
"""The kinds in their fixed order."""

REACH_UM: dict[ThingKind, float] = {
    "smudge": 17.0,
    "erythroblast": 6.5,
    "platelet_clump": 14.0,
    "giant_platelet": 6.5,
    "precipitate": 14.0,
}
"""From a thing's middle to the farthest that it can reach."""


@dataclass(frozen=True, slots=True)
class RenderedThing:
    """A thing as a patch to lay into a field.

    Attributes
    ----------
    od_bgr
        float32 [side, side, 3], optical density.
    cover
        float32 [side, side], 0-1: what it hides of others below it.
    extent
        float32 [side, side], 1 where it lies and 0 where not; its box is that of all above a half.
    """

    od_bgr: Floats
    cover: Floats
    extent: Floats


def axes(reach_um: float, um_per_px: float) -> tuple[Floats, Floats]:
    """Return x and y in um, float32 [1, side] and [side, 1], of a patch that reaches so far."""
    half = int(np.ceil(reach_um / um_per_px))
    axis = np.arange(-half, half + 1, dtype=np.float32) * np.float32(um_per_px)
    return axis[None, :], axis[:, None]
