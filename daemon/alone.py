"""Hold a folder while one command writes into it, so that a second one is refused at once and not after its work."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from smearwatch.daemon.atomic_write import make_folder
from smearwatch.daemon.hinted import Hinted


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Make a folder and hold it against other commands; where nothing is written into it, it is removed in the end.

    Yields
    ------
    bool
        False where the file system cannot hold a folder; then two commands are not kept apart.

    Raises
    ------
    Hinted
        It is no folder, cannot be made, or another command holds it.
    """
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise Hinted(f"{folder}: there is a file of this name", "name another folder")
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        _remove_empty(missing)
        raise cannot_write(folder, error) from error
    try:
        yield _lock(descriptor, folder)
    finally:
        os.close(descriptor)
        _remove_empty(missing)


@contextmanager
def made(folder: Path, *, mode: int = 0o777) -> Iterator[None]:
    """Make a folder, and those above it; what nothing came into is removed in the end. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        yield
    finally:
        _remove_empty(missing)


def cannot_write(folder: Path, error: OSError) -> Hinted:
    """Return the error for a folder that takes nothing."""
    matter = (error.strerror or str(error)).lower()
    return Hinted(f"{folder}: cannot be written to ({matter})", "name another folder")


def _lock(descriptor: int, folder: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Hinted(f"{folder}: another command is writing into it", "wait for it, or name another folder") from None
    except OSError:
        return False
    return True


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, up to one that holds something."""
    with suppress(OSError):
        for each in folders:
            each.rmdir()
