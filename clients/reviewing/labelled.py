"""What people have labelled so far, session by session: what networks could learn from."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.record.classes import CLASSES, TEACH_NOTHING, UNDIVIDED, WITHDRAWN, is_extra
from smearwatch.daemon.record.events import Labelled, event_from_bytes
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import find_session, session_names

TO_REJECT: Final = "none of these"
COLUMNS: Final = (*CLASSES, UNDIVIDED, TO_REJECT)
"""The labels that teach: a class, a neutrophil that is not divided, or that a cell is none of the classes."""


def labelled_so_far(state_dir: Path) -> list[dict[str, Any]]:
    """Return for each session with labels how many there are of each kind, by `COLUMNS`, and who signed it.

    Labels that teach nothing are counted as ``left_out``. A session whose ledger cannot be read has its ``fault``.
    """
    found: list[dict[str, Any]] = []
    for name in session_names(state_dir):
        try:
            with LedgerReader.read(find_session(state_dir, name)) as ledger, ledger.at_one_moment():
                labels = _labels(ledger)
                signed = ledger.signature()
        except LedgerUnusable as error:
            found.append({"session": name, "fault": str(error)})
            continue
        if labels:
            kinds = Counter(_kind(label) for label in labels)
            taught = {column: kinds[column] for column in COLUMNS}
            by = None if signed is None else signed.by
            found.append({"session": name, "labels": taught, "left_out": kinds[""], "signed": by})
    return found


def _labels(ledger: LedgerReader) -> list[str]:
    """Return the label that stands of each labelled cell, in the first reading."""
    rows = ledger.rows("SELECT body FROM events WHERE key >= 'labelled:' AND key < 'labelled;' ORDER BY number")
    standing: dict[tuple[str, int], str] = {}
    for (body,) in rows:
        event = event_from_bytes(body)
        assert isinstance(event, Labelled)
        standing[event.frame, event.index] = event.label
    return [label for label in standing.values() if label != WITHDRAWN]


def _kind(label: str) -> str:
    if label in TEACH_NOTHING or is_extra(label):
        return ""
    return label if label in COLUMNS else TO_REJECT
