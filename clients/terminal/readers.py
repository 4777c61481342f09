"""How the sessions of this computer are read; known before the first screen, which loads nothing for it."""

from dataclasses import dataclass
from pathlib import Path

from smearwatch.daemon.config import Settings
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_folder


@dataclass(frozen=True, slots=True)
class Readers:
    """How sessions are read here.

    Attributes
    ----------
    settings
        Where they are, and the keys.
    by
        Whose labels they are; empty until somebody says so.
    within, only
        How near shares are to be known, in percentage points to either side; the one class that is, None for all.
    config
        The settings file that was named, None for the usual one.
    """

    settings: Settings
    by: str = ""
    within: float = WITHIN
    only: str | None = None
    config: Path | None = None

    @property
    def state_dir(self) -> Path:
        """Where the sessions are."""
        return self.settings.state_dir

    @property
    def runtime_dir(self) -> Path:
        """Where the daemon's sockets are."""
        return self.settings.runtime_dir

    def layout(self, session: str | None) -> KeyLayout:
        """Return the keys for a session, for none those of one that is to come; raises `KeysClash`."""
        if session is None or not (session_folder(self.state_dir, session) / LEDGER_FILE).is_file():
            return self.settings.key_layout()
        from smearwatch.clients.reviewing.layout import layout_of_session

        return layout_of_session(self.settings, session_folder(self.state_dir, session))
