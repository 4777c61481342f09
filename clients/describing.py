"""What people say of a session, read and written: sessions as a list, searched, and described anew."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smearwatch.clients.asking import REQUESTS, ask
from smearwatch.daemon.record.description import DESCRIBED, describe
from smearwatch.daemon.record.imported import read_imported
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import describe_session, session_names
from smearwatch.daemon.wire.messages import DescribeSession


def list_described(state_dir: Path, find: str | None = None) -> list[dict[str, Any]]:
    """Return the recorded sessions by name: how large each is, what is said of it, how far it is.

    Parameters
    ----------
    state_dir
        Where they are.
    find
        Only those with this in name, title, specimen, operator or note; capitals are as small letters.
    """
    described = [describe_one(state_dir, name) for name in session_names(state_dir)]
    return described if find is None else [each for each in described if _holds(each, find)]


def describe_one(state_dir: Path, name: str) -> dict[str, Any]:
    """Describe a session; one that cannot be read is described by its fault, so that it still is in the list."""
    folder = describe_session(state_dir, name)
    described: dict[str, Any] = {"session": name, "size_bytes": folder.size_bytes, "running": folder.running}
    try:
        with LedgerReader.read(folder.path) as ledger:
            summary, description, signature = ledger.summary(), ledger.description(), ledger.signature()
            amended = signature is None and bool(ledger.rows("SELECT 1 FROM events WHERE kind = 'amended' LIMIT 1"))
    except LedgerUnusable as error:
        return described | {"fault": f"{error} ({error.hint})"}
    said = dict.fromkeys(DESCRIBED) if description is None else description.said
    return described | {
        **said,
        "described": description.ordinal if description else 0,
        "described_by": description.by if description else None,
        "began_at_ns": summary.began_at_ns,
        "last_at_ns": summary.last_at_ns,
        "events": summary.events,
        "epochs": summary.epochs,
        "frames_seen": summary.frames,
        "frames_pending": summary.pending,
        "cells_found": summary.cells,
        "cells_judged": summary.cells_counted,
        "cells_labelled": summary.cells_labelled,
        "signed_by": None if signature is None else signature.by,
        "amended": amended,
        "imported": read_imported(folder.path) is not None,
        "fault": None,
    }


def describe_anew(folder: Path, runtime_dir: Path, changes: Mapping[str, str | None], by: str) -> None:
    """Change what is said of a session, also while it is counted: then whoever counts it writes.

    Parameters
    ----------
    folder
        The session's.
    runtime_dir
        Where the daemon's sockets are.
    changes
        By the names of `smearwatch.daemon.record.description`; None takes away.
    by
        Who says it.

    Raises
    ------
    DescriptionUnusable, SessionSigned, LedgerUnusable, NotAgreed
        It cannot be said.
    """
    try:
        with Ledger.open(folder) as ledger:
            event = describe(ledger.description(), changes, by=by, described_at_ns=time.time_ns())
            if event is not None:
                ledger.append([event])
    except SessionBusy:
        request = next(REQUESTS)
        ask(runtime_dir, DescribeSession(request, folder.name, by, dict(changes)), request)


def _holds(described: Mapping[str, Any], text: str) -> bool:
    """Return whether a session has a text in what it is called or what is said of it."""
    wanted = text.strip().casefold()
    return any(wanted in (described.get(key) or "").casefold() for key in ("session", *DESCRIBED))
