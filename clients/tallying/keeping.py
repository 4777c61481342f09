"""A tally is kept with its session: by this program, or by whoever counts the session just now."""

from pathlib import Path

from smearwatch.clients.asking import REQUESTS, ask
from smearwatch.clients.tallying.draft import Draft
from smearwatch.daemon.record.keeping import StillCounted, keep_tally, other_counts
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.signature import Signed
from smearwatch.daemon.wire.messages import KeepTally


def keep(folder: Path, runtime_dir: Path, draft: Draft) -> int:
    """Add a tally to its session, once; returns its number there.

    Raises
    ------
    SessionSigned, SessionBusy, SessionMissing, LedgerUnusable, NotAgreed
        It cannot be kept now; the draft stays as it is.
    """
    counts, by, began_at_ns = draft.cells.counts, draft.by, draft.began_at_ns
    try:
        return keep_tally(folder, by=by, began_at_ns=began_at_ns, counts=counts, target=draft.target).ordinal
    except StillCounted:
        request = next(REQUESTS)
        ask(runtime_dir, KeepTally(request, folder.name, by, began_at_ns, draft.target, counts), request)
    number, _ = standing(folder, began_at_ns)
    assert number is not None  # it was agreed to
    return number


def standing(folder: Path, began_at_ns: int) -> tuple[int | None, Signed | None]:
    """Return the number of a tally that is kept already, None where it is not, and the session's signature."""
    with LedgerReader.read(folder) as ledger:
        kept = (each.ordinal for each in other_counts(ledger).tallies if each.began_at_ns == began_at_ns)
        return next(kept, None), ledger.signature()
