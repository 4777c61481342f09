"""What a person says of the session while it is counted: written at once, with the name of who says it."""

import time

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.description import DESCRIBED, DescriptionUnusable, describe
from smearwatch.daemon.record.events import flaw_of
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.wire.messages import Agreed, DescribeSession, Refused
from smearwatch.daemon.withheld import withhold


def take_description(message: DescribeSession, journal: Journal) -> Agreed | Refused:
    """Write what is said of the session; the answer is given once it would survive a power cut."""
    ledger = journal.ledger
    withhold(*message.changes.values())
    if message.session != ledger.session:
        return Refused("other_session", f"the session {ledger.session} is being counted, not {message.session}")
    if unknown := sorted(message.changes.keys() - DESCRIBED.keys()):
        return Refused("bad_body", f"nothing can be said of a session under {unknown[0]!r}"[:400])
    try:
        event = describe(ledger.description(), message.changes, by=message.by, described_at_ns=time.time_ns())
        written = [] if event is None else journal.commit(event)
    except DescriptionUnusable as error:
        return Refused("bad_body", f"{error} ({error.hint})"[:600])
    except ValueError as error:  # it fits the wire and is no event all the same
        return Refused("bad_body", flaw_of(error)[:400])
    except (LedgerUnusable, SessionSigned) as error:
        get_logger().warning("description not written", why=str(error), hint=error.hint)
        return Refused("not_described", f"{error} ({error.hint})"[:600])
    return Agreed(message.request, "described" if written else "it says so already")
