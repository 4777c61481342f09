"""The targets of a session's last start, and how far counts reach them."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, Self

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.targets import TARGET_NAMES, Points, Progress, progress
from smearwatch.daemon.record.values import Ordinal


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    """What the fold remembers; programs that did not know of targets beside the number of cells wrote that alone."""

    target: Ordinal | None
    target_classes: dict[str, Ordinal] = field(default_factory=dict)
    target_within: dict[str, Points] = field(default_factory=dict)
    stops: bool = False


_STATE: Final = TypeAdapter(_State)
_WHERE_ANY: Final = ("target_classes", "target_within", "stops")  # in a snapshot where there are any

IN_SNAPSHOT: Final = ("target", *_WHERE_ANY)
"""The names in the tally's snapshot that are the targets' own."""


class TargetFold:
    """What the last start of a session wants to be reached."""

    def __init__(self) -> None:
        self._state = _State(target=None)

    def opened(self, event: Opened) -> None:
        """Take in a start: its targets are in force from now on."""
        self._state = _State(
            target=event.target,
            target_classes={} if event.targets is None else dict(event.targets.classes),
            target_within={} if event.targets is None else dict(event.targets.within),
            stops=event.settings.get("stop_at_target") is True,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers, under the names of `IN_SNAPSHOT`."""
        state = _STATE.dump_python(self._state)
        return {name: value for name, value in state.items() if value or name not in _WHERE_ANY}

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Self:
        """Make a fold that goes on where a tally's `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._state = _State(**{name: snapshot[name] for name in IN_SNAPSHOT if name in snapshot})
        return fold

    @property
    def names_are_known(self) -> bool:
        """Whether all targets are of what may have one."""
        return {*self._state.target_classes, *self._state.target_within} <= set(TARGET_NAMES)

    @property
    def cells(self) -> int | None:
        """How many cells the session is to reach, None where that was not set."""
        return self._state.target

    @property
    def stops(self) -> bool:
        """Whether the count was to end at its targets."""
        return self._state.stops

    def progress(self, counts: Mapping[str, int], *, undivided: int = 0) -> list[Progress]:
        """Return how far each target is reached, that of all leukocytes first; see `targets.progress`."""
        state = self._state
        return list(progress(state.target, state.target_classes, state.target_within, counts, undivided=undivided))
