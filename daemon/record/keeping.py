"""Keeping beside a session's own count what people add: a tally by hand, an analyser's figures, location tests."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from smearwatch.daemon.record.beside import Analysed, BesideFold, Tallied
from smearwatch.daemon.record.events import Event
from smearwatch.daemon.record.location import LocationTested, LocationWithdrawn, location_tests
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.moment import open_for_a_moment
from smearwatch.daemon.record.reading import LedgerReader

_Kept = TypeVar("_Kept", bound=Event)


class NoSuchTest(LookupError):
    """A location test that is not there, or was withdrawn already."""

    def __init__(self, session: str, ordinal: int, why: str) -> None:
        super().__init__(f"location test {ordinal} of session {session} {why}")
        self.hint = f"see them with: smearwatch sessions location {session}"


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

    def made(ledger: LedgerReader) -> Tallied:
        beside = other_counts(ledger)
        kept = (each for each in beside.tallies if each.began_at_ns == began_at_ns)
        number = len(beside.tallies) + 1
        return next(kept, None) or Tallied(by, began_at_ns, time.time_ns(), number, target, counts)

    return _keep(folder, made)


def keep_printout(
    folder: Path, *, by: str, percent: Mapping[str, str] | None, counts: Mapping[str, int] | None, cells: int | None
) -> Analysed:
    """Add an analyser's differential to a session; raises as `keep_tally` does."""

    def made(ledger: LedgerReader) -> Analysed:
        number = len(other_counts(ledger).printouts) + 1
        return Analysed(by, time.time_ns(), number, percent, counts, cells)

    return _keep(folder, made)


def keep_location_test(folder: Path, began_at_ns: int, made: Callable[[int, int], LocationTested]) -> LocationTested:
    """Add a cell-location test to a session, to a signed one too; one that is there already stays as it is.

    Raises as `keep_tally` does, but for a signed session, and `LedgerRefused` where it is of cells that are not there.

    Parameters
    ----------
    began_at_ns
        When it was begun, which tells one test from another.
    made
        Makes the event of the moment at which it is kept and of its number.
    """

    def kept_or_made(ledger: LedgerReader) -> LocationTested:
        tests = [test for test, _ in location_tests(ledger)]
        kept = (test for test in tests if test.began_at_ns == began_at_ns)
        return next(kept, None) or made(time.time_ns(), len(tests) + 1)

    return _keep(folder, kept_or_made)


def withdraw_location_test(folder: Path, ordinal: int, *, by: str, reason: str) -> LocationWithdrawn:
    """Withdraw a cell-location test, which stays in the record.

    Raises
    ------
    NoSuchTest
        It is not there, or was withdrawn already.
    StillCounted, SessionBusy, SessionMissing, LedgerUnusable
        The session cannot be written.
    """

    def made(ledger: LedgerReader) -> LocationWithdrawn:
        withdrawn = {test.ordinal: later for test, later in location_tests(ledger)}
        if ordinal not in withdrawn:
            raise NoSuchTest(folder.name, ordinal, "is not there")
        if (before := withdrawn[ordinal]) is not None:
            raise NoSuchTest(folder.name, ordinal, f"was withdrawn already, by {before.by}")
        return LocationWithdrawn(by, reason, time.time_ns(), ordinal)

    return _keep(folder, made)


def other_counts(ledger: LedgerReader) -> BesideFold:
    """Return the other counts of a session."""
    fold = BesideFold()
    for recorded in ledger.events():
        fold.apply(recorded.event)
    return fold


def _keep(folder: Path, made: Callable[[LedgerReader], _Kept]) -> _Kept:
    if holder(folder) is not None:  # else the lock would be waited for in vain
        with LedgerReader.read(folder) as reader:
            if reader.is_open:
                raise StillCounted(folder.name)
    with open_for_a_moment(folder) as ledger:
        event = made(ledger)
        ledger.append([event])
    return event
