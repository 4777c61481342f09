"""``smearwatch sessions verify``: whether recorded sessions are as they were recorded."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.anchored import check_anchors, missing_sessions, read_lines
from smearwatch.clients.progress import progress
from smearwatch.clients.session_lines import no_digest_text
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.anchors import LoggedAnchor
from smearwatch.daemon.record.imported import flaws_of_import, read_imported
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import find_session, session_names
from smearwatch.daemon.record.verifying import Fault, thumbnails_without_digest, verify


class SessionDamaged(Exception):
    """A recorded session is not as it was recorded."""

    hint = "restore it from a copy; do not rely on its counts"

    def __init__(self, name: str, faults: int) -> None:
        super().__init__(f"session {name} is damaged: {_several(faults, 'fault')}")


class SessionsDamaged(Exception):
    """Of all recorded sessions some are not as they were recorded."""

    hint = "restore them from copies; do not rely on their counts"

    def __init__(self, names: Sequence[str], checked: int) -> None:
        are = "is" if len(names) == 1 else "are"
        super().__init__(f"{len(names)} of {_several(checked, 'session')} {are} damaged or gone: {', '.join(names)}")


def verify_sessions(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The session. [default: all, one after the other]")
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchors", metavar="FILE", help="Compare with this log, too (journalctl -t smearwatch); - for stdin."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Check that nothing of a record was altered; without a name, of all of them.

    Each recorded event, each stored frame and the small picture of each cell is compared with what was written when
    it was recorded. What differs is reported, and the exit status is then 1. Small pictures that an earlier version
    recorded have no digest, and are not checked.

    Entries that were cut off at the end are noticed by anchors: how far the record was at its beginning and end, when
    it was signed or exported, and every few minutes while it was counted. They stand in the audit journal
    (`smearwatch audit`), and in the log. Without a name, sessions that have an anchor there and are gone, or whose
    frames are there without a record, are named, too, but for those that were deleted with `sessions delete`.

    This says nothing about whether the cells were named rightly. A review of the results by a person is another thing:
    `smearwatch review`.

    Example: smearwatch sessions verify monday-3

    Example: smearwatch sessions verify
    """
    state_dir = load_settings(config).state_dir
    log = None if anchors is None else read_lines(anchors)
    if name is not None:
        if faults := _check(state_dir, name, log, as_json=as_json):
            raise SessionDamaged(name, faults)
        return
    names, damaged = session_names(state_dir), []
    for each in names:
        try:
            faults = _check(state_dir, each, log, as_json=as_json)
        except LedgerUnusable as error:  # the others are looked at all the same
            faults = 1
            _report_unreadable(each, error, as_json=as_json)
        if faults:
            damaged.append(each)
    for each, what in (missing := missing_sessions(state_dir)).items():
        _report_missing(each, what, as_json=as_json)
        damaged.append(each)
    if damaged:
        raise SessionsDamaged(damaged, len({*names, *missing}))
    if not as_json:
        none = f"no sessions under {state_dir}, so there is nothing to check"
        write_line(sys.stdout, f"all as recorded: {_several(len(names), 'session')}" if names else none)


def _check(state_dir: Path, name: str, log: Sequence[LoggedAnchor] | None, *, as_json: bool) -> int:
    """Check one session, print what was found; returns how many faults."""
    folder = find_session(state_dir, name)
    faults = 0
    with LedgerReader.read(folder) as ledger, progress(f"events of {name}", ledger.last_number) as advance:
        summary = ledger.summary()
        imported = read_imported(folder)
        without = imported is not None and imported.frames == "none"
        came = () if imported is None else (Fault(what) for what in flaws_of_import(ledger, imported))
        anchored = check_anchors(ledger, state_dir, imported, log)
        cut = (Fault(what) for what in anchored.faults)
        for fault in chain(verify(ledger, progress=advance, hash_frames=not without), came, cut):
            faults += 1
            _report(name, fault, as_json=as_json)
        unchecked = 0 if faults else thumbnails_without_digest(ledger)
    if as_json:
        found = {
            "session": name,
            "events": summary.events,
            "frames": summary.frames,
            "frames_checked": not without,
            "thumbnails_without_digest": unchecked,
            "anchors": anchored.anchors,
            "anchors_in_log": anchored.logged,
            "notes": anchored.notes,
            "faults": faults,
            "ok": not faults,
        }
        typer.echo(json.dumps(found))
        return faults
    if not faults:
        held = f"{_several(summary.frames, 'frame')} and {_several(summary.events, 'entry', 'entries')}"
        if without:
            held = (
                f"{_several(summary.events, 'entry', 'entries')}, imported without {_several(summary.frames, 'frame')},"
            )
        write_line(sys.stdout, f"{name}: nothing was changed: {held} are as they were recorded")
        if line := no_digest_text(unchecked):
            write_line(sys.stdout, f"{name}: {line}")
    for note in anchored.notes:
        write_line(sys.stdout, f"{name}: {note}")
    return faults


def _report(name: str, fault: Fault, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"session": name, **asdict(fault)}))
    else:
        write_line(sys.stdout, f"{name}: {fault.what}")


def _report_unreadable(name: str, error: LedgerUnusable, *, as_json: bool) -> None:
    _report_missing(name, f"{error} ({error.hint})", as_json=as_json)


def _report_missing(name: str, what: str, *, as_json: bool) -> None:
    _report(name, Fault(what), as_json=as_json)
    if as_json:
        typer.echo(json.dumps({"session": name, "faults": 1, "ok": False}))


def _several(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or f'{one}s'}"
