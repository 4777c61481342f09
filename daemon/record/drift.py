"""The drift alarm: whether the last cells look like those that the weights were trained on. A pure fold.

Each kind of pictures that the weights were trained on has limits for every measure, between which nearly all of its
cells lay. A session is inside the range while there is one kind of which no measure finds most of the last cells
beyond its limits; single odd cells decide nothing.
"""

import json
from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.drift_words import Side, mend, seen_as
from smearwatch.daemon.record.looks import LookRange, Ranged
from smearwatch.daemon.record.values import Count, Ordinal

WINDOW: Final = 30
"""Cells looked back upon."""

FEWEST: Final = 12
"""Fewer cells with a measure decide nothing."""

RAISED_AT, LOWERED_AT = 0.75, 0.5
"""Share of the window's cells beyond a limit at which the alarm is raised, and below which it is lowered again."""

_NUMBER_FROM = 1.05  # times beyond a limit that are worth a number


@dataclass(frozen=True, slots=True)
class Beyond:
    """By one measure the window lies beyond what one kind of pictures showed.

    Attributes
    ----------
    kind
        The kind of pictures.
    measure, side
        Which measure, and on which side of its limits.
    cells, of
        So many of the window's cells with that measure are beyond the limit.
    times
        How many times the window's median is beyond the limit; below 1 while the median is not.
    """

    kind: str
    measure: str
    side: Side
    cells: int
    of: int
    times: float

    @property
    def share(self) -> float:
        """Share of the cells that are beyond."""
        return self.cells / self.of


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Cell:
    number: Ordinal
    frame: str
    index: Count
    look: dict[str, float]


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Alarm:
    since: Ordinal
    frame: str
    index: Count


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    ranges: dict[str, list[LookRange]]
    weights: str | None
    judged: Count
    window: list[_Cell]
    alarm: _Alarm | None
    episodes: Count
    cells: Count


_STATE: Final = TypeAdapter(_State)


class DriftFold:
    """The alarm over a session's counted cells, rejected ones among them. Apply events in the ledger's order."""

    def __init__(self) -> None:
        self._state = _State(ranges={}, weights=None, judged=0, window=[], alarm=None, episodes=0, cells=0)
        self._beyond: Counter[tuple[str, str, Side]] = Counter()
        self._measured: Counter[str] = Counter()

    def ranged(self, event: Ranged) -> None:
        """Learn what weights were trained on."""
        self._state.ranges[event.weights] = list(event.ranges)

    def knows(self, weights: str) -> bool:
        """Return whether the range of weights is known."""
        return weights in self._state.ranges

    def counted(
        self,
        weights: str,
        frame: str,
        index: int,
        look: Mapping[str, float] | None,
        *,
        instead_of: tuple[str, int] | None = None,
    ) -> None:
        """Take in a judged cell; other weights than before begin anew.

        A better view, judged ``instead_of`` another one (frame, index), takes its place among the last cells if that
        one is still there, and is no further cell.
        """
        state = self._state
        state.judged += instead_of is None
        if weights != state.weights:
            state.weights, state.window, state.alarm = weights, [], None
            self._recount()
        measured = None if look is None or not self.knows(weights) else look
        if instead_of is not None:
            self._replace(instead_of, (frame, index), measured)
            return
        if measured is None:
            return
        if len(state.window) == WINDOW:
            self._count(state.window.pop(0), -1)
        state.window.append(_Cell(state.judged, frame, index, dict(measured)))
        self._count(state.window[-1], +1)
        self._weigh()
        state.cells += state.alarm is not None

    def _replace(self, before: tuple[str, int], view: tuple[str, int], look: Mapping[str, float] | None) -> None:
        """Replace a view in the window by a better one, or by nothing where that one has no appearance features."""
        window = self._state.window
        for index, cell in enumerate(window):
            if (cell.frame, cell.index) == before:
                self._count(cell, -1)
                window[index : index + 1] = [] if look is None else [_Cell(cell.number, *view, dict(look))]
                if look is not None:
                    self._count(window[index], +1)
                self._weigh()
                return

    def _weigh(self) -> None:
        """Raise or lower the alarm by what the window now holds."""
        state = self._state
        share = self._share()
        if state.alarm is None and share >= RAISED_AT:
            first = self._first_beyond()
            state.alarm = _Alarm(first.number, first.frame, first.index)
            state.episodes += 1
        elif share < LOWERED_AT:
            state.alarm = None

    @property
    def alarmed(self) -> bool:
        """Whether the alarm is on."""
        return self._state.alarm is not None

    @property
    def cells(self) -> int:
        """How many cells were judged under an alarm."""
        return self._state.cells

    def json(self) -> dict[str, Any]:
        """Return the part of the tally that is about drift.

        Returns
        -------
        dict
            ``drift`` is None or holds what is beyond the range, how far, since which cell, and what to do about it.
            ``drifted`` counts how often the alarm was raised, the cells judged under it, and those that the window
            now holds: 0 for weights that do not record what they were trained on.
        """
        state = self._state
        return {
            "drift": None if state.alarm is None else _alarm_json(self._nearest(), state.alarm),
            "drifted": {"episodes": state.episodes, "cells": state.cells, "watched": len(state.window)},
        }

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        state: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        return state

    @classmethod
    def restore(cls, snapshot: Any) -> "DriftFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's `ValidationError`."""
        fold = cls()
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        fold._recount()
        return fold

    @property
    def _kinds(self) -> list[LookRange]:
        return self._state.ranges.get(self._state.weights or "", [])

    def _recount(self) -> None:
        self._beyond.clear()
        self._measured.clear()
        for cell in self._state.window:
            self._count(cell, +1)

    def _count(self, cell: _Cell, by: int) -> None:
        for measure in cell.look:
            self._measured[measure] += by
        for kind in self._kinds:
            for measure, side in _beyond(cell, kind):
                self._beyond[kind.name, measure, side] += by

    def _share(self) -> float:
        """Return the share of cells beyond by the worst measure of the kind of pictures by which that is least."""
        measured = {measure: n for measure, n in self._measured.items() if n >= FEWEST}
        worst = dict.fromkeys((kind.name for kind in self._kinds), 0.0)
        for (name, measure, _), cells in self._beyond.items():
            if measure in measured:
                worst[name] = max(worst[name], cells / measured[measure])
        return min(worst.values(), default=0.0)

    def _nearest(self) -> Beyond:
        """Return what is worst by the kind of pictures by which it is least bad."""
        return min((self._worst(kind) for kind in self._kinds), key=_badness)

    def _worst(self, kind: LookRange) -> Beyond:
        found = []
        for measure, (low, high) in kind.limits.items():
            values = [cell.look[measure] for cell in self._state.window if measure in cell.look]
            if len(values) < FEWEST:
                continue
            middle = max(median(values), 1e-6)
            sides: tuple[tuple[Side, float], ...] = (("below", low / middle), ("above", middle / high))
            for side, times in sides:
                found.append(
                    Beyond(kind.name, measure, side, self._beyond[kind.name, measure, side], len(values), times)
                )
        return max(found, key=_badness)

    def _first_beyond(self) -> _Cell:
        worst = self._nearest()
        (kind,) = (each for each in self._kinds if each.name == worst.kind)
        return next(cell for cell in self._state.window if (worst.measure, worst.side) in _beyond(cell, kind))


def _beyond(cell: _Cell, kind: LookRange) -> list[tuple[str, Side]]:
    """Return by which measures, and on which side, a cell is beyond what one kind of pictures showed."""
    found: list[tuple[str, Side]] = []
    for measure, (low, high) in kind.limits.items():
        value = cell.look.get(measure)
        if value is not None and not low <= value <= high:
            found.append((measure, "below" if value < low else "above"))
    return found


def _badness(beyond: Beyond) -> tuple[float, float]:
    return round(beyond.share, 6), beyond.times


def _alarm_json(found: Beyond, alarm: _Alarm) -> dict[str, Any]:
    """Return the alarm as the tally prints it."""
    times = round(max(found.times, 1.0), 2)
    what = seen_as(found.measure, found.side)
    far = f", {times:.1f} times beyond the limit" if times >= _NUMBER_FROM else ""
    return {
        "what": what,
        "measure": found.measure,
        "side": found.side,
        "times": times,
        "cells": found.cells,
        "of": found.of,
        "nearest": found.kind,
        "since_cell": alarm.since,
        "since": {"frame": alarm.frame, "index": alarm.index},
        "says": f"{what} than those trained on{far}",
        "mend": mend(found.measure, found.side),
    }
