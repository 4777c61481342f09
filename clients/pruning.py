"""Which sessions may go: beyond the age and the size that are kept, and never one that somebody is not done with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smearwatch.clients.describing import list_described
from smearwatch.clients.owed_messages import owes
from smearwatch.daemon.record.deletions import Why
from smearwatch.daemon.record.earlier import followed_in
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder

DAY_NS = 24 * 3600 * 10**9
GB = 10**9


class NoLongerSigned(Exception):
    """A session was opened again after it was chosen to be deleted."""

    hint = "nothing of it was deleted"

    def __init__(self, name: str) -> None:
        super().__init__(f"session {name} is not signed any more")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A session, as far as it is asked whether it may go.

    Attributes
    ----------
    name, size_bytes
        Which one, and how large.
    last_at_ns
        When its last entry was recorded, None without any.
    signed_by
        Who signed it, None where it is not.
    kept_for
        Why it stays whatever is kept, None where it may go.
    """

    name: str
    size_bytes: int
    last_at_ns: int | None
    signed_by: str | None
    kept_for: str | None

    def is_older(self, days: int, now_ns: int) -> bool:
        """Return whether nothing was recorded for so many days."""
        return self.last_at_ns is not None and now_ns - self.last_at_ns > days * DAY_NS


def recorded_sessions(state_dir: Path) -> list[Recorded]:
    """Return all sessions, those first whose last entry is the oldest."""
    described = list_described(state_dir)
    own = {each["session"]: _kept_for(state_dir, each) for each in described}
    found = []
    for each in described:
        name, kept_for = each["session"], own[each["session"]]
        if kept_for is None:
            after = _next_session(state_dir, name)
            # Whoever goes on with that one has to know which pictures are of this one.
            if after is not None and (why := own.get(after)) is not None:
                kept_for = f"session {after} follows it, which {why}"
        found.append(Recorded(name, each["size_bytes"], each.get("last_at_ns"), each.get("signed_by"), kept_for))
    return sorted(found, key=lambda each: (each.last_at_ns or 0, each.name))


def beyond(
    sessions: Sequence[Recorded], keep_days: int | None, keep_bytes: float | None, now_ns: int
) -> list[tuple[Recorded, Why]]:
    """Return the sessions that go, and why.

    Parameters
    ----------
    sessions
        As `recorded_sessions` returns them.
    keep_days
        Those go that are older; None for none.
    keep_bytes
        Then the oldest ones go until all together are no more than this; None for none.
    now_ns
        The time.
    """
    may_go = [each for each in sessions if each.kept_for is None]
    go: list[tuple[Recorded, Why]] = []
    if keep_days is not None:
        go += [(each, "age") for each in may_go if each.is_older(keep_days, now_ns)]
    if keep_bytes is not None:
        gone = {each.name for each, _ in go}
        left = sum(each.size_bytes for each in sessions if each.name not in gone)
        for each in may_go:
            if left <= keep_bytes:
                break
            if each.name not in gone:
                go.append((each, "size"))
                left -= each.size_bytes
    return go


def check_signed(folder: Path) -> None:
    """Refuse a session that was opened again meanwhile; raises `NoLongerSigned`."""
    with LedgerReader.read(folder) as ledger:
        if ledger.signature() is None:
            raise NoLongerSigned(folder.name)


def _kept_for(state_dir: Path, described: dict[str, Any]) -> str | None:
    if described["running"]:
        return "is being counted"
    if described["fault"]:
        return "cannot be read"
    if not described["signed_by"]:
        return "is not signed"
    return "has a message that waits to be sent" if owes(session_folder(state_dir, described["session"])) else None


def _next_session(state_dir: Path, name: str) -> str | None:
    try:
        with LedgerReader.read(session_folder(state_dir, name)) as ledger:
            after = followed_in(ledger)
    except LedgerUnusable:
        return None
    return None if after is None else after.next_session
