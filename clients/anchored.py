"""Whether a record still is what it was when it was anchored: in the audit journal, and in lines of a log."""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from smearwatch.daemon.record.anchors import (
    LoggedAnchor,
    anchored_last,
    anchors_of,
    faults_of,
    in_lines,
    present,
    short_id,
)
from smearwatch.daemon.record.audit import AuditUnusable, Trail, read_trail
from smearwatch.daemon.record.imported import Imported
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import frames_without_ledger, session_names
from smearwatch.daemon.regular_file import open_regular

_LARGEST_LOG: Final = 16 * 1024**3
_LONGEST_LINE: Final = 2**20
"""Letters; a longer line is taken as several, and none of them is of ours."""


class LinesUnusable(OSError):
    """A file with lines of a log that cannot be read."""

    hint = "write it with: journalctl -t smearwatch > FILE"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


@dataclass(frozen=True, slots=True)
class AnchorCheck:
    """What anchors say of a record.

    Attributes
    ----------
    anchors, logged
        How many there are in the audit journal, and in the log; None where no log was given.
    faults
        What is not as it was anchored.
    notes
        What a person should know besides.
    """

    anchors: int
    logged: int | None
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def check_anchors(
    ledger: LedgerReader, state_dir: Path, imported: Imported | None, log: Sequence[LoggedAnchor] | None
) -> AnchorCheck:
    """Compare a record with all that anchors it; ``log`` is what `read_lines` found in a log, None without one."""
    name, record, notes = ledger.folder.name, present(ledger).record, []
    try:
        trail = read_trail(state_dir)
    except AuditUnusable as error:
        trail = Trail()
        notes.append(f"the audit journal cannot be read: {error} ({error.hint})")
    if trail.faults:
        notes.append("the audit journal itself was altered: smearwatch audit verify")
    anchors = anchors_of(trail.entries, name, record)
    logged = None if log is None else _of_this(ledger, log, imported)
    faults = faults_of(ledger, trail, logged or ())
    if not anchors and not logged and imported is None:  # what was imported has its end kept beside it
        notes.append("nothing anchors it, so entries that were cut off at its end could not be noticed")
    elif logged is not None and not logged:
        notes.append("no line of the log is about it")
    return AnchorCheck(len(anchors), None if logged is None else len(logged), tuple(faults), tuple(notes))


def missing_sessions(state_dir: Path) -> dict[str, str]:
    """Return the sessions whose record is gone although nothing says that they were deleted, and what tells of each.

    The audit journal has an anchor of it, or its frames are there still.
    """
    missing = {}
    if anchored := _anchored_and_gone(state_dir):
        # Once more: what was deleted, or begun, between the two looks is gone, or there, for a reason.
        anchored = {name: event for name, event in _anchored_and_gone(state_dir).items() if name in anchored}
    for name, event in anchored.items():
        missing[name] = f"its record is gone: it was anchored at entry {event}, and nothing says that it was deleted"
    for name in frames_without_ledger(state_dir):
        missing.setdefault(name, "its frames are there, and its record is gone")
    return dict(sorted(missing.items()))


def _anchored_and_gone(state_dir: Path) -> dict[str, int]:
    try:
        anchored = anchored_last(read_trail(state_dir))
    except AuditUnusable:  # said where each session is held against it
        return {}
    there = {*session_names(state_dir)}
    return {name: event for name, event in anchored.items() if name not in there}


def read_lines(path: Path) -> list[LoggedAnchor]:
    """Return the anchors in a file with lines of a log, ``-`` being standard input; raises `LinesUnusable`."""
    try:
        with _opened(path) as file:
            return list(in_lines(iter(partial(file.readline, _LONGEST_LINE), "")))
    except OSError as error:
        raise LinesUnusable(path, error.strerror or str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdin
        return
    with io.TextIOWrapper(open_regular(path, most_bytes=_LARGEST_LOG), encoding="utf-8", errors="replace") as file:
        yield file


def _of_this(ledger: LedgerReader, logged: Sequence[LoggedAnchor], imported: Imported | None) -> list[LoggedAnchor]:
    """Return those about this copy of the record, and of one that came as an archive those of before."""
    here = short_id(ledger)
    there = None if imported is None else short_id(ledger, imported.session)
    most = 0 if imported is None else imported.events
    return [each for each in logged if each.short == here or (each.short == there and each.event <= most)]
