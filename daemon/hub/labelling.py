"""A person's labels come in while the session is counted: all of a message are written, or none."""

import time

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.classes import LABELS, is_extra
from smearwatch.daemon.record.events import flaw_of
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.wire.messages import LabelCells, LabelsTaken, Refused


def take_labels(message: LabelCells, journal: Journal) -> LabelsTaken | Refused:
    """Write the labels of a message; the answer is given once they would survive a power cut."""
    ledger = journal.ledger
    if message.session != ledger.session:
        return Refused("other_session", f"the session {ledger.session} is being counted, not {message.session}")
    wanted = [((each.frame, each.index), each.label) for each in message.labels]
    for _, label in wanted:
        if label not in LABELS and not is_extra(label):
            return Refused("bad_label", f"{label!r} is no label")
    try:
        events = make_labels(
            ledger,
            wanted,
            by=message.by,
            labelled_at_ns=time.time_ns(),
            reading="second" if message.second else None,
            settled={(each.frame, each.index) for each in message.labels if each.decides},
            drawn={(each.frame, each.index) for each in message.labels if each.drawn},
        )
    except ValueError as error:  # it fits the wire and is no event all the same
        return Refused("bad_body", flaw_of(error)[:400])
    try:
        journal.commit(*events)
    except (LedgerRefused, LedgerUnusable, SessionSigned) as error:
        get_logger().warning("labels not written", why=str(error), hint=error.hint)
        return Refused("not_labelled", f"{error} ({error.hint})"[:600])
    return LabelsTaken(message.request, len(events), len(message.labels) - len(events))
