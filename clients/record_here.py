"""Where cells are named, described and signed: on the computer that has the record."""

from pathlib import Path
from urllib.parse import urlsplit

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.reaching import is_elsewhere
from smearwatch.daemon.record.sessions import SessionMissing, find_session


class RecordElsewhere(Hinted):
    """The count that is meant is on another computer, and its sessions with it."""

    def __init__(self, settings: Settings, session: str | None = None) -> None:
        which = "its sessions are" if session is None else f"session {session} is"
        super().__init__(f"{which} not on this computer: the count is at {settings.hub}", how_from_elsewhere(settings))


def how_from_elsewhere(settings: Settings) -> str:
    """Return how the cells of another computer's count are named and signed from here."""
    host = urlsplit(settings.hub or "").hostname or "THAT-COMPUTER"
    return (
        f"cells are named and signed on the review page of {host}: https://{host}:8443/, once somebody there has typed "
        "`smearwatch review --follow --listen 0.0.0.0` with a certificate and accounts; see docs/review-access.md"
    )


def session_here(settings: Settings, name: str) -> Path:
    """Return the folder of a session that is to be named, described or signed.

    Raises
    ------
    NameUnusable, SessionMissing
        See `smearwatch.daemon.record.sessions.find_session`.
    RecordElsewhere
        It is not here, and the settings name a hub on another computer.
    """
    try:
        return find_session(settings.state_dir, name)
    except SessionMissing:
        if is_elsewhere(settings):
            raise RecordElsewhere(settings, name) from None
        raise
