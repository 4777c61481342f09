"""How much a session holds, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """How much a session holds. Times are nanoseconds since 1970, None before the first event.

    A cell that was judged again is one cell.
    """

    session: str
    events: int
    epochs: int
    frames: int
    pending: int
    cells: int
    cells_counted: int
    cells_labelled: int
    began_at_ns: int | None
    last_at_ns: int | None
