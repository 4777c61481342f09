"""The kernel's word about one folder's files, read in the caller's own thread (inotify(7)); without it, silence.

Read here and not through a library's threads, so that whatever the kernel said before a file was looked at is known
before the file is judged, and so that a lost word (an overflown queue, a folder that went away) is known as lost.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

from smearwatch.daemon.log import get_logger

_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE = 0x2, 0x8, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_UNMOUNT, _OVERFLOW, _IGNORED = 0x2000, 0x4000, 0x8000
_ONLYDIR, _EXCL_UNLINK, _ISDIR = 0x01000000, 0x04000000, 0x40000000
_MASK = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR | _EXCL_UNLINK
_FOLDER_GONE = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 256 * 1024
# The folder itself is not there or may not be read: whoever looks into it says so, in better words.
_FOLDERS_OWN = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES})


class Word(Enum):
    """What happened to a file."""

    APPEARED = "appeared"
    WRITTEN = "written"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One word about one file, by its name in the folder."""

    name: str
    word: Word


class FolderNotices:
    """What the kernel tells about the files of one folder.

    `attend` is to be called again and again: it begins, and begins anew where the folder went away and came back, for
    a watch belongs to an inode and not to a path. Nothing here raises; a system that gives no notifications (its limits
    are reached, another kernel) is said in one line and tried again with every `attend`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = -1
        self._watch = -1
        self._lost = False
        self._told = False

    def __enter__(self) -> Self:
        self.attend()
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = self._watch = -1

    @property
    def attending(self) -> bool:
        """Whether the kernel tells what happens."""
        return self._watch >= 0

    def attend(self) -> None:
        """Make sure that the folder that is there now is the one that is told about."""
        if self._descriptor < 0 and not self._open():
            return
        watch = self._libc.inotify_add_watch(self._descriptor, ctypes.c_char_p(self._folder), ctypes.c_uint32(_MASK))
        if watch < 0:
            self._end_watch()
            self._cannot(ctypes.get_errno())
            return
        if watch != self._watch:
            self._end_watch()
            self._watch = watch
        if self._told:
            self._told = False
            get_logger().info("notifications are back", folder=os.fsdecode(self._folder))

    def read(self) -> Iterator[Notice]:
        """Give everything that was told until now, in its order, without waiting."""
        while self._descriptor >= 0:
            try:
                buffer = os.read(self._descriptor, _BUFFER_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(buffer):
                watch, mask, _, length = _EVENT.unpack_from(buffer, at)
                at += _EVENT.size + length
                if (notice := self._heard(watch, mask, buffer[at - length : at].rstrip(b"\0"))) is not None:
                    yield notice

    def lost(self) -> bool:
        """Say whether something was not told since this was asked last; then only looking helps."""
        lost, self._lost = self._lost, False
        return lost

    def _heard(self, watch: int, mask: int, name: bytes) -> Notice | None:
        if mask & _OVERFLOW:
            self._lost = True
            get_logger().warning("notifications lost, looking instead", folder=os.fsdecode(self._folder))
            return None
        if watch != self._watch:
            return None  # of a folder that was here before
        if mask & _FOLDER_GONE:
            self._end_watch()
            return None
        if mask & _ISDIR or not name:
            return None
        if mask & (_CLOSE_WRITE | _MOVED_TO):
            return Notice(os.fsdecode(name), Word.CLOSED)
        return Notice(os.fsdecode(name), Word.WRITTEN if mask & _MODIFY else Word.APPEARED)

    def _open(self) -> bool:
        try:
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            self._cannot(errno.ENOSYS)
            return False
        if self._descriptor < 0:
            self._cannot(ctypes.get_errno())
        return self._descriptor >= 0

    def _end_watch(self) -> None:
        """Let go of a watch; what it would have told is lost."""
        if self._watch >= 0:
            self._libc.inotify_rm_watch(self._descriptor, self._watch)  # fails where the kernel has let go already
            self._watch, self._lost = -1, True

    def _cannot(self, number: int) -> None:
        if self._told or number in _FOLDERS_OWN:
            return
        self._told = True
        limits = {errno.ENOSPC: "fs.inotify.max_user_watches", errno.EMFILE: "fs.inotify.max_user_instances"}
        get_logger().warning(
            "no notifications, the folder is looked at again and again",
            folder=os.fsdecode(self._folder),
            why=os.strerror(number),
            mend=f"raise {limits[number]} (sysctl)"
            if number in limits
            else "none is needed, frames come a little later",
        )
