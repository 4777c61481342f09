"""The order in which a session's cells are counted where it matters: as they were found, whoever judges them first."""

from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from smearwatch.daemon.record.events import Counted, Event, Found
from smearwatch.daemon.record.values import Count, Sha256

_STATE: Final = TypeAdapter(dict[Sha256, list[Count]], config=ConfigDict(strict=True, defer_build=True))


class CountingOrder:
    """The cells that wait for their verdict, in the order of finding, within a frame by their index.

    Apply a session's events in the ledger's order, each once. A better view has the place at which it was found. Memory
    is bounded by the frames that are pending.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[int]] = {}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        if isinstance(event, Found):
            indices = sorted(cell.index for cell in event.cells if cell.is_judged)
            if indices:
                self._waiting[event.frame] = indices
        elif isinstance(event, Counted):
            indices = self._waiting.get(event.frame, [])
            if event.index in indices:
                indices.remove(event.index)
            if not indices:
                self._waiting.pop(event.frame, None)

    @property
    def first(self) -> tuple[str, int] | None:
        """The cell whose turn it is, None where none waits."""
        for frame, indices in self._waiting.items():
            return frame, indices[0]
        return None

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        return {frame: [*indices] for frame, indices in self._waiting.items()}

    @classmethod
    def restore(cls, snapshot: Any) -> "CountingOrder":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        fold = cls()
        fold._waiting = _STATE.validate_python(snapshot)
        return fold
