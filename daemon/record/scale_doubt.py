"""Which of a session's counted pictures may have been taken through another objective. A pure fold.

A picture whose red cells surely agree with the scale is of the session; one that was rejected because they are of
another magnification, surely or few and far too large, is not. What was counted between two of the first sort, and is
not sure of its scale, is in doubt where one of the second sort lies there, too. Where more pictures were rejected so
than counted, the first ones may have been the odd ones.
"""

import json
from dataclasses import field
from statistics import median
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.values import Count, Name, Positive, Sha256

_MOST_NAMED: Final = 100
_NAMED_AT_ONCE: Final = 2  # on a screen
_LONGEST_NAME: Final = 24
_CHANGED: Final = "scale_changed"
_REASONS: Final = (_CHANGED, "scale_unknown")
_FEWEST_OF_MOST: Final = 3


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Pictures:
    """Pictures that were counted and are not sure of their scale, how many cells of theirs count, the first names."""

    pictures: Count = 0
    cells: Count = 0
    names: list[Name] = field(default_factory=list)

    def add(self, other: "_Pictures") -> None:
        self.pictures += other.pictures
        self.cells += other.cells
        self.names = [*self.names, *other.names][:_MOST_NAMED]


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _Run(_Pictures):
    """What came since the last picture that surely agreed with the scale; ``others`` were of another magnification."""

    others: Count = 0


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    """``waiting`` names the pictures that have no outcome yet, ``doubtful`` those in doubt before the present run.

    ``others`` are the scales that the first of those rejected showed, ``used`` the one that they were held against.
    ``changed`` counts those that were surely of another magnification, ``searched`` those that were not rejected.
    """

    waiting: dict[Sha256, Name] = field(default_factory=dict)
    run: _Run = field(default_factory=_Run)
    doubtful: _Pictures = field(default_factory=_Pictures)
    others: list[Positive] = field(default_factory=list)
    used: Positive | None = None
    changed: Count = 0
    searched: Count = 0


_STATE: Final = TypeAdapter(_State)
_MEND: Final = (
    "look at them: were any through the other objective, count anew in another session without those; else sign with "
    "that reason"
)
_MOST_MEND: Final = (
    "were those that are counted the odd ones, count anew in another session without them; else count the others in a "
    "session of their own, and sign with that reason"
)


class ScaleDoubtFold:
    """Names the pictures in doubt. Apply a session's events in the ledger's order, each once."""

    def __init__(self) -> None:
        self._state = _State()

    def seen(self, event: Seen) -> None:
        """Take in a picture that waits."""
        self._state.waiting[event.frame] = event.name

    def rejected(self, event: Rejected) -> None:
        """Take in a picture that was not searched; its value is how many times the scale its red cells' scale is."""
        state, value, used = self._state, event.value, event.um_per_px
        state.waiting.pop(event.frame, None)
        if value is None or value <= 0 or used is None or event.reason not in _REASONS:
            return
        state.run.others += 1
        state.changed += event.reason == _CHANGED
        state.used = used
        if len(state.others) < _MOST_NAMED:
            state.others.append(value * used)

    def found(self, event: Found) -> str:
        """Take in a picture that was searched, and return its name."""
        state, name = self._state, self._state.waiting.pop(event.frame, event.frame[:12])
        state.searched += 1
        if not event.scale_unsure:
            self._end_run()
            return name
        cells = sum(cell.is_judged for cell in event.cells)
        state.run.add(_Pictures(1, cells, [name]))
        return name

    def _end_run(self) -> None:
        state = self._state
        if state.run.others:
            state.doubtful.add(state.run)
        state.run = _Run()

    def json(self) -> dict[str, Any] | None:
        """Return the pictures in doubt as a scale that is contradicted, None where there are none.

        Returns
        -------
        dict or None
            As of `ScaleCheckFold.json`, of pictures rejected as of the other objective where it names red cells; and
            ``in_doubt``, the names of the pictures, of the first hundred.
        """
        state, doubtful = self._state, _Pictures()
        doubtful.add(state.doubtful)
        if state.run.others:
            doubtful.add(state.run)
        most_are_others = state.changed >= _FEWEST_OF_MOST and state.changed > state.searched > 0
        if not (doubtful.pictures or most_are_others) or state.used is None or not state.others:
            return None
        other = median(state.others)
        says = [_most_say(state.changed, state.searched)] if most_are_others else []
        says += [_says(doubtful)] if doubtful.pictures else []
        return {
            "um_per_px": round(state.used, 6),
            "source": "session",
            "frames": state.searched if most_are_others else doubtful.pictures,
            "red_cells_um_per_px": round(other, 6),
            "pictures": len(state.others),
            "differ_percent": round(100.0 * (max(state.used, other) / min(state.used, other) - 1.0), 1),
            "says": "; and ".join(says),
            "mend": _MOST_MEND if most_are_others else _MEND,
            "in_doubt": doubtful.names,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, lists, strings and numbers; empty for nothing."""
        state: dict[str, Any] = _STATE.dump_python(self._state, mode="json")
        return {} if self._state == _State() else state

    @classmethod
    def restore(cls, snapshot: Any) -> "ScaleDoubtFold":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        return fold


def _most_say(changed: int, searched: int) -> str:
    counted = "the one that is counted" if searched == 1 else f"the {searched} that are counted"
    return f"{changed} pictures were rejected as through another objective than {counted}"


def _says(doubtful: _Pictures) -> str:
    n, cells = doubtful.pictures, doubtful.cells
    pictures = "1 picture" if n == 1 else f"{n} pictures"
    named = ", ".join(_short(name) for name in doubtful.names[:_NAMED_AT_ONCE])
    more = f" and {n - _NAMED_AT_ONCE} more" if n > _NAMED_AT_ONCE else ""
    counted = "1 cell" if cells == 1 else f"{cells} cells"
    return f"{pictures} ({counted}) beside some through another objective may be through it, too: {named}{more}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 9]}\N{HORIZONTAL ELLIPSIS}{name[-8:]}"
