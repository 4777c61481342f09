"""A tally by hand for the session that is being counted: written by its one writer, beside the count."""

import time

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.events import flaw_of
from smearwatch.daemon.record.keeping import other_counts, tallied
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.wire.messages import Agreed, KeepTally, Refused


def take_tally(message: KeepTally, journal: Journal) -> Agreed | Refused:
    """Write a tally, once; the answer is given when it would survive a power cut."""
    ledger = journal.ledger
    if message.session != ledger.session:
        return Refused("other_session", f"the session {ledger.session} is being counted, not {message.session}")
    try:
        event = tallied(
            other_counts(ledger),
            by=message.by,
            began_at_ns=message.began_at_ns,
            tallied_at_ns=time.time_ns(),
            counts=message.counts,
            target=message.target,
        )
        journal.commit(event)
    except ValueError as error:  # it fits the wire and is no event all the same
        return Refused("bad_body", flaw_of(error)[:400])
    except (LedgerUnusable, SessionSigned) as error:
        get_logger().warning("tally not written", why=str(error), hint=error.hint)
        return Refused("not_kept", f"{error} ({error.hint})"[:600])
    return Agreed(message.request, f"kept as tally {event.ordinal}")
