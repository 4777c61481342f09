"""Taking an archived session in: checked in the file, built beside, checked again, and put in its place in one step."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from smearwatch.daemon.atomic_write import make_folder, put_in_place, unfinished
from smearwatch.daemon.record import audit
from smearwatch.daemon.record.anchor import ANCHORS
from smearwatch.daemon.record.anchors import flaws, present
from smearwatch.daemon.record.archive import Archive, ArchiveUnusable, file_sha256
from smearwatch.daemon.record.archive_manifest import LEDGER, Manifest
from smearwatch.daemon.record.chain import genesis
from smearwatch.daemon.record.imported import Imported, imported_json, write_imported
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable, connect_to_read, strange_statement
from smearwatch.daemon.record.sessions import check_name, session_folder, sessions_root
from smearwatch.daemon.record.verifying import verify

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Yields what is told how many of so many are done."""


class SessionThere(FileExistsError):
    """There is a session of that name."""

    hint = "give it another name with --as"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a session {name} already, and it was left as it is")


class ImportFailed(OSError):
    """The system refused to write the session."""

    hint = "free space on that disk, or give this user the right to write there"


def import_session(state_dir: Path, path: Path, name: str | None, by: str, progress: Progress) -> tuple[str, Imported]:
    """Take an archived session in, whole or not at all.

    Parameters
    ----------
    state_dir
        Where the sessions are.
    path
        The file.
    name
        What it is to be called here; None for its own name.
    by
        Who imports it.
    progress
        See `Progress`.

    Returns
    -------
    str, Imported
        What it is called here, and where it came from.

    Raises
    ------
    ArchiveUnusable
        The file is none, is damaged, or was written by a later version.
    NameUnusable, SessionThere
        It cannot have that name here.
    ImportFailed, AuditUnusable
        The disk refused.
    """
    with Archive(path) as archive:
        manifest = archive.manifest
        name = check_name(name or manifest.session)
        folder = session_folder(state_dir, name)
        _check_free(folder)
        with progress("files checked", len(manifest.members)) as told:
            archive.check(told)
        imported = Imported(
            manifest.session,
            path.name,
            file_sha256(path),
            manifest.software,
            manifest.events,
            manifest.chain,
            manifest.frames,
            manifest.deidentified,
            manifest.original,
            by,
            time.time_ns(),
        )
        try:
            make_folder(sessions_root(state_dir))
            _check_room(folder, archive.unpacked_bytes)
            with unfinished(folder) as partial:
                partial.mkdir()
                with progress("files unpacked", len(manifest.members)) as told:
                    archive.unpack(partial, told)
                with progress("entries", manifest.events) as told, _named(archive):
                    check_unpacked(partial, archive, told)
                write_imported(partial, imported)
                _check_free(folder)  # somebody may have been quicker
                _tell(state_dir, name, imported, archive.manifest)
                put_in_place(partial, folder)
        except OSError as error:
            if getattr(error, "hint", None):
                raise
            raise ImportFailed(f"{folder}: {error.strerror or error}") from error
    return name, imported


def _tell(state_dir: Path, name: str, imported: Imported, manifest: Manifest) -> None:
    """Write into the audit journal what is going to be there, with its anchors of before; raises `AuditUnusable`."""
    values = {key: each for key, each in (imported_json(imported) or {}).items() if key != "by"}
    anchors = [ANCHORS.dump_python(each, mode="json") for each in manifest.anchors or ()]
    audit.add(state_dir, "imported", by=imported.by, session=name, values={**values, "anchors": anchors})


def check_unpacked(folder: Path, archive: Archive, told: Callable[[int], None]) -> None:
    """Check the ledger of an unpacked archive, and its frames again as they lie on the disk now.

    Raises
    ------
    ArchiveUnusable
        It is not what the manifest says, or was changed after it was recorded.
    LedgerUnusable
        It is no ledger of ours, or a later one.
    """
    path, manifest = archive.path, archive.manifest
    connection = connect_to_read(folder / LEDGER)
    try:
        strange = strange_statement(connection)
    except sqlite3.Error as error:
        raise ArchiveUnusable(path, f"its ledger is damaged: {error}") from error
    finally:
        connection.close()
    if strange is not None:
        raise ArchiveUnusable(
            path, f"{strange!r} in its ledger is not as in a ledger of ours", "do not rely on that file"
        )
    with LedgerReader.read(folder) as ledger:
        rows = ledger.rows("SELECT chain FROM events WHERE number = ?", manifest.events)
        head = rows[0][0] if rows else genesis(ledger.session)
        found = (ledger.session, ledger.last_number, head.hex())
        if found != (manifest.session, manifest.events, manifest.chain):
            raise ArchiveUnusable(path, "damaged: its ledger is another one than its manifest says")
        if (held := stored_frames(ledger) if manifest.frames == "all" else frozenset()) != archive.frames:
            what = "a frame of the record is missing" if held - archive.frames else "a frame in it is not of the record"
            raise ArchiveUnusable(path, f"damaged: {what}")
        for fault in verify(ledger, progress=told, hash_frames=manifest.frames == "all"):
            raise ArchiveUnusable(path, f"its record was changed: {fault.what}", "do not rely on its counts")
        record = present(ledger).record
        for flaw in flaws(ledger, [each for each in manifest.anchors or () if each.record == record]):
            raise ArchiveUnusable(path, f"its record was changed: {flaw}", "do not rely on its counts")


@contextmanager
def _named(archive: Archive) -> Iterator[None]:
    """Name the archive where its unpacked ledger is damaged: that lies in a folder that nobody will find."""
    try:
        yield
    except LedgerUnusable as error:
        raise ArchiveUnusable(archive.path, f"its ledger: {error.what}", error.hint) from error


def stored_frames(ledger: LedgerReader) -> frozenset[str]:
    """Return the frames whose bytes belong to a session."""
    rows = ledger.rows(
        "SELECT json_extract(body, '$.frame'), json_extract(body, '$.stored') FROM events WHERE kind = 'seen'"
    )
    return frozenset(frame for frame, stored in rows if stored)


def _check_free(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise SessionThere(folder.name)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise ImportFailed(f"{folder}: {needed} bytes are needed, and {free} are free")
