"""What a session's last run left, as its events tell: files that were not counted, pictures that are not read."""

import json
from dataclasses import field
from typing import Any, Final, Self

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.events import Closed, Seen
from smearwatch.daemon.record.left import NOT_READ, LeftWhy
from smearwatch.daemon.record.page_names import file_of_page
from smearwatch.daemon.record.values import Count, Ordinal


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class _State:
    files: dict[str, LeftWhy] = field(default_factory=dict)
    more: Count = 0
    not_read: dict[str, Ordinal] = field(default_factory=dict)


_STATE: Final = TypeAdapter(_State)


class LeftFold:
    """Remembers what the last run left. What is taken later is not left any more, and the next end is told anew."""

    def __init__(self) -> None:
        self._state = _State()

    def seen(self, event: Seen) -> None:
        """Take in a frame that came."""
        if files := self._state.files:
            files.pop(event.name, None)
            files.pop(file_of_page(event.name) or event.name, None)

    def closed(self, event: Closed) -> None:
        """Take in how a run ended."""
        kinds = {name.removeprefix(NOT_READ): n for name, n in event.counters.items() if name.startswith(NOT_READ)}
        self._state = _State(
            {file.name: file.why for file in event.left or ()},
            event.left_more or 0,
            {f".{kind}": n for kind, n in sorted(kinds.items()) if n},
        )

    @property
    def count(self) -> int:
        """How many files were left."""
        return len(self._state.files) + self._state.more

    def json(self) -> dict[str, Any]:
        """Return how many files were left (``files_left``), the first ones by name, and pictures not read by kind."""
        return {
            "files_left": self.count,
            "files_left_named": [{"name": name, "why": why} for name, why in self._state.files.items()],
            "files_not_read": dict(self._state.not_read),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, strings and numbers; empty for nothing."""
        state: dict[str, Any] = _STATE.dump_python(self._state)
        return state if any(state.values()) else {}

    @classmethod
    def restore(cls, snapshot: Any) -> Self:
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._state = _STATE.validate_json(json.dumps(snapshot))
        return fold
