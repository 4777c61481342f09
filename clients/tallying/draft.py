"""An unfinished tally as a file: each key is on the disk before it is shown, so a closed window loses nothing."""

import errno
import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from smearwatch.clients.tallying.typed import TypedCells
from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.daemon.atomic_write import make_folder, sync_folder
from smearwatch.daemon.record.beside import is_tallied
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.values import STRICT, Count, Name, Ordinal

FILE: Final = "tally.unfinished"
_UNDONE: Final = "undone"
_USUAL: Final = 100


@dataclass(frozen=True, slots=True, config=STRICT)
class _Head:
    """The first line of the file."""

    by: Name
    target: Ordinal
    began_at_ns: Count


_HEAD: Final = TypeAdapter(_Head)


class Draft:
    """One unfinished tally, held by one program at a time; made by `Draft.open`."""

    def __init__(self, path: Path, descriptor: int, by: str, target: int, began_at_ns: int, cells: TypedCells) -> None:
        self._path = path
        self._descriptor = descriptor
        self.by = by
        self.target = target
        self.began_at_ns = began_at_ns
        self.cells = cells
        self.found = cells.number

    @classmethod
    def open(cls, folder: Path, *, by: str, target: int | None) -> Self:
        """Open the unfinished tally of a folder, or begin one.

        Parameters
        ----------
        folder
            The session's.
        by
            Who tallies: an unfinished tally of somebody else is left alone.
        target
            How many leukocytes are wanted; None for that of the unfinished tally, or 100.

        Raises
        ------
        DraftUnusable
            Another program holds it, it is somebody else's, or it cannot be read or written.
        """
        path = folder / FILE
        try:
            make_folder(folder)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            _hold(descriptor, path)
            return cls(path, descriptor, *_begun(descriptor, path, by, target))
        except OSError as error:
            os.close(descriptor)
            raise _unwritable(path, error) from error
        except BaseException:
            os.close(descriptor)
            raise

    def add(self, name: LabelName) -> None:
        """Take in a cell; it is on the disk when this returns. Raises `DraftUnusable`."""
        self._write(name)
        self.cells.add(name)

    def undo(self) -> LabelName | None:
        """Take the last cell out; returns what it was. Raises `DraftUnusable`."""
        if self.cells.last is not None:
            self._write(_UNDONE)
        return self.cells.undo()

    def remove(self) -> None:
        """Remove the file: the tally was kept, or is not wanted."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let the file go; what is in it stays. Doing it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, word: str) -> None:
        try:
            _append(self._descriptor, word)
        except OSError as error:
            raise _unwritable(self._path, error) from error


def _hold(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"{path}: this tally is being typed in another window"
        raise DraftUnusable(what, "end that one first, with q") from None
    if not os.fstat(descriptor).st_nlink:  # whoever held it has just removed it
        raise DraftUnusable(f"{path}: this tally was just ended in another window", "begin again")


def _begun(descriptor: int, path: Path, by: str, target: int | None) -> tuple[str, int, int, TypedCells]:
    with open(os.dup(descriptor), "rb") as file:
        lines = file.read().split(b"\n")
    whole = lines[:-1]  # behind the last line end stands nothing, or half a key
    cells = TypedCells()
    head = _head(whole[0], path) if whole else {}
    for number, line in enumerate(whole[1:], start=2):
        word = line.decode("utf-8", "replace")
        if word == _UNDONE:
            cells.undo()
        elif is_tallied(word):
            cells.add(word)
        else:
            raise _damaged(path, number)
    if cells.number and head["by"] != by:
        typist, option = (f" by {head['by']}", f'--by "{head["by"]}"') if head["by"] else ("", "without --by")
        what = f"{path}: an unfinished tally of {cells_text(cells.number)}{typist} is there"
        raise DraftUnusable(what, f"finish it first, as its typist: {option}")
    if cells.number:
        os.ftruncate(descriptor, sum(len(line) + 1 for line in whole))
    else:  # nobody's yet
        head = {"by": by, "target": _USUAL, "began_at_ns": time.time_ns()}
        os.ftruncate(descriptor, 0)
        _append(descriptor, json.dumps(head | ({"target": target} if target else {})))
        sync_folder(path.parent)
    return by, target or head["target"], head["began_at_ns"], cells


def cells_text(number: int) -> str:
    """Return how many cells were typed."""
    return f"{number} {'cell' if number == 1 else 'cells'}"


def _head(line: bytes, path: Path) -> dict[str, Any]:
    try:
        return _HEAD.dump_python(_HEAD.validate_json(line))  # type: ignore[no-any-return]
    except ValidationError:
        raise _damaged(path, 1) from None


def _append(descriptor: int, text: str) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    left = f"{text}\n".encode()
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, end)  # half a word would spoil the next one
        raise


def _damaged(path: Path, line: int) -> DraftUnusable:
    return DraftUnusable(f"{path} line {line}: not what a tally writes", "move that file away, and tally again")


def _unwritable(path: Path, error: OSError) -> DraftUnusable:
    what = f"{path}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DraftUnusable(what, "free space on that disk; the cells typed before are safe")
    return DraftUnusable(what, "check the disk and the right to write there; the cells typed before are safe")
