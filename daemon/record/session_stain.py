"""The session's stain at each cell: a pure fold over what was found, so that a replay and a restart give it again.

Networks are shown cells brought from the session's stain to the one that they learnt. One cell says little about the
stain, for nuclei differ with the class. The window is wide, since cells of one class may come one after the other.
"""

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import field
from itertools import islice
from statistics import median
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.events import Counted, Event, Found
from smearwatch.daemon.record.stain import CellStain, DensityBgr, SessionStain
from smearwatch.daemon.record.values import Count, Sha256

WINDOW: Final = 200
"""Cells looked back upon, the cell itself among them."""

_DECIMALS: Final = 4
_UM_DECIMALS: Final = 3


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid", defer_build=True))
class _State:
    window: list[CellStain] = field(default_factory=list)
    waiting: dict[Sha256, list[tuple[Count, SessionStain | None]]] = field(default_factory=dict)


_STATE: Final = TypeAdapter(_State)


class StainWindow:
    """The stains of the last cells that were found whole and are to be judged, in the order of finding."""

    def __init__(self, last: Iterable[CellStain] = ()) -> None:
        self._last: deque[CellStain] = deque(last, maxlen=WINDOW)

    def add(self, stain: CellStain | None) -> SessionStain | None:
        """Take in one cell, None where its stain was not measured; return the session's stain at it.

        That is None while no cell in the window has red cells around it.
        """
        if stain is not None:
            self._last.append(stain)
        return median_stain(self._last)

    @property
    def last(self) -> list[CellStain]:
        """The stains in the window, the newest last."""
        return [*self._last]

    def at(self, stain: CellStain) -> SessionStain | None:
        """Return what `add` would, and forget the cell."""
        return median_stain([*islice(self._last, max(0, len(self._last) - WINDOW + 1), None), stain])


class StainFold:
    """The session's stain at each cell that waits for its verdict.

    Apply a session's events in the ledger's order, each once. A frame's cells enter by their index when it is found, so
    their stains stand from then on, whoever judges them and when. Memory is bounded by the frames that are pending.
    """

    def __init__(self) -> None:
        self._window = StainWindow()
        self._waiting: dict[str, dict[int, SessionStain | None]] = {}

    def apply(self, event: Event) -> None:
        """Take one event into the fold; other kinds than found and counted change nothing."""
        if isinstance(event, Found):
            judged = sorted((cell for cell in event.cells if cell.is_judged), key=lambda cell: cell.index)
            if judged:
                self._waiting[event.frame] = {cell.index: self._window.add(cell.stain) for cell in judged}
        elif isinstance(event, Counted) and event.frame in self._waiting:
            waiting = self._waiting[event.frame]
            waiting.pop(event.index, None)
            if not waiting:
                del self._waiting[event.frame]

    def at(self, frame: str, index: int) -> SessionStain | None:
        """Return the session's stain at a cell that waits for its verdict, None where it is not known."""
        return self._waiting.get(frame, {}).get(index)

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        waiting = {frame: [*stains.items()] for frame, stains in self._waiting.items()}
        state: dict[str, Any] = _STATE.dump_python(_State(self._window.last, waiting), mode="json")
        return state

    @classmethod
    def restore(cls, snapshot: Any) -> "StainFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        state, fold = _STATE.validate_json(json.dumps(snapshot)), cls()
        fold._window = StainWindow(state.window)
        fold._waiting = {frame: dict(stains) for frame, stains in state.waiting.items()}
        return fold

    def __len__(self) -> int:
        """Count the cells that wait."""
        return sum(len(waiting) for waiting in self._waiting.values())


def median_stain(stains: Iterable[CellStain]) -> SessionStain | None:
    """Return the median of cells' stains, channel by channel, and of their red cells' size; None without red cells."""
    every = list(stains)
    red_cells = [each.red_cells_bgr for each in every if each.red_cells_bgr is not None]
    if not red_cells:
        return None
    sizes = [each.red_cell_um for each in every if each.red_cell_um is not None]
    return SessionStain(
        _median([each.nucleus_bgr for each in every]),
        _median(red_cells),
        round(median(sizes), _UM_DECIMALS) if sizes else None,
    )


def _median(densities: Sequence[DensityBgr]) -> DensityBgr:
    blue, green, red = (round(median(channel), _DECIMALS) for channel in zip(*densities, strict=True))
    return blue, green, red
