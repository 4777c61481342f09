"""The list of sessions that were deleted: who, when, why, and which record it was. Lines are only ever added."""

import fcntl
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record import audit
from smearwatch.daemon.record.chain import genesis
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.values import STRICT, Count, Person, Sha256, Word
from smearwatch.daemon.regular_file import read_regular

DELETED_FILE: Final = "deleted.jsonl"


class DeletionsUnusable(Exception):
    """The list of deleted sessions is damaged, or cannot be written."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


Why: TypeAlias = Literal["named", "age", "size"]
"""Somebody named it, or it was older than sessions are kept, or made them more than are kept."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Deletion:
    """A session that was deleted.

    ``events`` and ``chain`` say which record it was; None for one that could not be read.
    """

    session: Word
    by: Person
    why: Why
    deleted_at_ns: Annotated[int, Field(ge=0)]
    size_bytes: Count
    events: Count | None
    chain: Sha256 | None
    began_at_ns: Count | None
    signed_by: Person | None


_DELETION: Final[TypeAdapter[Deletion]] = TypeAdapter(Deletion)


def deletion_of(folder: Path, *, by: str, why: Why, deleted_at_ns: int, size_bytes: int) -> Deletion:
    """Return what is to be said of a session that is going to be deleted."""
    try:
        with LedgerReader.read(folder) as ledger:
            rows = ledger.rows("SELECT number, chain FROM events ORDER BY number DESC LIMIT 1")
            events, chain = rows[0] if rows else (0, genesis(ledger.session))
            summary, signature = ledger.summary(), ledger.signature()
    except LedgerUnusable:
        return Deletion(folder.name, by, why, deleted_at_ns, size_bytes, None, None, None, None)
    signed_by = None if signature is None else signature.by
    return Deletion(
        folder.name, by, why, deleted_at_ns, size_bytes, events, chain.hex(), summary.began_at_ns, signed_by
    )


def add_deletion(state_dir: Path, deletion: Deletion) -> None:
    """Add one to the list; when this returns it is on the disk. Raises `DeletionsUnusable`."""
    path = state_dir / DELETED_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = os.fstat(descriptor).st_size
            broken = end and os.pread(descriptor, 1, end - 1) != b"\n"  # cut off by a loss of power
            os.write(descriptor, (b"\n" if broken else b"") + _DELETION.dump_json(deletion) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        hint = "nothing was deleted; give this user the right to write there, or free space"
        raise DeletionsUnusable(path, error.strerror or str(error), hint) from error


def note_forgotten(folder: Path, why: str) -> None:
    """Write into the audit journal that the program itself lets go of a session; raises `AuditUnusable`."""
    audit.add(folder.parent.parent, "deleted", session=folder.name, values={"why": why})


def deletions(state_dir: Path) -> tuple[list[Deletion], list[int]]:
    """Return all that were deleted, the first one first, and the numbers of lines that are damaged.

    Raises
    ------
    DeletionsUnusable
        The list cannot be read.
    """
    path = state_dir / DELETED_FILE
    try:
        lines = read_regular(path).splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise DeletionsUnusable(path, error.strerror or str(error), "see that this user may read it") from error
    found, damaged = [], []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_DELETION.validate_json(line))
        except ValidationError:
            damaged.append(number)
    return found, damaged


def deletion_json(deletion: Deletion) -> dict[str, Any]:
    """Return one for machines."""
    return _DELETION.dump_python(deletion, mode="json")  # type: ignore[no-any-return]
