"""Whether the magnification changed within a session by less than a single picture can tell. A pure fold.

Red cells of one picture are off by a tenth now and then; those of several pictures one after the other are not, unless
a zoom, an intermediate lens or a near objective came in between. So some pictures in a row are compared with all
others of their kind, wherever they lie: at the beginning, in the middle, at the end.
"""

import json
from collections.abc import Sequence
from dataclasses import field
from math import exp, sqrt
from math import log as ln
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.values import Count, Name, Ordinal, Positive, Sha256

_MOST, _RECENT = 96, 32
"""So many groups of pictures are remembered, the latest of one picture each."""
_FEWEST: Final = 3  # pictures in a row
_LEAST_SPREAD: Final = 0.05
"""Standard deviation of one picture's scale, as a logarithm, that is taken at least: 0.03 to 0.10 within a slide."""
_BY_REGION: Final = 0.04
"""How far the red cells of two regions of one slide may differ, as a logarithm, however many pictures show them."""
_SURE: Final = 4.0
"""How many times its standard error a difference has to be. Within 8 slides and a set none was more than 2.6 times."""
_LONGEST_NAME: Final = 24


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Group:
    """Pictures in a row: how many, sums of the logarithms of their scales and of their squares, first and last."""

    pictures: Ordinal
    total: float
    squares: Annotated[float, Field(ge=0)]
    first: tuple[Name, Sha256]
    last: tuple[Name, Sha256]

    def add(self, later: "_Group") -> None:
        self.pictures += later.pictures
        self.total += later.total
        self.squares += later.squares
        self.last = later.last


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Kind:
    """Pictures of one kind. Those at a given scale are brought to what red cells said before, or to the first given."""

    size: tuple[Count, Count]
    groups: list[_Group] = field(default_factory=list)
    given_um_per_px: Positive | None = None

    def add(self, group: _Group) -> None:
        self.groups.append(group)
        if len(self.groups) > _MOST:
            old = range(len(self.groups) - _RECENT - 1)
            at = min(old, key=lambda each: self.groups[each].pictures + self.groups[each + 1].pictures)
            self.groups[at].add(self.groups.pop(at + 1))


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    kinds: list[_Kind] = field(default_factory=list)
    said: dict[str, Any] | None = None


_STATE: Final = TypeAdapter(_State)
_MEND: Final = (
    "was a zoom, an intermediate lens or an objective changed there, count the pictures before and after it in "
    "sessions of their own; if the blood or the smear differs so, sign with that reason"
)


class ScaleShiftFold:
    """Finds pictures in a row whose red cells differ from the others'. Apply a session's events in order, each once."""

    def __init__(self) -> None:
        self._state = _State()

    def found(self, event: Found, name: str, *, is_given: bool) -> None:
        """Take in a picture that was searched, at a scale that was given or made of red cells."""
        own = event.um_per_px_own or event.um_per_px_estimate
        if own is None:
            return
        size = (event.width_px, event.height_px)
        kinds = self._state.kinds
        kind = next((each for each in kinds if not of_two_kinds(size, each.size)), None)
        if kind is None:
            kind = _Kind(size)
            kinds.append(kind)
        if is_given and kind.given_um_per_px is None:
            kind.given_um_per_px = _um_per_px(kind.groups) if kind.groups else event.um_per_px
        value = ln(own / event.um_per_px * (kind.given_um_per_px or 1.0)) if is_given else ln(own)
        kind.add(_Group(1, value, value * value, (name, event.frame), (name, event.frame)))
        self._state.said = self._surest() or self._state.said

    def json(self) -> dict[str, Any] | None:
        """Return the surest change as a scale that is contradicted, None where none was seen.

        What was said stays: pictures that change once more look like the others, and the count holds both.

        Returns
        -------
        dict or None
            As of `smearwatch.daemon.record.scale_check.ScaleCheckFold.json`; and ``first_frame``, ``last_frame``, the
            SHA-256 of the first and the last picture of the fewer.
        """
        return None if self._state.said is None else dict(self._state.said)

    def _surest(self) -> dict[str, Any] | None:
        return max(
            (said for each in self._state.kinds if (said := _said_of(each.groups)) is not None),
            key=lambda each: float(each["differ_percent"]),
            default=None,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, lists, strings and numbers; empty for nothing."""
        state: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        return state if any(state.values()) else {}

    @classmethod
    def restore(cls, snapshot: Any) -> "ScaleShiftFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        return fold


def find_shift(groups: Sequence[tuple[int, float, float]]) -> tuple[int, int] | None:
    """Find the groups in a row that surely differ from all others; of several, those that explain most of the spread.

    Parameters
    ----------
    groups
        In order: number of pictures, sum of the logarithms of their scales, sum of their squares.

    Returns
    -------
    tuple of int, or None
        The first group and the one after the last; None where chance or the smear may explain every difference.
    """
    sums = [(0, 0.0, 0.0)]
    for pictures, total, squares in groups:
        before = sums[-1]
        sums.append((before[0] + pictures, before[1] + total, before[2] + squares))
    all_pictures, all_total, all_squares = sums[-1]
    most, where = 0.0, None
    for first in range(len(groups)):
        n_before, total_before, _ = sums[first]
        for end in range(first + 1, len(groups) + 1):
            n = sums[end][0] - n_before
            n_others = all_pictures - n
            if n < _FEWEST or n_others < _FEWEST:
                continue
            mean = (sums[end][1] - total_before) / n
            mean_others = (all_total - n * mean) / n_others
            difference = abs(mean - mean_others)
            if difference < _SURE * _BY_REGION:
                continue
            within = (all_squares - n * mean * mean - n_others * mean_others * mean_others) / (all_pictures - 2)
            spread = max(within, _LEAST_SPREAD * _LEAST_SPREAD)
            sureness = difference / sqrt(spread * (1.0 / n + 1.0 / n_others) + _BY_REGION * _BY_REGION)
            explained = difference * difference * n * n_others
            if sureness > _SURE and explained > most:
                most, where = explained, (first, end)
    return where


def _said_of(groups: Sequence[_Group]) -> dict[str, Any] | None:
    where = find_shift([(each.pictures, each.total, each.squares) for each in groups])
    if where is None:
        return None
    first, end = where
    row, others = groups[first:end], [*groups[:first], *groups[end:]]
    if _pictures(row) >= _pictures(others) and (first == 0 or end == len(groups)):
        row, others = others, row  # of two parts the fewer are named, or the later
    place = _place(row, is_first=row[0] is groups[0], is_last=row[-1] is groups[-1])
    few, many = _um_per_px(row), _um_per_px(others)
    return {
        "um_per_px": round(few, 6),
        "source": "red_cells",
        "frames": _pictures(row),
        "red_cells_um_per_px": round(many, 6),
        "pictures": _pictures(others),
        "differ_percent": round(100.0 * (max(few, many) / min(few, many) - 1.0), 1),
        "says": f"the magnification seems to change: the red cells of {_pictures(row)} pictures, {place}, say "
        f"{few:#.3g} um/px, those of the {_pictures(others)} others {many:#.3g}",
        "mend": _MEND,
        "first_frame": row[0].first[1],
        "last_frame": row[-1].last[1],
    }


def _place(row: Sequence[_Group], *, is_first: bool, is_last: bool) -> str:
    first, last = _short(row[0].first[0]), _short(row[-1].last[0])
    if is_last:
        return f"from {first} on"
    return f"up to {last}" if is_first else f"from {first} to {last}"


def _pictures(groups: Sequence[_Group]) -> int:
    return sum(each.pictures for each in groups)


def _um_per_px(groups: Sequence[_Group]) -> float:
    return exp(sum(each.total for each in groups) / _pictures(groups))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 9]}\N{HORIZONTAL ELLIPSIS}{name[-8:]}"
