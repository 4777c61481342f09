"""The stain of a found cell, and the one that a session's cells together show, as the ledger records them.

Both are optical densities (natural logarithm) in blue, green and red: of the nucleus, and of the red cells around it.
"""

from typing import Any, TypeAlias

from pydantic import SerializerFunctionWrapHandler, model_serializer
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, without_none

DensityBgr: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True, config=STRICT)
class CellStain:
    """The stain of one cell; ``red_cells_bgr`` is None where too few red cells are seen around it."""

    nucleus_bgr: DensityBgr
    red_cells_bgr: DensityBgr | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "red_cells_bgr")


@dataclass(frozen=True, slots=True, config=STRICT)
class SessionStain:
    """The stain of a session at one of its cells."""

    nucleus_bgr: DensityBgr
    red_cells_bgr: DensityBgr
