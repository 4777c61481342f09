"""What a session's cells show of a network's first layers: a pure fold over what was found and counted.

Weights may ask for it, see `smearwatch.models.session_statistics`: the worker measures each cell in the network as it
was trained, and the means over cells before are leased with the crops after. Cells stand in blocks in the order of
finding. A cell is leased with what the blocks before the last one show, once each cell of those is counted; so who
judges a cell, how many do, and what is leased again change nothing, and two blocks are always on their way.

The first cells have none or few before them. Once all of them are counted, they can be judged anew, each by what all
of them show.
"""

import json
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from smearwatch.daemon.record.events import Counted, Event, Found
from smearwatch.daemon.record.schema import RESTORE
from smearwatch.daemon.record.values import Count, digest_of
from smearwatch.daemon.record.views import CellKey

WINDOW: Final = 1024
"""Cells looked back upon, in whole blocks."""

FIRST: Final = 16
"""Cells of a session's beginning that are judged anew where it is strange; whole blocks too."""

_FIRST, _SMALL, _LARGE = 32, 8, 32  # the first cells stand in small blocks, so that a short session has its own too

FetchMoments = Callable[[str, int], bytes | None]


class MomentsLost(Exception):
    """What the ledger kept of a counted cell is not there any more, or was changed."""

    hint = RESTORE

    def __init__(self, frame: str, index: int) -> None:
        super().__init__(f"what the networks measured of cell {index} of frame {frame[:12]} is not what was recorded")


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """Means over the cells of a session before one of its cells.

    Attributes
    ----------
    weights
        Of the networks that the cells were measured in, SHA-256 (hex).
    cells, unfamiliar
        How many they were, and how many of them looked unlike what these weights were trained on.
    moments
        Mean and standard deviation of each channel: little-endian float32, all means first.
    """

    weights: str
    cells: int
    unfamiliar: int
    moments: bytes


@dataclass(frozen=True, slots=True)
class FirstCells:
    """The first cells of a session whose verdicts stand, in the order of finding, and what all of them show."""

    cells: tuple[CellKey, ...]
    statistics: SessionStatistics


@dataclass(slots=True)
class _Judged:
    """A counted cell of a block, by which its moments can be fetched."""

    key: CellKey
    weights: str
    unfamiliar: bool
    moments: str | None  # their digest; None where there are none, or it was rejected and says nothing of leukocytes


@checked(slots=True, config=ConfigDict(strict=True, extra="forbid", defer_build=True))
class _State:
    """What the fold remembers, but for sums that the ledger gives again."""

    found: Count
    done: Count
    asked: bool
    settled: bool
    places: list[tuple[CellKey, Count]]
    judged: list[tuple[Count, list[tuple[CellKey, str, bool, str | None]]]]
    first: list[tuple[CellKey, Count]]
    better: list[CellKey]


_STATE: Final = TypeAdapter(_State)


@dataclass(slots=True)
class _Sums:
    cells: int = 0
    unfamiliar: int = 0
    means: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)


class StatisticsFold:
    """The session's statistics at each cell that waits for its verdict.

    Apply a session's events in the ledger's order, each once. Memory is bounded by the cells looked back upon and those
    that wait.

    Parameters
    ----------
    fetch
        Returns a counted cell's moments as the ledger keeps them, None where it has none.
    """

    def __init__(self, fetch: FetchMoments) -> None:
        self._fetch = fetch
        self._places: dict[CellKey, int] = {}
        self._found = 0
        self._judged: dict[int, list[_Judged]] = {}
        self._done = 0  # blocks from the first on of which every cell is counted
        self._sums: dict[tuple[int, str], _Sums] = {}
        self._at: tuple[int, SessionStatistics | None] = (-1, None)
        self._asked = True  # as long as no cell is counted, the weights may measure
        self._first: dict[CellKey, int] = {}  # the first cells, less those whose better view was judged
        self._better: set[CellKey] = set()  # views after them that wait, and may be better ones of theirs
        self._settled = False  # the first cells were judged anew, or are not to be

    def apply(self, event: Event) -> None:
        """Take one event into the fold; other kinds than found and counted change nothing."""
        if isinstance(event, Found):
            for cell in sorted((cell for cell in event.cells if cell.is_judged), key=lambda cell: cell.index):
                self.found((event.frame, cell.index), better=cell.better_than is not None)
        elif isinstance(event, Counted) and event.anew:
            self.settle_first()
        elif isinstance(event, Counted):
            key, rejected = (event.frame, event.index), event.verdict == "rejected"
            if event.instead_of is not None:
                self.replaced((event.instead_of.frame, event.instead_of.index))
            strange = bool(event.unfamiliar or event.strange)
            self.counted(key, event.weights, strange, event.moments, rejected=rejected, poisoned=event.poisoned is True)

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        judged = [
            (block, [(cell.key, cell.weights, cell.unfamiliar, cell.moments) for cell in cells])
            for block, cells in self._judged.items()
        ]
        places, first = [*self._places.items()], [*self._first.items()]
        state = _State(self._found, self._done, self._asked, self._settled, places, judged, first, sorted(self._better))
        spelt: dict[str, Any] = _STATE.dump_python(state, mode="json")
        return spelt

    @classmethod
    def restore(cls, snapshot: Any, fetch: FetchMoments) -> "StatisticsFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        state, fold = _STATE.validate_json(json.dumps(snapshot)), cls(fetch)
        fold._found, fold._done, fold._asked, fold._settled = state.found, state.done, state.asked, state.settled
        fold._places, fold._first, fold._better = dict(state.places), dict(state.first), set(state.better)
        fold._judged = {block: [_Judged(*cell) for cell in cells] for block, cells in state.judged}
        return fold

    def found(self, key: CellKey, *, better: bool = False) -> None:
        """Take in a cell that is to be judged; a better view of one before it is named so."""
        self._places[key] = self._found
        if self._found < FIRST:
            self._first[key] = self._found
        elif better and not self._settled:
            self._better.add(key)
        self._found += 1

    def counted(
        self,
        key: CellKey,
        weights: str,
        unfamiliar: bool,
        moments: str | None,
        *,
        rejected: bool,
        poisoned: bool = False,
    ) -> None:
        """Take in a verdict, with the digest of the cell's moments, None where the weights measured none.

        A poisoned cell was not measured, says nothing of the weights, and is never judged anew.
        """
        place = self._places.pop(key, None)
        if place is None:
            return
        if poisoned:
            self._first.pop(key, None)
        else:
            self._asked = moments is not None
        judged = _Judged(key, weights, unfamiliar, None if rejected else moments)
        self._judged.setdefault(block_of(place), []).append(judged)
        while len(self._judged.get(self._done, ())) == block_size(self._done):
            self._judged[self._done].sort(key=lambda cell: cell.key)
            self._done += 1
        for old in [block for block in self._judged if _FIRST_BLOCKS <= block < self._done - 2 - WINDOW // _LARGE]:
            del self._judged[old]
            self._sums = {of: sums for of, sums in self._sums.items() if of[0] != old}

    def replaced(self, key: CellKey) -> None:
        """Take in that a better view stands instead of a cell's."""
        self._first.pop(key, None)

    def is_ready(self, frame: str, index: int) -> bool:
        """Return whether a cell that waits can be leased: whether its statistics are known, or not asked for."""
        place = self._places.get((frame, index))
        if place is None or not self._asked:
            return True
        # Else it were a matter of time whether its verdict replaces the first one or the one that is given anew.
        waits = not self._settled and (frame, index) in self._better
        return block_of(place) - 1 <= self._done and not waits

    def at(self, frame: str, index: int) -> SessionStatistics | None:
        """Return the session's statistics at a cell that waits and is ready, None where there are none."""
        place = self._places.get((frame, index))
        if place is None or not self._asked:
            return None
        return self._of_block(block_of(place))

    def at_next(self) -> SessionStatistics | None:
        """Return the session's statistics at a cell that would be found next, None where there are none or not yet."""
        block = block_of(self._found)
        return self._of_block(block) if self._asked and block - 1 <= self._done else None

    def first_cells(self) -> FirstCells | None:
        """Return the first cells once all are counted, None before, where nothing is strange, and once it is settled.

        They are settled by their verdicts, or by `settle_first`.
        """
        if self._settled or self._done < _FIRST_BLOCKS:
            return None
        statistics = self._pooled(range(_FIRST_BLOCKS))
        if statistics is not None and statistics.unfamiliar:
            judged = {cell.key: cell.weights for block in range(_FIRST_BLOCKS) for cell in self._judged[block]}
            cells = [key for key in self._first if judged[key] == statistics.weights]
            if cells:
                return FirstCells(tuple(cells), statistics)
        self.settle_first()
        return None

    @property
    def first_settled(self) -> bool:
        """Whether the first cells stay as they are now."""
        return self._settled

    def is_first(self, frame: str, index: int) -> bool:
        """Return whether a cell is one of the first, and not settled yet."""
        return (frame, index) in self._first

    def settle_first(self) -> None:
        """Leave the first cells as they are from now on."""
        self._settled = True
        self._first.clear()
        self._better.clear()

    def _of_block(self, block: int) -> SessionStatistics | None:
        if self._at[0] != block:
            self._at = (block, self._pooled(range(max(0, block - 1 - WINDOW // _LARGE), block - 1)))
        return self._at[1]

    def _pooled(self, blocks: Iterable[int]) -> SessionStatistics | None:
        held = [block for block in blocks if block in self._judged]
        newest = next((self._judged[block][-1].weights for block in reversed(held)), None)
        if newest is None:
            return None
        parts = [sums for block in held if (sums := self._sums_of(block, newest)).cells]
        cells = sum(part.cells for part in parts)
        if not cells:
            return None
        means = [math.fsum(values) / cells for values in zip(*(part.means for part in parts), strict=True)]
        squares = [math.fsum(values) / cells for values in zip(*(part.squares for part in parts), strict=True)]
        spreads = [math.sqrt(max(0.0, square - mean * mean)) for mean, square in zip(means, squares, strict=True)]
        moments = struct.pack(f"<{2 * len(means)}f", *means, *spreads)
        return SessionStatistics(newest, cells, sum(part.unfamiliar for part in parts), moments)

    def _sums_of(self, block: int, weights: str) -> _Sums:
        """Return the sums over a block's cells; those of a block that is done are kept."""
        if (block, weights) not in self._sums:
            sums = _Sums()
            for cell in self._judged[block]:
                if cell.weights != weights or cell.moments is None:
                    continue
                kept = self._fetch(*cell.key)
                if kept is None or digest_of(kept) != cell.moments:
                    raise MomentsLost(*cell.key)
                values = struct.unpack(f"<{len(kept) // 2}e", kept)
                means, spreads = values[: len(values) // 2], values[len(values) // 2 :]
                if sums.cells and len(means) != len(sums.means):
                    continue
                squares = [mean * mean + spread * spread for mean, spread in zip(means, spreads, strict=True)]
                sums.means = [a + b for a, b in zip(sums.means, means, strict=True)] if sums.cells else list(means)
                sums.squares = [a + b for a, b in zip(sums.squares, squares, strict=True)] if sums.cells else squares
                sums.cells += 1
                sums.unfamiliar += cell.unfamiliar
            self._sums[block, weights] = sums
        return self._sums[block, weights]


def block_of(place: int) -> int:
    """Return the number of the block in which a cell stands, from its number in the order of finding, both from 0."""
    return place // _SMALL if place < _FIRST else _FIRST // _SMALL + (place - _FIRST) // _LARGE


def block_size(block: int) -> int:
    """Return how many cells stand in a block."""
    return _SMALL if block < _FIRST // _SMALL else _LARGE


_FIRST_BLOCKS: Final = block_of(FIRST)
