"""What lies in the watched folder and is no frame: counted, and warned of where a person may take it for one."""

import os
import stat
from pathlib import Path
from types import MappingProxyType
from typing import Final

from smearwatch.capture.formats.unusable import SAVE_AS_JPEG
from smearwatch.daemon.folder_check import is_picture_name
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.left import NOT_READ

_NOT_READ: Final = MappingProxyType(
    dict.fromkeys((".heic", ".heif", ".webp", ".avif", ".jp2", ".j2k", ".jpx", ".jxl", ".gif", ".apng"), SAVE_AS_JPEG)
    | dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw", ".dng"),
        "let the camera write JPEG beside it",
    )
    | dict.fromkeys((".nd2", ".lif", ".vsi", ".svs", ".ndpi", ".mrxs", ".scn"), "export each field as TIFF or JPEG")
    | dict.fromkeys((".mp4", ".avi", ".mov", ".mkv"), "play it as a camera: run --camera FILE")
)
"""Pictures by their name that are not read, and what to do instead."""


class Surroundings:
    """Everything in a folder that is passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._ignored: set[str] = set()
        self._not_read: dict[str, set[str]] = {}
        self._subfolders: dict[str, int] = {}
        self._outside: set[str] = set()
        self._warned_subfolders = False

    def counters(self) -> dict[str, int]:
        """Return how much was passed over, by kind; pictures of kinds that are not read by how their names end."""
        return {
            "files_ignored": len(self._ignored),
            "links_outside": len(self._outside),
            "subfolders_ignored": len(self._subfolders),
            **{f"{NOT_READ}{kind.removeprefix('.')}": len(names) for kind, names in self._not_read.items()},
        }

    def ignore(self, name: str) -> None:
        """Note something that is not read: no picture by its name, a pipe, a device; warn once of each kind."""
        self._ignored.add(name)
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in _NOT_READ or name.startswith("."):
            return
        if suffix not in self._not_read:
            get_logger().warning("pictures of a kind that is not read", kind=suffix, file=name, hint=_NOT_READ[suffix])
        self._not_read.setdefault(suffix, set()).add(name)

    def subfolder(self, name: str) -> None:
        """Note a folder in the folder; warn once of one with pictures in it."""
        path = os.path.join(self._folder, name)
        try:
            changed_ns = os.stat(path).st_mtime_ns
            if self._subfolders.get(name) == changed_ns:
                return
            self._subfolders[name] = changed_ns
            if self._warned_subfolders or name.startswith("."):
                return
            with os.scandir(path) as entries:
                self._warned_subfolders = any(is_picture_name(entry.name) for entry in entries)
        except OSError:
            return  # it is gone, or not readable, and then of no use as a picture either
        if self._warned_subfolders:
            hint = "run with --subfolders for a session of each, or watch that folder"
            get_logger().warning("subfolders are not scanned", subfolder=name, folder=self._folder, hint=hint)

    def regular(self, name: str) -> os.stat_result | None:
        """Return a file's status; None for what is no file, and for a link that leads out of the folder.

        Raises
        ------
        OSError
            It is gone, or the share is away.
        """
        path = os.path.join(self._folder, name)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            if not os.path.realpath(path).startswith(self._folder.rstrip("/") + "/"):
                self._warn_outside(name)
                return None
            status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            return status
        if not stat.S_ISDIR(status.st_mode):
            self.ignore(name)
        return None

    def _warn_outside(self, name: str) -> None:
        if not self._outside:
            hint = "copy the file, or make a hard link"
            get_logger().warning("a link out of the folder is not followed", file=name, hint=hint)
        self._outside.add(name)
