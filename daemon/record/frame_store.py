"""Frames as files named by their content: written once, whole or not at all, never changed."""

import errno
import hashlib
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from smearwatch.daemon.atomic_write import make_folder, write_atomically
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.open_files import HOW, none_left
from smearwatch.daemon.regular_file import open_regular, read_regular

Bytes: TypeAlias = bytes | bytearray | memoryview
FrameFault: TypeAlias = Literal["missing", "changed"]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_INCOMING: Final = "incoming"
_CHUNK_BYTES: Final = 1 << 20
_READ_ONLY: Final = 0o444


class FrameStoreError(Hinted):
    """A frame could not be written or read.

    Parameters
    ----------
    what, hint
        See `Hinted`.
    may_pass
        Whether nothing is wrong with the frame: it was not looked at, for too many files were open.
    """

    def __init__(self, what: str, hint: str, *, may_pass: bool = False) -> None:
        super().__init__(what, hint)
        self.may_pass = may_pass


class FrameStore:
    """The frames of one session, at ``folder/ab/abcdef…`` by the SHA-256 of their bytes.

    Parameters
    ----------
    folder : Path
        Made when the first frame is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._above = _which(folder.parent)

    @property
    def is_away(self) -> bool:
        """Whether the folder that holds all of this is not there: moved, its disk unmounted, another in its place."""
        now = _which(self.folder.parent)
        self._above = self._above or now
        return now is None or now != self._above

    def path(self, frame: str) -> Path:
        """Return the file of a frame, whether it is there or not.

        Raises
        ------
        FrameStoreError
            `frame` is not a SHA-256 in lower-case hex.
        """
        if not _SHA256.fullmatch(frame):
            raise FrameStoreError(f"{frame!r} is not the name of a frame", "name it by its SHA-256 in hex")
        return self.folder / frame[:2] / frame

    def put(self, data: Bytes, digest: str | None = None) -> str:
        """Keep a frame's bytes; when this returns they survive a loss of power.

        Parameters
        ----------
        data : bytes-like
            The frame as it came. Bytes that are already there are not written again.
        digest : str, optional
            The SHA-256 of these bytes in hex, where the caller has just computed it.

        Returns
        -------
        str
            The SHA-256 of the bytes in hex.

        Raises
        ------
        FrameStoreError
            The disk is full, not writable or failing. Nothing half-written is left under the frame's name.
        """
        view = memoryview(data).cast("B")
        frame = digest or hashlib.sha256(view).hexdigest()
        path = self.path(frame)
        if self.is_away:  # made anew, it would be another one than the ledger's
            raise FrameStoreError(f"{self.folder.parent} is not there any more", "bring it back to where it was")
        with self._reported(path):
            if path.exists() and path.stat().st_size == view.nbytes:
                return frame
            make_folder(path.parent)
            write_atomically(path, view, mode=_READ_ONLY, staging=self.folder / _INCOMING)
        return frame

    def read(self, frame: str) -> bytes:
        """Return a frame's bytes as they stand on the disk; `verify` says whether they are still the right ones.

        Raises
        ------
        FrameStoreError
            The frame is not there, or cannot be read.
        """
        path = self.path(frame)
        with self._reported(path):
            return read_regular(path)

    def read_as_recorded(self, frame: str) -> bytes:
        """Return a frame's bytes, and see that they are those by which it is named.

        Raises
        ------
        FrameStoreError
            The frame is not there, cannot be read, or was changed.
        """
        data = self.read(frame)
        if hashlib.sha256(data).hexdigest() != frame:
            what = f"{self.path(frame)}: changed since it was recorded"
            raise FrameStoreError(what, "restore the session from a copy")
        return data

    def size_bytes(self, frame: str) -> int:
        """Return the size of a frame in bytes; raises `FrameStoreError` where it is not there."""
        path = self.path(frame)
        with self._reported(path):
            return path.stat().st_size

    def verify(self, frame: str) -> FrameFault | None:
        """Hash a frame again.

        Returns
        -------
        str or None
            ``"missing"``, ``"changed"``, or None when the bytes are those that were put.
        """
        path = self.path(frame)
        digest = hashlib.sha256()
        try:
            with open_regular(path, most_bytes=None) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except FileNotFoundError:
            return "missing"
        except OSError:
            return "changed"
        return None if digest.hexdigest() == frame else "changed"

    def clear_incoming(self) -> int:
        """Remove what a killed writer left half-written. Only the session's one writer may call this.

        Returns
        -------
        int
            How many files were removed.
        """
        incoming = self.folder / _INCOMING
        leftovers = list(incoming.iterdir()) if incoming.is_dir() else []
        with self._reported(incoming):
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
        return len(leftovers)

    @contextmanager
    def _reported(self, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FrameStoreError(f"{path}: no such frame", "restore the session from a copy") from error
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            hint = "free space on that disk" if full else "check that the disk is sound and the folder is yours"
            if may_pass := none_left(error):
                hint = HOW
            raise FrameStoreError(f"{path}: {error.strerror or error}", hint, may_pass=may_pass) from error


def _which(folder: Path) -> tuple[int, int] | None:
    """Return which folder it is, on which disk; None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
