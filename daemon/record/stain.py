"""The stain of a found cell, and the one that a session's cells together show, as the ledger records them.

Both are optical densities (natural logarithm) in blue, green and red: of the nucleus, and of the red cells around it.
Beside them stands the diameter of these red cells in um, by the scale in use: it tells how far that scale is off.
"""

from typing import Any, TypeAlias

from pydantic import SerializerFunctionWrapHandler, model_serializer
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Positive, without_none

DensityBgr: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True, config=STRICT)
class CellStain:
    """The stain of one cell; of the red cells around, None where too few are seen or, for their size, agree."""

    nucleus_bgr: DensityBgr
    red_cells_bgr: DensityBgr | None = None
    red_cell_um: Positive | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "red_cells_bgr", "red_cell_um")


@dataclass(frozen=True, slots=True, config=STRICT)
class SessionStain:
    """The stain of a session at one of its cells; ``red_cell_um`` is None while no cell's red cells were measured."""

    nucleus_bgr: DensityBgr
    red_cells_bgr: DensityBgr
    red_cell_um: Positive | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "red_cell_um")
