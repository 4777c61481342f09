"""Anchors: where a session's chain stood, kept outside its ledger, so that an end that was cut off is noticed.

A ledger whose last entries were deleted is a sound chain still. An anchor says that there were more.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from smearwatch.daemon.record.anchor import ANCHORS, MOST_CARRIED, Anchor
from smearwatch.daemon.record.audit import AuditUnusable, AuditWriter, Entry, Trail, read_about
from smearwatch.daemon.record.chain import genesis
from smearwatch.daemon.record.reading import LedgerReader

ANCHOR: Final = "anchor"
EXPORTED: Final = "exported"
_KINDS: Final = (ANCHOR, EXPORTED)
LINE: Final = "chain anchor"
"""What a line of a log says that has an anchor."""

_VALUE: Final = re.compile(r'\b(record|entry|chain|audit|audit_chain)\\?"?\s*[=:]\s*\\?"?([0-9a-f]+)\b')


@dataclass(frozen=True, slots=True)
class LoggedAnchor:
    """An anchor from a log, which names no session: ``short`` is as `short_id` gives it."""

    short: str
    event: int
    chain: str
    audit: int
    audit_chain: str


def state_of(folder: Path) -> Path | None:
    """Return the state folder of a session's folder, None for one that lies elsewhere."""
    return folder.parent.parent if folder.parent.name == "sessions" else None


def present(ledger: LedgerReader) -> Anchor:
    """Return where a session's chain stands now."""
    first = ledger.rows("SELECT chain FROM events WHERE number = 1")
    last = ledger.rows("SELECT number, chain FROM events ORDER BY number DESC LIMIT 1")
    number, chain = last[0] if last else (0, genesis(ledger.session))
    return Anchor((first[0][0] if first else chain).hex(), number, chain.hex())


def short_id(ledger: LedgerReader, name: str | None = None) -> str:
    """Return by what a log calls a session: it says nothing of its name, and is another for each copy of a record."""
    return hashlib.sha256(f"{present(ledger).record} {name or ledger.folder.name}".encode()).hexdigest()[:16]


def drop(journal: AuditWriter, ledger: LedgerReader, why: str, by: str | None = None) -> tuple[Anchor, Entry]:
    """Write into the audit journal where a session's chain stands now; raises `AuditUnusable`."""
    anchor = present(ledger)
    values = {**anchor.as_values(), "why": why}
    return anchor, journal.add(ANCHOR, by=by, session=ledger.folder.name, values=values)


def anchors_of(entries: Iterable[Entry], session: str, record: str) -> list[Anchor]:
    """Return a session's anchors, those that came with its archive, too: from all entries about this record."""
    found: list[Anchor] = []
    for entry in entries:
        if entry.session == session:
            found += [each for each in _anchors_in(entry) if each.record == record]
    return found


def record_before(trail: Trail, session: str, record: str) -> Entry | None:
    """Return the last anchor of another record under this name, where nothing says that it was deleted."""
    other: Entry | None = None
    for entry in trail.entries:
        if entry.session != session:
            continue
        if entry.kind == "deleted":
            other = None
        elif entry.kind in _KINDS and any(each.event and each.record != record for each in _anchors_in(entry)):
            other = entry
    return other


def anchored_last(trail: Trail) -> dict[str, int]:
    """Return how many entries each session had when it was anchored last, without those that were deleted since."""
    events: dict[str, int] = {}
    for entry in trail.entries:
        if entry.session is None:
            continue
        if entry.kind == "deleted":
            events.pop(entry.session, None)
        elif entry.kind in _KINDS and (most := max((each.event for each in _anchors_in(entry)), default=0)):
            events[entry.session] = most
    return events


def flaws(ledger: LedgerReader, anchors: Iterable[Anchor | LoggedAnchor]) -> Iterator[str]:
    """Yield what says that a record is not, or no longer, what it was when it was anchored."""
    last = ledger.last_number
    latest = max((each.event for each in anchors if each.event > last), default=0)
    if latest:
        gone = latest - last
        entries = f"entry {latest} is" if gone == 1 else f"entries {last + 1} to {latest} are"
        yield f"its end was cut off: {entries} gone, which the anchors have"
    for anchor in anchors:
        if 0 < anchor.event <= last and ledger.rows("SELECT chain FROM events WHERE number = ?", anchor.event) != [
            (bytes.fromhex(anchor.chain),)
        ]:
            yield f"entry {anchor.event} is another than the one that was anchored"
            return


def faults_of(ledger: LedgerReader, trail: Trail, logged: Iterable[LoggedAnchor] = ()) -> list[str]:
    """Return what says that a record is not what it was: its anchors, or those of another one under its name."""
    name, record = ledger.folder.name, present(ledger).record
    faults = list(flaws(ledger, [*anchors_of(trail.entries, name, record), *logged]))
    if (other := record_before(trail, name, record)) is not None:
        faults.append(
            f"another record of this name was anchored at entry {other.values.get('event')}, and is gone: "
            "nothing says that it was deleted"
        )
    return faults


def anchored_faults(folder: Path) -> list[str]:
    """Return what of a session's record is gone or altered, by the audit journal; nothing where that cannot be read.

    That another record had this name says nothing against this one.
    """
    state_dir = state_of(folder)
    if state_dir is None:
        return []
    try:
        entries = read_about(state_dir, folder.name)  # before the record, which may be written on meanwhile
    except AuditUnusable:
        return []
    with LedgerReader.read(folder) as ledger:
        return list(flaws(ledger, anchors_of(entries, folder.name, present(ledger).record)))


def carried(anchors: Sequence[Anchor]) -> tuple[Anchor, ...]:
    """Return anchors as an archive takes them along: an export's own would make each archive another file."""
    kept = {(each.event, each.chain): each for each in anchors if each.event and each.why != EXPORTED}
    in_order = sorted(kept.values(), key=lambda each: each.event)
    step = 1 + len(in_order) // MOST_CARRIED
    return tuple(in_order[::-step][::-1])  # the last one always, for what was cut off before is


def in_lines(lines: Iterable[str]) -> Iterator[LoggedAnchor]:
    """Yield the anchors in lines of a log, as text or JSON; what is none, or no whole one, is passed over."""
    for line in lines:
        if LINE not in line:
            continue
        values = dict(_VALUE.findall(line.partition(LINE)[0] + line.partition(LINE)[2]))
        try:
            yield LoggedAnchor(
                values["record"],
                int(values["entry"]),
                bytes.fromhex(values["chain"]).hex(),
                int(values.get("audit", "0")),
                values.get("audit_chain", ""),
            )
        except (KeyError, ValueError):
            continue


def audit_flaws(trail: Trail, logged: Iterable[LoggedAnchor]) -> Iterator[str]:
    """Yield what says that an audit journal's end was cut off, or that it is another one than a log has."""
    chains = {entry.number: entry.chain for entry in trail.entries}
    last = trail.head[0]
    told = [each for each in logged if each.audit]
    latest = max((each.audit for each in told if each.audit > last), default=0)
    if latest:
        yield f"its end was cut off: the log has entry {latest}, and the last one here is {last}"
    for each in told:
        if each.audit <= last and chains.get(each.audit) != each.audit_chain:
            yield f"entry {each.audit} is another than the one in the log"
            return


def _anchors_in(entry: Entry) -> Iterator[Anchor]:
    values, why = entry.values, EXPORTED
    if entry.kind in _KINDS:
        if entry.kind == ANCHOR:
            why = str(values.get("why", ""))
        about = {key: values.get(key) for key in ("record", "event", "chain")}
        yield from _as_anchor({**about, "at_ns": entry.at_ns, "why": why})
    elif entry.kind == "imported" and isinstance(values.get("anchors"), list):
        for each in values["anchors"]:
            yield from _as_anchor(each)


def _as_anchor(values: object) -> Iterator[Anchor]:
    with suppress(ValidationError):  # of a journal that was altered, which is told elsewhere
        yield ANCHORS.validate_json(json.dumps(values))
