"""What the end of a run leaves, as the sources have said it last: files that are there, and were not counted."""

from collections.abc import Sequence
from dataclasses import astuple

from smearwatch.daemon.record.events import LeftFile, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.wire.messages import SourceState


def files_left(states: Sequence[SourceState], ledger: Ledger) -> tuple[tuple[LeftFile, ...] | None, int | None]:
    """Return the files that are left, and how many more there are; None for none.

    A source speaks twice a second, so what it has brought since is left out: its frame is in the ledger.
    """
    left = {(file.name, file.size_bytes, file.captured_at_ns): file for state in states for file in state.left}
    if not left:
        return None, None
    for recorded in ledger.seen_frames():
        if isinstance(seen := recorded.event, Seen):
            left.pop((seen.name, seen.size_bytes, seen.captured_at_ns), None)
    more = sum(state.left_more for state in states)
    return tuple(LeftFile(*astuple(file)) for file in left.values()) or None, more or None
