"""Which of a session's pictures were searched in part, although cells are faintly seen in the rest. A pure fold."""

import json
from typing import Any, Final, Self

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.values import Count


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    pictures: Count = 0
    least: Count = 0
    most: Count = 0


_STATE: Final = TypeAdapter(_State)


class SearchedInPartFold:
    """Counts the pictures, and remembers the least and the most of one that was not searched."""

    def __init__(self) -> None:
        self._state = _State()

    def found(self, event: Found) -> None:
        """Take in a picture that was searched."""
        state, percent = self._state, event.unsearched_percent
        if percent is not None:
            state.least = min(state.least, percent) if state.pictures else percent
            state.most = max(state.most, percent)
            state.pictures += 1

    def json(self) -> dict[str, int] | None:
        """Return how many ``pictures``, and ``least_percent`` and ``most_percent`` of one; None for none."""
        state = self._state
        if not state.pictures:
            return None
        return {"pictures": state.pictures, "least_percent": state.least, "most_percent": state.most}

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain numbers; empty for nothing."""
        state: dict[str, Any] = _STATE.dump_python(self._state)
        return state if self._state.pictures else {}

    @classmethod
    def restore(cls, snapshot: Any) -> Self:
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        return fold
