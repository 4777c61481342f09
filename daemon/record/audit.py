"""The audit journal of a state folder: who changed or took out what, and when, beside what the ledgers have.

One line of JSON an entry, in a chain: each has the hash of itself and the one before it. Lines are only ever added,
under a lock, by whichever process makes the change; when `add` returns, the entry is on the disk.
"""

import fcntl
import hashlib
import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from smearwatch.daemon.atomic_write import make_folder, sync_folder
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.record.values import STRICT, Count, Ordinal, Person, Sha256, Word, printable

AUDIT_FILE: Final = "audit.jsonl"
GENESIS: Final = hashlib.sha256(b"smearwatch audit journal, form 1").hexdigest()
"""What stands before the first entry."""

_PATIENCE_S: Final = 5.0
_BETWEEN_S: Final = 0.02
_BLOCK_BYTES: Final = 64 * 1024


class AuditUnusable(Exception):
    """The audit journal cannot be written or read."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


@checked_dataclass(frozen=True, slots=True, config=STRICT)
class Entry:
    """One entry.

    Attributes
    ----------
    number
        From 1, without a gap.
    kind
        What was done: ``anchor``, ``exported``, ``deleted``, ``imported``, ``promoted``, ``settings``, ``account``, …
    account, uid
        Who did it for the operating system.
    by
        The name that was typed, or that of an account of the page; None where nobody gave one.
    session
        Which session, where it is about one.
    values
        What it was and what it is now, and whatever else belongs to the kind.
    chain
        Hash of the entry before and of all the rest of this one.
    """

    number: Ordinal
    at_ns: Annotated[int, Field(ge=0)]
    kind: Word
    account: Person
    uid: Count
    by: Person | None
    session: Word | None
    values: dict[str, Any]
    chain: Sha256

    def as_json(self) -> dict[str, Any]:
        """Return it for machines, as it stands in the file."""
        plain: dict[str, Any] = _ENTRY.dump_python(self, mode="json")
        return plain


_ENTRY: Final[TypeAdapter[Entry]] = TypeAdapter(Entry)


@dataclass(frozen=True, slots=True)
class Trail:
    """What an audit journal holds.

    Attributes
    ----------
    entries
        All that can be read, the first one first.
    faults
        What is not as it was written.
    unfinished
        Lines that were cut off while they were written, by a loss of power: what they were to tell was not done.
    """

    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = ()
    unfinished: tuple[int, ...] = ()

    @property
    def head(self) -> tuple[int, str]:
        """Number and chain of the last entry."""
        return (self.entries[-1].number, self.entries[-1].chain) if self.entries else (0, GENESIS)


def account_of(uid: int) -> str:
    """Return what the operating system calls a user; no variable of the environment is asked."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def add(
    state_dir: Path,
    kind: str,
    *,
    by: str | None = None,
    session: str | None = None,
    values: Mapping[str, Any] | None = None,
    patience_s: float = _PATIENCE_S,
) -> Entry:
    """Add an entry to a state folder's journal; when this returns it is on the disk.

    Add it before a change that may be refused, so that none is made that nobody can tell of afterwards.

    Parameters
    ----------
    state_dir
        The state folder; made where it is missing.
    kind, by, session, values
        See `Entry`; values are what JSON has.
    patience_s
        How long another process that is writing is waited for.

    Raises
    ------
    AuditUnusable
        It cannot be written: nothing of the entry is left.
    """
    with writing(state_dir, patience_s=patience_s) as journal:
        return journal.add(kind, by=by, session=session, values=values)


class AuditWriter:
    """The journal in the hands of its one writer for the moment; made by `writing`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def add(
        self, kind: str, *, by: str | None = None, session: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Entry:
        """Add an entry; see `smearwatch.daemon.record.audit.add`."""
        number, chain = self._tail()
        uid = os.getuid()
        body: dict[str, Any] = {
            "number": number + 1,
            "at_ns": time.time_ns(),
            "kind": kind,
            "account": account_of(uid),
            "uid": uid,
            "by": printable(by),
            "session": session,
            "values": dict(values or {}),
        }
        entry = Entry(**body, chain=_link(chain, canonical_json(body)))
        with _reported(self._path):
            self._write(canonical_json(entry.as_json()) + b"\n")
        return entry

    def _write(self, line: bytes) -> None:
        end = os.fstat(self._descriptor).st_size
        if end and os.pread(self._descriptor, 1, end - 1) != b"\n":  # cut off by a loss of power
            line = b"\n" + line
        try:
            if os.write(self._descriptor, line) != len(line):
                raise OSError(28, os.strerror(28))
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):  # where it may only be added to, the half line stays, and is told as such
                os.ftruncate(self._descriptor, end)
            raise

    def _tail(self) -> tuple[int, str]:
        """Return number and chain of the last entry that can be read."""
        with _reported(self._path):
            for line in _backwards(self._descriptor):
                if (entry := _read(line)) is not None:
                    return entry.number, entry.chain
        return 0, GENESIS


@contextmanager
def writing(state_dir: Path, *, patience_s: float = _PATIENCE_S) -> Iterator[AuditWriter]:
    """Yield the journal, for this process alone: what the body does is refused where it could not be told.

    Raises
    ------
    AuditUnusable
        It cannot be written, or another process holds it for longer than `patience_s`.
    """
    path = state_dir / AUDIT_FILE
    _check_is_file(path)
    with _reported(path):
        make_folder(state_dir)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
    try:
        with _reported(path):
            if is_new:
                if state_dir.stat().st_mode & stat.S_ISGID:  # a folder that a group shares
                    os.fchmod(descriptor, 0o660)
                sync_folder(state_dir)
            _lock(path, descriptor, patience_s)
        yield AuditWriter(path, descriptor)
    finally:
        os.close(descriptor)


def last_of(state_dir: Path, kind: str) -> Entry | None:
    """Return the last entry of a kind, None where there is none; nothing is checked; raises `AuditUnusable`."""
    mark = b'"kind":' + canonical_json(kind)
    with _opened(state_dir) as file:
        if file is None:
            return None
        lines = (line for line in _backwards(file.fileno()) if mark in line)
        return next((entry for line in lines if (entry := _read(line)) is not None), None)


def read_about(state_dir: Path, session: str) -> list[Entry]:
    """Return the entries about a session, the first one first; nothing is checked; raises `AuditUnusable`.

    The others are passed over unread: a journal may be long, and who writes a result out is not to wait for it.
    """
    mark = b'"session":' + canonical_json(session)
    with _opened(state_dir) as file:
        found = (_read(line.rstrip(b"\n")) for line in file or () if mark in line)
        return [entry for entry in found if entry is not None and entry.session == session]


def read_trail(state_dir: Path) -> Trail:
    """Read and check a state folder's journal, one that is not there as an empty one; raises `AuditUnusable`."""
    with _opened(state_dir) as file:
        return Trail() if file is None else _checked(file)


@contextmanager
def _opened(state_dir: Path) -> Iterator[BinaryIO | None]:
    """Yield a state folder's journal to be read, None where there is none."""
    path = state_dir / AUDIT_FILE
    _check_is_file(path)
    try:
        with suppress(FileNotFoundError), path.open("rb") as file:
            yield file
            return
        yield None
    except OSError as error:
        raise AuditUnusable(path, error.strerror or str(error), "see that this user may read it") from error


def _backwards(descriptor: int) -> Iterator[bytes]:
    """Yield a file's lines, the last one first, as far as they are wanted."""
    end, rest = os.fstat(descriptor).st_size, b""
    while end:
        begin = max(0, end - _BLOCK_BYTES)
        lines = (os.pread(descriptor, end - begin, begin) + rest).split(b"\n")
        end = begin
        if begin:
            rest, *lines = lines
        yield from reversed(lines)


def _checked(lines: Iterator[bytes]) -> Trail:
    entries: list[Entry] = []
    faults: list[str] = []
    unfinished: list[int] = []
    number, chain = 0, GENESIS
    for at, line in enumerate(lines, start=1):
        text = line.rstrip(b"\n")
        if not text:
            continue
        entry = _read(text)
        if entry is None:
            unfinished.append(at)
            continue
        spelt = canonical_json(entry.as_json())
        if entry.number != number + 1:
            faults.append(f"line {at}: entry {number + 1} is missing, this is entry {entry.number}")
        elif _link(chain, spelt.replace(b',"chain":"%b"' % entry.chain.encode(), b"", 1)) != entry.chain:
            faults.append(f"line {at}: the chain is broken at entry {entry.number}")
        if spelt != text:
            faults.append(f"line {at}: entry {entry.number} is not spelt as it was written")
        number, chain = entry.number, entry.chain
        entries.append(entry)
    return Trail(tuple(entries), tuple(faults), tuple(unfinished))


def _read(line: bytes) -> Entry | None:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError:
        return None


def _link(before: str, body: bytes) -> str:
    """Return the chain of an entry, of the one before and its own bytes without it."""
    return hashlib.sha256(bytes.fromhex(before) + body).hexdigest()


def _lock(path: Path, descriptor: int, patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                what = "another process is writing it and does not end"
                raise AuditUnusable(path, what, "see what that process waits for, then try again") from None
            time.sleep(_BETWEEN_S)
        else:
            return


def _check_is_file(path: Path) -> None:
    """Refuse a pipe or device in the journal's place, which a reader would wait at without end."""
    with suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise AuditUnusable(path, "it is no file", "move away what is there in its place")


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "nothing was done; give this user the right to write there, or free space"
        raise AuditUnusable(path, error.strerror or str(error), hint) from error
