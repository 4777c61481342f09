"""Whether a session's red cells contradict the scale that its frames were searched by. A pure fold.

The finder measures the red cells of a session's first fields also where a scale is given (`um_per_px_estimate` of a
`found` event). Each field is compared with its own scale, so fields of two magnifications are not mixed up; frames at a
scale that came later, when no more was measured, are compared with what the session's first fields show.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import field
from statistics import median
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.scale_doubt import ScaleDoubtFold
from smearwatch.daemon.record.scale_shift import ScaleShiftFold
from smearwatch.daemon.record.values import Count, Positive, Word

DIFFERENCE: Final = 0.10
"""How far two scales may differ, larger / smaller - 1: beyond it one of them is wrong, or the red cells are odd."""

CHANGED: Final = 0.35
"""How far a field's scale has to differ from the session's, larger / smaller - 1, to be another magnification's.

Objectives are 1.5 times one another and more. Of 540 fields of three laboratories one field's red cells differed by
more than 0.3 from the median of its slide.
"""

FEWEST: Final = 3
"""Fewer fields contradict nothing: one field's red cells are off by a tenth now and then."""

_MOST: Final = 25  # looked at; one more does not move the median
_DIGITS: Final = 3  # of a scale: what files state may differ in the last ones

BY_RED_CELLS: Final = ("red_cells", "red_cells_and_nuclei", "session")
"""Sources of a scale that nobody gave."""

_SOURCES: Final = {
    "red_cells": "from red cells, not calibrated",
    "red_cells_and_nuclei": "from few red cells and the leukocytes' nuclei, not calibrated",
    "session": "from red cells of the session's other frames, not calibrated",
    "micrometer": "from the calibration",
    "metadata": "from the pictures' metadata",
    "configured": "as it was given",
}

_CHECK: Final = {
    "micrometer": "check the objective and what was calibrated",
    "metadata": "check the objective and what the camera's software was told of it",
    "configured": "check the objective and that number",
}
_THEN: Final = (
    "then count anew in another session; if this blood's red cells really are larger or smaller, sign with that reason"
)


def differ(one: float, other: float) -> float:
    """Return how far two scales differ, as a share of the smaller."""
    return max(one, other) / min(one, other) - 1.0


def split_by_magnification(estimates: Sequence[float]) -> tuple[list[float], list[float]]:
    """Split estimates into those of the magnification that most are of, and the others.

    Parameters
    ----------
    estimates
        um/px by the red cells of some fields; of two magnifications with as many, that of the first counts as most.
    """
    if not estimates:
        return [], []
    near = max(([each for each in estimates if differ(each, one) <= CHANGED] for one in estimates), key=len)
    middle = median(near)
    most = [each for each in estimates if differ(each, middle) <= CHANGED]
    return most, [each for each in estimates if differ(each, middle) > CHANGED]


def source_text(source: str) -> str:
    """Return in words where a scale came from."""
    return _SOURCES.get(source, f"from {source}")


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Given:
    """Frames that were searched at one given scale, and how many times it their own red cells' estimates were.

    ``size`` is that of the first of them.
    """

    um_per_px: Positive
    source: Word
    size: tuple[Count, Count]
    frames: Count = 0
    ratios: list[Positive] = field(default_factory=list)


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    given: dict[str, _Given] = field(default_factory=dict)
    estimates: list[tuple[Positive, Count, Count]] = field(default_factory=list)


_STATE: Final = TypeAdapter(_State)


class ScaleCheckFold:
    """Compares given scales with red cells. Apply a session's `found` events in the ledger's order, each once."""

    def __init__(self) -> None:
        self._state = _State()
        self._doubt = ScaleDoubtFold()
        self._shift = ScaleShiftFold()

    def seen(self, event: Seen) -> None:
        """Take in a field that waits."""
        self._doubt.seen(event)

    def rejected(self, event: Rejected) -> None:
        """Take in a field that was not searched."""
        self._doubt.rejected(event)

    def found(self, event: Found) -> None:
        """Take in a field that was searched."""
        name = self._doubt.found(event)
        self._shift.found(event, name, is_given=event.um_per_px_source not in BY_RED_CELLS)
        state, estimate = self._state, event.um_per_px_estimate
        if estimate is not None and len(state.estimates) < _MOST:
            state.estimates.append((estimate, event.width_px, event.height_px))
        if event.um_per_px_source in BY_RED_CELLS:
            return
        name = f"{event.um_per_px_source} {event.um_per_px:.{_DIGITS}g}"
        given = state.given.setdefault(
            name, _Given(event.um_per_px, event.um_per_px_source, (event.width_px, event.height_px))
        )
        given.frames += 1
        if estimate is not None and len(given.ratios) < _MOST:
            given.ratios.append(estimate / event.um_per_px)

    def json(self) -> dict[str, Any] | None:
        """Return the scale that is contradicted, None where none is; of several the one that is furthest off.

        Returns
        -------
        dict or None
            The scale used (``um_per_px``), its ``source``, in how many ``frames``; what the red cells say
            (``red_cells_um_per_px``), in how many ``pictures``; how far they differ, in percent of the smaller;
            what is said of it, and what to do about it. Where the first fields' red cells are of two magnifications:
            that of the fewer, in how many frames it was measured, and what the others say. Fields in a row that differ
            by less from the others, see `ScaleShiftFold`. Fields that may be of another magnification are named
            ``in_doubt``, see `ScaleDoubtFold`.
        """
        worst = max(self._contradicted(), key=lambda each: float(each["differ_percent"]), default=None)
        mixed = next(self._two_objectives(), None)
        said = (worst or mixed, self._shift.json() if mixed is None else None, self._doubt.json())
        every = [each for each in said if each is not None]
        if not every:
            return None
        first = {key: value for each in reversed(every) for key, value in each.items()}
        return {**first, "says": "; and ".join(each["says"] for each in every)}

    def _two_objectives(self) -> Iterator[dict[str, Any]]:
        """Yield what is odd among fields of one kind that red cells gave their scale; a given one explains its own."""
        given, left = [each.um_per_px for each in self._state.given.values()], list(self._state.estimates)
        while left:
            first = (left[0][1], left[0][2])
            kind = [each for each in left if not of_two_kinds((each[1], each[2]), first)]
            left = [each for each in left if of_two_kinds((each[1], each[2]), first)]
            most, others = split_by_magnification([um for um, *_ in kind])
            if others and any(all(differ(um, each) > CHANGED for each in given) for um in (*most, *others)):
                yield _mixed_json(most, others)

    def _contradicted(self) -> Iterator[dict[str, Any]]:
        for given in self._state.given.values():
            alike = [um for um, *size in self._state.estimates if not of_two_kinds((size[0], size[1]), given.size)]
            if len(given.ratios) >= FEWEST:
                red_cells, pictures = given.um_per_px * median(given.ratios), len(given.ratios)
            elif len(alike) >= FEWEST:
                red_cells, pictures = median(alike), len(alike)
            else:
                continue
            if (share := differ(given.um_per_px, red_cells)) > DIFFERENCE:
                yield _as_json(given, red_cells, pictures, 100.0 * share)

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, lists, strings and numbers; empty for nothing."""
        state: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        doubt, shift = self._doubt.snapshot(), self._shift.snapshot()
        parts = {**({"doubt": doubt} if doubt else {}), **({"shift": shift} if shift else {})}
        return {**state, **parts} if parts or any(state.values()) else {}

    @classmethod
    def restore(cls, snapshot: Any) -> "ScaleCheckFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        if isinstance(snapshot, dict):
            snapshot = dict(snapshot)
            if "doubt" in snapshot:
                fold._doubt = ScaleDoubtFold.restore(snapshot.pop("doubt"))
            if "shift" in snapshot:
                fold._shift = ScaleShiftFold.restore(snapshot.pop("shift"))
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        return fold


def _mixed_json(most: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    few, many = median(others), median(most)
    pictures = f"{len(others)} {'picture' if len(others) == 1 else 'pictures'}"
    return {
        "um_per_px": round(few, 6),
        "source": "red_cells",
        "frames": len(others),
        "red_cells_um_per_px": round(many, 6),
        "pictures": len(most),
        "differ_percent": round(100.0 * differ(few, many), 1),
        "says": f"two objectives are mixed: the red cells of {pictures} say {few:#.{_DIGITS}g} um/px, those of "
        f"{len(most)} say {many:#.{_DIGITS}g}",
        "mend": "count anew in another session, without the pictures through the other objective",
    }


def _as_json(given: _Given, red_cells: float, pictures: int, differ_percent: float) -> dict[str, Any]:
    used, where = f"{given.um_per_px:#.{_DIGITS}g} um/px", source_text(given.source)
    return {
        "um_per_px": given.um_per_px,
        "source": given.source,
        "frames": given.frames,
        "red_cells_um_per_px": round(red_cells, 6),
        "pictures": pictures,
        "differ_percent": round(differ_percent, 1),
        "says": f"{used}, {where}, but the red cells of {pictures} pictures say {red_cells:#.{_DIGITS}g}",
        "mend": f"{_CHECK.get(given.source, 'check where that scale came from')}, {_THEN}",
    }
