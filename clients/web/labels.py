"""Labels from the page into the session: by the hub while it is counted, else by this process, for a moment."""

import time
from collections.abc import Sequence
from pathlib import Path

from smearwatch.clients.label_sending import send_labels
from smearwatch.daemon.record.events import Labelled, LabelName
from smearwatch.daemon.record.labels import next_label
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.views import CellKey


def write_labels(folder: Path, runtime_dir: Path, labels: Sequence[tuple[CellKey, LabelName]], by: str) -> int:
    """Label counted cells; returns how many labels were new. All are written, or none.

    Raises
    ------
    LabelsNotTaken, LedgerRefused, LedgerUnusable
        Whoever writes the session does not take them, a cell is not to be labelled, or the disk fails.
    """
    now_ns = time.time_ns()
    try:
        with Ledger.open(folder) as ledger:
            events = []
            for (frame, index), label in labels:
                last = ledger.last_labels(frame).get(index)
                event = next_label(ledger, frame, index, label, by=by, labelled_at_ns=now_ns, last=last)
                if event is not None:
                    events.append(event)
            return len(ledger.append(events))
    except SessionBusy:
        events = [Labelled(frame, index, label, by, 1, now_ns) for (frame, index), label in labels]
        return send_labels(runtime_dir, folder.name, events, by=by)
