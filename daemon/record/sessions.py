"""Where sessions live and what they are called: names, folders, listing and deleting. Files only, no events."""

import difflib
import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smearwatch.daemon.names import checked_name, is_name
from smearwatch.daemon.record.lock import SessionLock, holder
from smearwatch.daemon.record.schema import LEDGER_FILE

_BETWEEN: Final = re.compile(r"[^A-Za-z0-9._]+")
_DOOMED: Final = ".deleted-"


class SessionMissing(LookupError):
    """There is no session of that name.

    Parameters
    ----------
    root : Path
        The state folder that was searched.
    name : str
        The name asked for.
    """

    def __init__(self, root: Path, name: str) -> None:
        super().__init__(f"no session {name!r} under {root}")
        near = difflib.get_close_matches(name, session_names(root), n=3, cutoff=0.5)
        self.hint = f"did you mean {', '.join(near)}?" if near else "`smearwatch sessions list` shows what there is"


class SessionLinked(Exception):
    """A session to delete is a link to a folder elsewhere."""

    hint = "remove the link and the folder by hand"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is a link to {folder.resolve()}, so nothing was deleted")


class SessionNotDeleted(OSError):
    """The system refused to delete a session's files."""

    hint = "give this user the right to write in that folder, then delete the session again"


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """A session as files. ``pid`` is that of its writer where one runs and is known."""

    name: str
    path: Path
    size_bytes: int
    running: bool
    pid: int | None


def sessions_root(state_dir: Path) -> Path:
    """Return the folder that holds the sessions of a state folder."""
    return state_dir / "sessions"


def check_name(name: str) -> str:
    """Return a session's name if it can be one; raises `smearwatch.daemon.names.NameUnusable`."""
    return checked_name(name, "session")


def name_from(text: str) -> str | None:
    """Return the session's name that a folder's name stands for, None where it stands for none.

    Accents are dropped, and whatever else cannot be in a session's name becomes a dash. A name that is too long stands
    for none: cut off, it might be another's.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    name = _BETWEEN.sub("-", plain).strip("-").lstrip(".-")
    return name if is_name(name) else None


def session_folder(state_dir: Path, name: str) -> Path:
    """Return a session's folder, whether it is there or not; raises `NameUnusable`."""
    return sessions_root(state_dir) / check_name(name)


def find_session(state_dir: Path, name: str) -> Path:
    """Return the folder of a session that is there.

    Raises
    ------
    NameUnusable
        The name cannot be one.
    SessionMissing
        There is no such session.
    """
    folder = session_folder(state_dir, name)
    if not (folder / LEDGER_FILE).is_file():
        raise SessionMissing(state_dir, name)
    return folder


def session_names(state_dir: Path) -> list[str]:
    """Return the names of the sessions that are there, in alphabetical order."""
    root = sessions_root(state_dir)
    if not root.is_dir():
        return []
    return sorted(e.name for e in root.iterdir() if is_name(e.name) and (e / LEDGER_FILE).is_file())


def frames_without_ledger(state_dir: Path) -> list[str]:
    """Return the names of the folders that hold a session's frames and no ledger, in alphabetical order."""
    root = sessions_root(state_dir)
    if not root.is_dir():
        return []
    # The frames first: whoever begins a session makes its ledger before them.
    with_frames = [each for each in root.iterdir() if is_name(each.name) and _is_filled(each / "frames")]
    return sorted(each.name for each in with_frames if each.exists() and not (each / LEDGER_FILE).is_file())


def _is_filled(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def describe_session(state_dir: Path, name: str) -> SessionFolder:
    """Return how large a session is and whether it is being written; raises as `find_session` does."""
    folder = find_session(state_dir, name)
    busy = holder(folder)
    return SessionFolder(name, folder, _size_bytes(folder), busy is not None, busy.pid if busy else None)


def delete_session(state_dir: Path, name: str, first: Callable[[Path, int], None] | None = None) -> int:
    """Delete a session, its frames and its ledger, for good.

    Parameters
    ----------
    state_dir, name
        Which one.
    first
        Is called with the folder and its size while nobody can write the session, and before it is out of sight;
        where it raises the session stays.

    Returns
    -------
    int
        How many bytes were freed.

    Raises
    ------
    NameUnusable, SessionMissing
        There is nothing to delete.
    SessionLinked
        It lies elsewhere.
    SessionBusy
        It is being written.
    SessionNotDeleted
        The system refused. What was not yet deleted is no longer listed as a session.
    """
    folder = find_session(state_dir, name)
    if folder.is_symlink():
        raise SessionLinked(folder)
    doomed = folder.with_name(f"{_DOOMED}{name}")
    size_bytes = _size_bytes(folder)
    try:
        lock = SessionLock(folder)
        try:
            shutil.rmtree(doomed, ignore_errors=True)  # what an interrupted deletion left
            if first is not None:
                _check_removable(folder)
                first(folder, size_bytes)
            folder.rename(doomed)  # first out of sight in one step, so that no half a session is ever listed
        finally:
            lock.release()
        shutil.rmtree(doomed)
    except OSError as error:
        raise SessionNotDeleted(f"{folder}: {error.strerror or error}") from error
    return size_bytes


def _check_removable(folder: Path) -> None:
    for place in (folder.parent, folder):
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _size_bytes(folder: Path) -> int:
    total = 0
    for inner, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(inner, file)).st_size
            except FileNotFoundError:
                continue  # SQLite's side files come and go while a session is written
    return total
