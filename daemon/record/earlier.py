"""Sessions that follow one another on one folder: which comes next, and which pictures are of an earlier specimen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smearwatch.daemon.record.events import EventInvalid, Followed, event_from_bytes
from smearwatch.daemon.record.followed import FOLLOWS
from smearwatch.daemon.record.page_names import file_of_page
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE, RESTORE, LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder, session_names

FileKey = tuple[str, int, int]
"""A file as the ledger has it: its name, its size, the time of its last modification in ns."""

ANY_SIZE: Final = 0
"""The size in the key of a file of which only pages are recorded."""


class EarlierMissing(LookupError):
    """A session is gone whose pictures may still lie in the folder."""

    def __init__(self, session: str, missing: str) -> None:
        super().__init__(f"session {session} follows {missing} on the same folder, and {missing} is not there any more")
        self.hint = f"move the pictures of {missing} out of the folder, then go on with --session {session} --continue"


@dataclass(slots=True)
class Earlier:
    """What is of the specimens before a session.

    Attributes
    ----------
    sessions : list of str
        The sessions before it, the last one first.
    frames : set of str
        Their frames.
    files : set of tuple
        The files that these were, and those that belong to them and were not read.
    """

    sessions: list[str] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)
    files: set[FileKey] = field(default_factory=set)


def followed_in(ledger: LedgerReader) -> Followed | None:
    """Return where a session ends and the next specimen begins, None where nobody began one."""
    rows = ledger.rows("SELECT number, body FROM events WHERE key = 'followed'")
    if not rows:
        return None
    try:
        event = event_from_bytes(rows[0][1])
    except EventInvalid:
        event = None
    if not isinstance(event, Followed):
        raise LedgerUnusable(ledger.path, f"event {rows[0][0]} is damaged", RESTORE)
    return event


def follows(ledger: LedgerReader) -> str | None:
    """Return the session that a session follows, None where it follows none."""
    name = next((each.settings.get(FOLLOWS) for each in ledger.openings()), None)
    return None if name is None else str(name)


def file_keys(file: FileKey) -> tuple[FileKey, FileKey]:
    """Return the keys under which a file may be recorded: as one frame, or as its pages."""
    name, _, modified_at_ns = file
    return file, (name, ANY_SIZE, modified_at_ns)


def seen_files(ledger: LedgerReader) -> Iterator[tuple[str, FileKey]]:
    """Yield each frame of a session and the file that it was, fast enough for the sessions of years on one folder.

    A frame that is one page of a file has that one's key, too; see `file_keys`.
    """
    rows = ledger.rows(
        "SELECT frame, json_extract(body, '$.name'), json_extract(body, '$.size_bytes'), "
        "json_extract(body, '$.captured_at_ns') FROM frames JOIN events ON number = seen_number"
    )
    for frame, name, size_bytes, captured_at_ns in rows:
        yield frame, (name, size_bytes, captured_at_ns)
        if (file := file_of_page(name)) is not None:
            yield frame, (file, ANY_SIZE, captured_at_ns)


def earlier_than(state_dir: Path, session: str, before: str | None, *, without_missing: bool = False) -> Earlier:
    """Read what is of the specimens before a session.

    Parameters
    ----------
    state_dir, session
        Which session.
    before
        The session that it follows.
    without_missing
        Pass over a session that is gone.

    Raises
    ------
    EarlierMissing
        One of the sessions is gone.
    LedgerUnusable
        One of them cannot be read.
    """
    earlier = Earlier()
    while before is not None and before not in earlier.sessions:
        folder = session_folder(state_dir, before)
        if not (folder / LEDGER_FILE).is_file():
            if without_missing:
                break
            raise EarlierMissing(session, before)
        earlier.sessions.append(before)
        with LedgerReader.read(folder) as ledger:
            for frame, file in seen_files(ledger):
                earlier.frames.add(frame)
                earlier.files.add(file)
            followed = followed_in(ledger)
            before = follows(ledger)
        waiting = () if followed is None else followed.waiting
        earlier.files |= {(file.name, file.size_bytes, file.captured_at_ns) for file in waiting}
    return earlier


def followed_sessions(state_dir: Path, origin_of: str) -> dict[str, Followed]:
    """Return the sessions of a folder or camera after which a next specimen was begun, by name."""
    found = {}
    for name in session_names(state_dir):
        try:
            with LedgerReader.read(session_folder(state_dir, name)) as ledger:
                followed = followed_in(ledger)
                if followed is None or all(each.settings.get("origin_of") != origin_of for each in ledger.openings()):
                    continue
        except LedgerUnusable:
            continue  # whoever names it is told
        found[name] = followed
    return found
