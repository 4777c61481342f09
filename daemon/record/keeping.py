"""Keeping other counts with a session: a tally by hand, an analyser's differential."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from smearwatch.daemon.record.beside import Analysed, BesideFold, Tallied
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.moment import open_for_a_moment
from smearwatch.daemon.record.reading import LedgerReader

_Kept = TypeVar("_Kept", Tallied, Analysed)


class StillCounted(Exception):
    """The session is being counted, and whoever counts it is its one writer."""

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} is being counted, so nothing was added to it")
        self.hint = "do it again when the count has ended"


def keep_tally(folder: Path, *, by: str, began_at_ns: int, counts: Mapping[str, int], target: int) -> Tallied:
    """Add a tally to a session; one that is there already stays as it is.

    Raises
    ------
    StillCounted
        It is being counted.
    SessionSigned
        It is signed.
    SessionBusy, SessionMissing, LedgerUnusable
        It cannot be written.
    """
    return _keep(
        folder,
        lambda beside: tallied(
            beside, by=by, began_at_ns=began_at_ns, tallied_at_ns=time.time_ns(), counts=counts, target=target
        ),
    )


def tallied(
    beside: BesideFold, *, by: str, began_at_ns: int, tallied_at_ns: int, counts: Mapping[str, int], target: int
) -> Tallied:
    """Return the event of a tally: the one that was written already, or else that with the next number."""
    kept = (each for each in beside.tallies if each.began_at_ns == began_at_ns)
    number = len(beside.tallies) + 1
    return next(kept, None) or Tallied(by, began_at_ns, tallied_at_ns, number, target, counts)


def keep_printout(
    folder: Path, *, by: str, percent: Mapping[str, str] | None, counts: Mapping[str, int] | None, cells: int | None
) -> Analysed:
    """Add an analyser's differential to a session; raises as `keep_tally` does."""
    return _keep(folder, lambda beside: Analysed(by, time.time_ns(), len(beside.printouts) + 1, percent, counts, cells))


def other_counts(ledger: LedgerReader) -> BesideFold:
    """Return the other counts of a session."""
    fold = BesideFold()
    for recorded in ledger.events():
        fold.apply(recorded.event)
    return fold


def _keep(folder: Path, made: Callable[[BesideFold], _Kept]) -> _Kept:
    if holder(folder) is not None:  # else the lock would be waited for in vain
        with LedgerReader.read(folder) as reader:
            if reader.is_open:
                raise StillCounted(folder.name)
    with open_for_a_moment(folder) as ledger:
        event = made(other_counts(ledger))
        ledger.append([event])
    return event
