"""What is read out of a session, or signed, as the audit journal has it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from smearwatch.daemon.anchoring import anchor_once, tell
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.anchors import EXPORTED, present, short_id, state_of
from smearwatch.daemon.record.audit import AuditUnusable, writing
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.signature import Amended, Signed

_T = TypeVar("_T")


def note_export(
    ledger: LedgerReader,
    format_name: str,
    to: str,
    options: Mapping[str, Any] | None = None,
    by: str | None = None,
) -> str:
    """Write down that a session's result was written out: in which format, to where, at which entry.

    Returns
    -------
    str
        Why it could not be written down, for whoever exports; empty where it was. Nothing is refused for that: a
        result may be read where nothing can be written.
    """
    state_dir = state_of(ledger.folder)
    if state_dir is None:
        return ""
    anchor = present(ledger)
    said = {"format": format_name, "to": to, "options": dict(options or {}), **anchor.as_values()}
    try:
        with writing(state_dir) as journal:
            entry = journal.add(EXPORTED, by=by, session=ledger.folder.name, values=said)
    except AuditUnusable as error:
        return f"That this was written out is not in the audit journal: {error}."
    tell(anchor, short_id(ledger), entry)
    return ""


def anchored(folder: Path, act: Callable[[], _T]) -> tuple[_T, str]:
    """Sign or amend a session, and anchor it.

    Returns
    -------
    tuple
        What `act` returned, and why it is not anchored; empty where it is.

    Raises
    ------
    AuditUnusable
        Before anything is done, where the audit journal cannot be written.
    """
    if (state_dir := state_of(folder)) is not None:
        with writing(state_dir):
            pass
    done = act()
    why = "amended" if isinstance(done, Amended) else "signed"
    try:
        anchor_once(folder, why, done.by if isinstance(done, Signed | Amended) else None)
    except AuditUnusable as error:  # the signature stands, and whoever signed is told
        return done, f"It is not in the audit journal: {one_line(error)}."
    return done, ""
