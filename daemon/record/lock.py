"""One writer for a session: an advisory lock on a file beside the ledger."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final

from smearwatch.daemon.hinted import Hinted

_FILE: Final = "lock"
_NO_FILE: Final = (errno.ELOOP, errno.ENXIO, errno.EISDIR)
_TRIES: Final = 10
_BETWEEN_TRIES_S: Final = 0.02


class SessionBusy(Exception):
    """Another process is writing the session.

    Parameters
    ----------
    folder : Path
        The session's folder.
    pid : int or None
        The process that holds it, where known.
    """

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"session {folder.name} is being written by {who}")
        self.pid = pid
        self.hint = "stop that one first, or choose another session name"


class LockUnusable(Hinted):
    """Something else lies where a session's lock is to be."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no file, so the session cannot be written", "remove it")


class SessionLock:
    """The right to write a session, held until `release` or the end of the process.

    Parameters
    ----------
    folder : Path
        The session's folder; it must be there.

    Raises
    ------
    SessionBusy
        Another process holds it.
    LockUnusable
        A pipe, link or the like lies in its place.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not through a link: accounts of a group may write here, and the file is emptied by whoever holds it.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._descriptor = os.open(folder / _FILE, flags, 0o666)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise LockUnusable(folder / _FILE) from error
            raise
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise LockUnusable(folder / _FILE)
            # `holder` takes the lock for an instant to look at it, so one refusal is not yet an answer.
            if not any(_taken(self._descriptor, fcntl.LOCK_EX) or _pause() for _ in range(_TRIES)):
                raise SessionBusy(folder, _pid(self._descriptor))
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(self._descriptor)
            raise

    def hold_on(self) -> bool:
        """Take the lock again where its file was removed or replaced; returns whether it was.

        Raises
        ------
        SessionBusy
            Another process took it meanwhile.
        LockUnusable, OSError
            It cannot be taken.
        """
        held = os.fstat(self._descriptor)
        with suppress(FileNotFoundError):
            if os.path.samestat(held, os.lstat(self._folder / _FILE)):
                return False
        again, before = SessionLock(self._folder), self._descriptor
        self._descriptor = again._descriptor
        os.close(before)
        return True

    def release(self) -> None:
        """Let the session go. Doing it twice is harmless."""
        if self._descriptor >= 0:
            with suppress(OSError):  # a disk that takes nothing any more; the lock goes with the file
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def holder(folder: Path) -> SessionBusy | None:
    """Return who is writing a session.

    Returns
    -------
    SessionBusy or None
        None when nobody is, or when there is no such session.
    """
    try:
        descriptor = os.open(folder / _FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _NO_FILE:  # a link or a socket, of which nobody can have made a lock
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return None if _taken(descriptor, fcntl.LOCK_SH) else SessionBusy(folder, _pid(descriptor))
    finally:
        os.close(descriptor)


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pause() -> bool:
    return Event().wait(_BETWEEN_TRIES_S)


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdecimal() else None
