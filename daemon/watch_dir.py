"""The folder to watch, checked before anything is started."""

import os
from pathlib import Path


class FolderUnusable(OSError):
    """The folder to watch cannot be watched."""

    def __init__(self, path: Path, why: str, mend: str) -> None:
        super().__init__(f"folder {path} {why}")
        self.mend = mend


def check_watch_dir(path: Path) -> Path:
    """Give the folder's absolute path.

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
