"""Opening a recorded session for writing, for a moment."""

import time
from pathlib import Path
from typing import Final

from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import SessionMissing

_PATIENCE_S: Final = 5.0
_BETWEEN_S: Final = 0.05


def open_for_a_moment(folder: Path) -> Ledger:
    """Open a session for writing; another page may write it for a moment, which is waited for.

    Raises
    ------
    SessionBusy
        It is written for longer.
    SessionMissing, LedgerUnusable
        It cannot be written.
    """
    if not (folder / LEDGER_FILE).is_file():
        raise SessionMissing(folder.parent.parent, folder.name)  # opening it would make another one
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return Ledger.open(folder)
        except SessionBusy:
            if time.monotonic() > until_s:
                raise
        time.sleep(_BETWEEN_S)
