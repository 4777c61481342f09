"""Whether a session is signed, asked of its ledger: then nothing may change its result until it is amended."""

import sqlite3
from typing import Final

from smearwatch.daemon.record.events import (
    Analysed,
    Counted,
    Described,
    Event,
    EventInvalid,
    Followed,
    Found,
    Labelled,
    Ranged,
    Rejected,
    Seen,
    Signed,
    Tallied,
    event_from_bytes,
)
from smearwatch.daemon.sign_text import when_text

CHANGING: Final = (Seen, Rejected, Found, Ranged, Counted, Labelled, Described, Tallied, Analysed, Followed)
"""What a signed session does not take: what changes its result, what it is said to be of, what is shown beside it."""

# By their keys, for which there is an index: this is asked before each event that is written.
_NUMBERS: Final = (
    "SELECT (SELECT count(*) FROM events WHERE key >= 'signed:' AND key < 'signed;'), "
    "(SELECT count(*) FROM events WHERE key >= 'amended:' AND key < 'amended;')"
)


class SessionSigned(Exception):
    """The session is signed, so that its result stays as it is.

    Parameters
    ----------
    session : str
        Its name.
    signed : Signed
        The signature that holds.
    """

    def __init__(self, session: str, signed: Signed) -> None:
        super().__init__(f"session {session} was signed by {signed.by} on {when_text(signed.signed_at_ns)}")
        self.signed = signed
        self.hint = (
            "give another session's name, or reopen this one first: "
            f'smearwatch sessions amend {session} --by WHO --reason "..."'
        )


def numbers_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how often a session was signed, and how often amended: as often, or once less while it is signed."""
    signed, amended = connection.execute(_NUMBERS).fetchone()
    return int(signed), int(amended)


def signature_of(connection: sqlite3.Connection) -> Signed | None:
    """Return the signature that holds, None where there is none or the session was amended since."""
    signed, amended = numbers_of(connection)
    if signed <= amended:
        return None
    row = connection.execute("SELECT body FROM events WHERE key = ?", (f"signed:{signed}",)).fetchone()
    try:
        event = None if row is None else event_from_bytes(row[0])
    except EventInvalid:
        event = None
    if not isinstance(event, Signed):
        raise sqlite3.DatabaseError(f"signature {signed} is damaged")
    return event


def check_seal(connection: sqlite3.Connection, event: Event, session: str) -> None:
    """Let nothing into a signed session that would change what is shown of it; raises `SessionSigned`."""
    if isinstance(event, CHANGING) and (signed := signature_of(connection)) is not None:
        raise SessionSigned(session, signed)
