"""Whether other sessions have the same pictures, byte for byte, under whatever names: a copied folder counts twice."""

import json
from collections.abc import Collection
from pathlib import Path

from smearwatch.daemon.record.imported import IMPORTED_FILE
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder, session_names


def pictures_elsewhere(state_dir: Path, session: str) -> dict[str, int]:
    """Return which other sessions have pictures of a session, and how many.

    Replays and imported copies, which are of the same, are not among them.

    Parameters
    ----------
    state_dir
        Where sessions live. One that cannot be read there has nothing of it.
    session
        The session's name.
    """
    return sessions_with(state_dir, session, pictures_of(state_dir, session))


def pictures_of(state_dir: Path, session: str, after: int = 0) -> list[str]:
    """Return the frames that a session has seen, after so many of them; none of a replay or an imported copy.

    Raises
    ------
    LedgerUnusable
        It cannot be read.
    """
    with LedgerReader.read(session_folder(state_dir, session)) as ledger:
        return pictures_in(ledger, after)


def pictures_in(ledger: LedgerReader, after: int = 0) -> list[str]:
    """Return the frames of an open ledger as `pictures_of` does."""
    if _is_copy(ledger):
        return []
    rows = ledger.rows("SELECT frame FROM frames ORDER BY seen_number LIMIT -1 OFFSET ?", after)
    return [str(frame) for (frame,) in rows]


def sessions_with(state_dir: Path, session: str, frames: Collection[str]) -> dict[str, int]:
    """Return which sessions but this one have some of these frames, and how many."""
    found = {}
    wanted = json.dumps([*frames])
    for name in session_names(state_dir) if frames else []:
        if name == session:
            continue
        try:
            with LedgerReader.read(session_folder(state_dir, name)) as ledger:
                asked = "SELECT count(*) FROM frames WHERE frame IN (SELECT value FROM json_each(?))"
                ((shared,),) = ledger.rows(asked, wanted)
                if shared and not _is_copy(ledger):
                    found[name] = int(shared)
        except LedgerUnusable:
            continue
    return found


def _is_copy(ledger: LedgerReader) -> bool:
    imported = (ledger.folder / IMPORTED_FILE).exists()
    return imported or any(each.settings.get("replay_of") for each in ledger.openings())
