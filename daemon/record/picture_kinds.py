"""What is known of scale by the kind of picture: a camera that bins, or was set to another mode, has another scale.

Red cells measured in one kind (see `of_two_kinds`) say nothing of the other, and a scale that was given for one need
not hold for the other. Pictures of other sizes beside each other are parts, cut out at one scale, and of one kind.
"""

import json
from dataclasses import field
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.picture_size import Size, of_two_kinds
from smearwatch.daemon.record.scale_check import BY_RED_CELLS
from smearwatch.daemon.record.values import Positive

MOST: Final = 25
"""Estimates kept of each kind; one more does not move their median."""


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid", defer_build=True))
class _State:
    kinds: list[tuple[Size, list[tuple[Positive, Size]]]] = field(default_factory=list)
    first: list[tuple[str, Positive, Size]] = field(default_factory=list)


_STATE: Final = TypeAdapter(_State)


class PictureKinds:
    """Remembers a session's first estimates of each kind, and for which size a given scale was used first.

    Apply a session's `found` events in the ledger's order, each once. Memory is bounded by the kinds that there are.
    """

    def __init__(self) -> None:
        self._kinds: dict[Size, list[tuple[float, Size]]] = {}  # by the size that was the first of its kind
        self._first: dict[tuple[str, float], Size] = {}

    def found(self, event: Found) -> None:
        """Take in a field that was searched."""
        size = (event.width_px, event.height_px)
        first = next((each for each in self._kinds if not of_two_kinds(each, size)), size)
        kept = self._kinds.setdefault(first, [])
        if event.um_per_px_estimate is not None and len(kept) < MOST:
            kept.append((event.um_per_px_estimate, size))
        self.searched(size, event.um_per_px, event.um_per_px_source)

    def searched(self, size: Size, um_per_px: float, source: str) -> None:
        """Take in by which scale a picture was searched."""
        if source not in BY_RED_CELLS:
            self._first.setdefault((source, um_per_px), size)

    @property
    def estimates(self) -> list[tuple[float, Size]]:
        """Each kind's first estimates of µm per pixel from red cells, in the order of finding, with their size."""
        return [each for kept in self._kinds.values() for each in kept]

    def first_of(self, um_per_px: float | None, source: str | None) -> Size | None:
        """Return the size of the first field that was searched at a given scale, None where there was none yet."""
        return None if um_per_px is None or source is None else self._first.get((source, um_per_px))

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the fold remembers as plain dictionaries, lists, strings and numbers."""
        first = [(source, um_per_px, size) for (source, um_per_px), size in self._first.items()]
        state: dict[str, Any] = _STATE.dump_python(_State([*self._kinds.items()], first), mode="json")
        return state

    @classmethod
    def restore(cls, snapshot: Any) -> "PictureKinds":
        """Make a fold that goes on where `snapshot` was taken; raises pydantic's ``ValidationError``."""
        state, fold = _STATE.validate_json(json.dumps(snapshot)), cls()
        fold._kinds = {size: [*kept] for size, kept in state.kinds}
        fold._first = {(source, um_per_px): size for source, um_per_px, size in state.first}
        return fold
