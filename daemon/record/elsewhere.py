"""Whether other sessions have the same pictures, byte for byte, under whatever names: a copied folder counts twice."""

import json
from collections.abc import Collection, Mapping
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


def elsewhere_text(elsewhere: Mapping[str, int] | None) -> str | None:
    """Return what a person is told of pictures that other sessions have, too; None where none has."""
    if not elsewhere:
        return None
    (name, pictures), *others = elsewhere.items()
    more = "".join(f", {number} in {other}" for other, number in others[:2])
    more += f", and some in {len(others) - 2} more" if len(others) > 2 else ""
    are = "1 of these pictures is" if pictures == 1 else f"{pictures} of these pictures are"
    return f"{are} also in session {name}{more}: the same slide may be counted twice"


def _is_copy(ledger: LedgerReader) -> bool:
    imported = (ledger.folder / IMPORTED_FILE).exists()
    return imported or any(each.settings.get("replay_of") for each in ledger.openings())
