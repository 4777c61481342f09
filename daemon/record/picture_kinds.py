"""What is known of scale by the kind of picture: a camera that bins, or was set to another mode, has another scale.

Red cells measured in one kind (see `of_two_kinds`) say nothing of the other, and a scale that was given for one need
not hold for the other. Pictures of other sizes beside each other are parts, cut out at one scale, and of one kind.
"""

from typing import Final

from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.picture_size import Size, of_two_kinds
from smearwatch.daemon.record.scale_check import BY_RED_CELLS

MOST: Final = 25
"""Estimates kept of each kind; one more does not move their median."""


class PictureKinds:
    """Remembers a session's first estimates of each kind, and for which size a given scale was used first.

    Apply a session's `found` events in the ledger's order, each once. Memory is bounded by the kinds that there are.
    """

    def __init__(self) -> None:
        self._kinds: dict[Size, list[tuple[float, Size]]] = {}  # by the size that was the first of its kind
        self._first: dict[tuple[str, float], Size] = {}

    def found(self, event: Found) -> None:
        """Take in a field that was searched, as the ledger has it."""
        size = (event.width_px, event.height_px)
        self.searched(size, event.um_per_px, event.um_per_px_source, event.um_per_px_estimate)

    def searched(self, size: Size, um_per_px: float, source: str, estimate: float | None) -> None:
        """Take in by which scale a picture was searched, and what its red cells said, where they were measured."""
        first = next((each for each in self._kinds if not of_two_kinds(each, size)), size)
        kept = self._kinds.setdefault(first, [])
        if estimate is not None and len(kept) < MOST:
            kept.append((estimate, size))
        if source not in BY_RED_CELLS:
            self._first.setdefault((source, um_per_px), size)

    @property
    def estimates(self) -> list[tuple[float, Size]]:
        """Each kind's first estimates of µm per pixel from red cells, in the order of finding, with their size."""
        return [each for kept in self._kinds.values() for each in kept]

    def first_of(self, um_per_px: float | None, source: str | None) -> Size | None:
        """Return the size of the first field that was searched at a given scale, None where there was none yet."""
        return None if um_per_px is None or source is None else self._first.get((source, um_per_px))
