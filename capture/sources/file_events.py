"""The system's notifications about one folder's files, read in the caller's own thread.

Uses watchdog's reader of inotify(7), which is polled here and does not run as a thread of its own: whatever happened
before a file was scanned is known before the file is judged, and lost notifications are known as lost.
"""

import errno
import logging
import os
import select
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from smearwatch.daemon.log import get_logger

_OF_FILES = (
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_TO
)
_MASK = Mask(_OF_FILES | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_ONLYDIR | InotifyConstants.IN_EXCL_UNLINK)
# The folder itself is not there or may not be read: whoever scans it reports that better.
_FOLDERS_OWN = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES})
_LIMITS = {errno.ENOSPC: "fs.inotify.max_user_watches", errno.EMFILE: "fs.inotify.max_user_instances"}

# An overflown queue is logged here, with the folder's name; without a handler it would be printed a second time.
logging.getLogger("watchdog").addHandler(logging.NullHandler())


class FileChange(Enum):
    """What happened to a file."""

    APPEARED = "appeared"
    WRITTEN = "written"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One change of one file, by its name in the folder."""

    name: str
    change: FileChange


class _Inotify(InotifyFD):
    """An inotify instance that is never started as a thread: only `handle` reads it.

    Raises
    ------
    OSError
        The system's limits are reached.
    """

    def __init__(self) -> None:
        try:
            super().__init__()
        except OSError:
            # The instance was had, but no pipe beside it.
            if (descriptor := getattr(self, "_inotify_fd", -1)) >= 0:
                os.close(descriptor)
            raise
        self._is_reading = False  # it takes itself for started, and would leave the closing to its thread
        self._ready = select.poll()
        self._ready.register(self._inotify_fd, select.POLLIN)

    @property
    def descriptor(self) -> int:
        """The kernel's queue of notifications."""
        return int(self._inotify_fd)

    def handle(self) -> bool:
        """Call back for what has arrived, without waiting; False when nothing has."""
        if not self._ready.poll(0):
            return False
        for event in self.read_events():
            self.handle_event(event)
        return True


class FolderNotices(WatchCallback):
    """The system's notifications about the files of one folder.

    `attend` is to be called again and again: it begins, and begins anew where the folder went away and came back, for
    a watch belongs to an inode and not to a path. Nothing here raises; a system that gives no notifications (its limits
    are reached) is logged in one line and tried again with every `attend`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._inotify: _Inotify | None = None
        self._watch: tuple[WatchDescriptor, CallbackId] | None = None
        self._requests = 0
        self._pending: list[Notice] = []
        self._lost = False
        self._warned = False

    def __enter__(self) -> Self:
        self.attend()
        return self

    def __exit__(self, *_: object) -> None:
        inotify, self._inotify, self._watch = self._inotify, None, None
        if inotify is not None:
            inotify.close()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What can be read once something has happened; nothing where the system does not notify."""
        return () if self._inotify is None else (self._inotify.descriptor,)

    @property
    def attending(self) -> bool:
        """Whether the system notifies of changes."""
        return self._watch is not None

    def attend(self) -> None:
        """Make sure that the folder that is there now is the one that is watched."""
        try:
            if self._inotify is None:
                self._inotify = _Inotify()
            self._watch_folder(self._inotify)
        except OSError as error:
            self._let_go()
            self._warn(error)
            return
        if self._warned and self.attending:
            self._warned = False
            get_logger().info("notifications are back", folder=str(self._folder))

    def read(self) -> Iterator[Notice]:
        """Yield everything that has happened until now, in its order, without waiting."""
        while self._inotify is not None and self._inotify.handle():
            pending, self._pending = self._pending, []
            yield from pending

    def lost(self) -> bool:
        """Return whether notifications were lost since the last call; then only a scan helps."""
        lost, self._lost = self._lost, False
        return lost

    def on_event(self, event: InotifyEvent) -> None:
        """Note a file's change, or that the folder is no longer where it was."""
        if event.is_move_self:
            self._let_go()
        elif event.name and not event.is_directory:
            closed = event.is_close_write or event.is_moved_to
            change = FileChange.CLOSED if closed else FileChange.WRITTEN if event.is_modify else FileChange.APPEARED
            self._pending.append(Notice(os.fsdecode(event.name), change))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Note that the folder was removed or unmounted."""
        if self._watch is not None and self._watch[0] == wd:
            self._let_go()

    def on_queue_overflow(self) -> None:
        """Note that more has happened than the system keeps."""
        self._lost = True
        get_logger().warning("notifications lost, the folder is scanned instead", folder=str(self._folder))

    def _watch_folder(self, inotify: _Inotify) -> None:
        """Watch the folder of this name; for one that is watched already the system gives the same watch."""
        self._requests += 1
        number = CallbackId(self._requests)
        watch = inotify.add_callback(os.fsencode(self._folder), _MASK, self, number)
        if watch < 0:  # the folder may not be read, which watchdog does not raise
            inotify.remove_callbacks([(watch, number)])
            self._let_go()
            return
        before, self._watch = self._watch, (watch, number)
        if before is not None:
            inotify.remove_callbacks([before])
            self._lost = self._lost or before[0] != watch

    def _let_go(self) -> None:
        """End a watch; what it would have notified of is lost."""
        held, self._watch = self._watch, None
        if held is not None and self._inotify is not None:
            self._lost = True
            self._inotify.remove_callbacks([held])  # does nothing where the system has let go already

    def _warn(self, error: OSError) -> None:
        if self._warned or error.errno in _FOLDERS_OWN:
            return
        self._warned = True
        limit = _LIMITS.get(error.errno or 0)
        get_logger().warning(
            "no notifications, the folder is scanned at intervals",
            folder=str(self._folder),
            why=error.strerror,
            hint=f"raise {limit} (sysctl)" if limit else "none is needed, frames come a little later",
        )
