"""What sessions lie in a folder: archived ones as files, and recorded ones as folders."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.archive import Archive
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE

_SUFFIX: Final = ".smearwatch"


class ArchiveEmpty(Hinted):
    """A folder that holds no session."""


@dataclass(frozen=True, slots=True)
class Record:
    """Which record a session has: whoever knows the chain's value at its last entry knows all of them."""

    session: str
    events: int
    chain: str


def list_sessions(folder: Path) -> dict[str, Path]:
    """Return the sessions below a folder, by their path within it, in alphabetical order.

    Parameters
    ----------
    folder
        With files that ``smearwatch sessions export --format archive`` wrote, or with the folders of sessions, as a
        state folder has them, or with both, at any depth. Links to folders are not followed.

    Raises
    ------
    ArchiveEmpty
        There is none.
    """
    if not folder.is_dir():
        raise ArchiveEmpty(f"{folder} is no folder", "name the folder that holds the archived sessions")
    found = {path.relative_to(folder).as_posix(): path for path in _below(folder)}
    if not found:
        hint = f"put files there that `smearwatch sessions export --format archive` wrote, named ….{_SUFFIX[1:]}"
        raise ArchiveEmpty(f"no session lies in {folder}", hint)
    return dict(sorted(found.items()))


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # deleted, or not finished
        if path.suffix == _SUFFIX and path.is_file():
            yield path
        elif path.name == LEDGER_FILE and path.parent != folder:
            yield path.parent


def record_of(path: Path) -> Record:
    """Return which record a session has, by what its file or its ledger says at first sight.

    Raises
    ------
    ArchiveUnusable, LedgerUnusable
        It cannot be read.
    """
    if path.is_file():
        with Archive(path) as archive:
            return Record(archive.manifest.session, archive.manifest.events, archive.manifest.chain)
    with LedgerReader.read(path) as ledger, ledger.at_one_moment():
        last = ledger.last_number
        rows = ledger.rows("SELECT chain FROM events WHERE number = ?", last)
        return Record(ledger.session, last, rows[0][0].hex() if rows else "")
