"""Labels from a reader into the session: by the hub while it is counted, else by this process, for a moment."""

import time
from collections.abc import Container, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from smearwatch.clients.label_sending import LabelsNotTaken, send_labels
from smearwatch.daemon.record.events import Labelled, LabelName, Reading
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import SessionMissing
from smearwatch.daemon.record.views import CellKey

_PATIENCE_S: Final = 15.0
_HUB_ANSWERS_S: Final = 2.0
_BETWEEN_S: Final = 0.1
_ONE_AT_A_TIME = Lock()


def write_labels(
    folder: Path,
    runtime_dir: Path,
    labels: Sequence[tuple[CellKey, LabelName]],
    by: str,
    *,
    reading: Reading | None = None,
    settled: Container[CellKey] = (),
) -> int:
    """Label counted cells; returns how many labels were new. All are written, or none.

    Another reader may write the session at the same moment, or a daemon count it: both are tried in turn for a while. A
    label that is given twice changes nothing, so a lost answer does no harm.

    Parameters
    ----------
    reading
        Which reading they are of; None for the first.
    settled
        Cells on which the readers disagreed, and these labels decide.

    Raises
    ------
    SessionMissing
        It was deleted.
    SessionSigned
        It takes no more labels.
    LabelsNotTaken, LedgerRefused, LedgerUnusable
        Whoever writes the session does not take them, a cell is not to be labelled, or the disk fails.
    """
    with _ONE_AT_A_TIME:
        until_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return _write(folder, labels, by, reading, settled)
            except SessionBusy:
                events = [Labelled(frame, index, label, by, 1, 0, None, reading) for (frame, index), label in labels]
                try:
                    return send_labels(
                        runtime_dir, folder.name, events, by=by, settled=settled, answer_s=_HUB_ANSWERS_S
                    )
                except LabelsNotTaken:
                    if time.monotonic() > until_s:
                        raise
            time.sleep(_BETWEEN_S)


def _write(
    folder: Path,
    labels: Sequence[tuple[CellKey, LabelName]],
    by: str,
    reading: Reading | None,
    settled: Container[CellKey],
) -> int:
    if not (folder / LEDGER_FILE).is_file():
        raise SessionMissing(folder.parent.parent, folder.name)  # opening it would make another one
    with Ledger.open(folder) as ledger:
        now_ns = time.time_ns()
        events = make_labels(ledger, labels, by=by, labelled_at_ns=now_ns, reading=reading, settled=settled)
        return len(ledger.append(events))
