"""The one way to write a file or a folder whole or not at all, so that it survives a loss of power.

What is new is made under a temporary name in the same folder, brought to the disk, and renamed. A reader, or a machine
that lost its power, finds the old content or the new, and never half of one.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".partial"


def write_atomically(
    path: Path, content: bytes | bytearray | memoryview, *, mode: int = 0o666, staging: Path | None = None
) -> None:
    """Write a file whole or not at all; when this returns it is on the disk.

    Parameters
    ----------
    path
        The file. One that is there is replaced, and its permission bits are kept.
    content
        All of it.
    mode
        Permission bits of a new file, less the process's umask.
    staging
        See `unfinished`.

    Raises
    ------
    OSError
        The disk refused. What was there stays as it was, and nothing unfinished is left.
    """
    view = memoryview(content).cast("B")
    with unfinished(path, staging=staging) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            written = 0
            while written < view.nbytes:
                written += os.write(descriptor, view[written:])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _rename(partial, path)


@contextmanager
def atomically(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a path at which the body makes a file, a folder or a link, which takes its place at `path` in the end.

    Parameters
    ----------
    path
        Where it is to be. A file there is replaced, and its permission bits are kept; an empty folder is replaced.
    replace
        Whether a folder may take the place of one that holds something. Between two renames there is none.

    Raises
    ------
    OSError
        The disk refused. What was there stays as it was.
    """
    with unfinished(path) as partial:
        yield partial
        put_in_place(partial, path, replace=replace)


@contextmanager
def unfinished(path: Path, *, staging: Path | None = None) -> Iterator[Path]:
    """Yield a name beside `path` for what is not finished yet; what still has that name in the end is removed.

    One thread of a process at a time may write the same path; of two processes the last one stands. What a killed
    process left is removed by the next one that writes the same path.

    Parameters
    ----------
    path
        Where it is to be.
    staging
        Folder for what is unfinished instead of that of `path`, on the same file system; made where it is missing.
    """
    if staging is not None:
        staging.mkdir(exist_ok=True)
    folder = path.parent if staging is None else staging
    _remove_leftovers(folder, path.name)
    partial = folder / f".{path.name}.{os.getpid()}{_SUFFIX}"
    try:
        yield partial
    finally:
        _remove(partial)


def put_in_place(partial: Path, path: Path, *, replace: bool = False) -> None:
    """Bring a finished file, folder or link to the disk and rename it; see `atomically`."""
    if partial.is_dir() and not partial.is_symlink():
        _sync_tree(partial)
    elif not partial.is_symlink():
        _sync(partial)
    _rename(partial, path, replace=replace)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each one surely; raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk; raises OSError."""
    _sync(folder, os.O_DIRECTORY)


def _sync_tree(folder: Path) -> None:
    for inner, _, files in os.walk(folder):
        for name in files:
            _sync(Path(inner, name))
        sync_folder(Path(inner))


def _sync(path: Path, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(partial: Path, path: Path, *, replace: bool = False) -> None:
    if partial.is_file() and path.is_file():
        _keep_mode(path, partial)
    if replace and path.is_dir() and not path.is_symlink():
        _swap(partial, path)
    else:
        os.replace(partial, path)
    sync_folder(path.parent)


def _keep_mode(path: Path, partial: Path) -> None:
    """Set the permission bits of a new file to those of the one that it replaces."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode != stat.S_IMODE(partial.stat().st_mode):
        partial.chmod(mode)


def _swap(partial: Path, path: Path) -> None:
    """Put a folder in the place of another one, which comes back where that fails."""
    old = partial.with_suffix(f".old{_SUFFIX}")
    os.replace(path, old)
    try:
        os.replace(partial, path)
    except BaseException:
        os.replace(old, path)
        raise
    _remove(old)


def _remove_leftovers(folder: Path, name: str) -> None:
    """Remove what processes left that were killed while they wrote the file or folder of this name."""
    beginning, there = f".{name}.", list[str]()
    with suppress(OSError):  # whoever writes into it reports what is wrong with the folder
        there = os.listdir(folder)
    for each in there:
        if not each.startswith(beginning) or not each.endswith(_SUFFIX):
            continue
        pid = each.removeprefix(beginning).partition(".")[0]
        if pid.isdecimal() and not _is_another(int(pid)):
            _remove(folder / each)


def _is_another(pid: int) -> bool:
    """Return whether a process of this number runs that is not this one."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of ours
        return True
    return True


def _remove(path: Path) -> None:
    """Remove a file or folder as far as the system allows: what was to be done is done, or fails for its own reason."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
