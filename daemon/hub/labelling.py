"""A person's labels come in while the session is counted: all of a message are written, or none."""

import time
from typing import cast, get_args

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.events import Labelled, LabelName, flaw_of
from smearwatch.daemon.record.labels import next_label
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.wire.messages import LabelCells, LabelsTaken, Refused


def take_labels(message: LabelCells, journal: Journal) -> LabelsTaken | Refused:
    """Write the labels of a message; the answer is given once they would survive a power cut."""
    ledger = journal.ledger
    if message.session != ledger.session:
        return Refused("other_session", f"the session {ledger.session} is being counted, not {message.session}")
    now_ns = time.time_ns()
    standing: dict[tuple[str, int], Labelled | None] = {}
    events: list[Labelled] = []
    for each in message.labels:
        if each.label not in get_args(LabelName):
            return Refused("bad_label", f"{each.label!r} is no label")
        cell = (each.frame, each.index)
        if cell not in standing:
            standing[cell] = ledger.last_labels(each.frame).get(each.index)
        label = cast("LabelName", each.label)
        try:
            event = next_label(ledger, *cell, label, by=message.by, labelled_at_ns=now_ns, last=standing[cell])
        except ValueError as error:  # it fits the wire and is no event all the same
            return Refused("bad_body", flaw_of(error)[:400])
        if event is not None:
            standing[cell] = event
            events.append(event)
    try:
        journal.commit(*events)
    except (LedgerRefused, LedgerUnusable) as error:
        get_logger().warning("labels not written", why=str(error), hint=error.hint)
        return Refused("not_labelled", f"{error} ({error.hint})"[:600])
    return LabelsTaken(message.request, len(events), len(message.labels) - len(events))
