"""The folder to watch, checked before anything is started, and which of its files are pictures by their names."""

import os
from pathlib import Path
from typing import Final

PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".tif", ".tiff", ".czi"})


class FolderUnusable(OSError):
    """The folder to watch cannot be watched."""

    wrongly_typed = True

    def __init__(self, path: Path, why: str, hint: str) -> None:
        super().__init__(f"folder {path} {why}")
        self.hint = hint


def is_picture_name(name: str) -> bool:
    """Return whether a file of this name is to be read; names that begin with a dot are their writer's own."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def check_watch_dir(path: Path) -> Path:
    """Return the folder's absolute path.

    Raises
    ------
    FolderUnusable
        It does not exist, is no folder, or may not be read.
    """
    if not path.exists():
        raise FolderUnusable(path, "does not exist", "make it, or correct --watch")
    if not path.is_dir():
        raise FolderUnusable(path, "is not a folder", "give the folder that the camera writes into")
    if not os.access(path, os.R_OK | os.X_OK):
        raise FolderUnusable(path, "may not be read by this user", f"chmod u+rx {path}, or run as its owner")
    return path.resolve()
