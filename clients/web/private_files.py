"""Files that hold what nobody else may read: accounts, keys, who is logged in."""

import os
import stat
from pathlib import Path

from smearwatch.daemon.atomic_write import atomically


class FileNotPrivate(OSError):
    """A file of secrets that others may read, or that is another one than it seems."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


def check_private(path: Path, status: os.stat_result) -> None:
    """Refuse a file that anybody but its owner may read, or that another user could have put there.

    Raises
    ------
    FileNotPrivate
        It is that.
    """
    if not stat.S_ISREG(status.st_mode):
        raise FileNotPrivate(path, "is no file", "name a file")
    open_to = 0o077
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY")
    if handed_over and path.resolve().is_relative_to(Path(handed_over).resolve()):
        # systemd's LoadCredential: readable by the unit's user through an access list, whose mask stands in the
        # group's bits; the folder admits nobody else.
        open_to = 0o007
    if os.geteuid() != 0 and status.st_uid not in (os.geteuid(), 0):
        hint = f"chown it to the user who runs this, and chmod 600 {path}"
        raise FileNotPrivate(path, "belongs to another user", hint)
    if status.st_mode & open_to:
        raise FileNotPrivate(path, "may be read by others", f"chmod 600 {path}")


def read_private(path: Path) -> bytes | None:
    """Return what a file of secrets holds, None where there is none.

    Raises
    ------
    FileNotPrivate
        Others may read it; then what it holds is nothing to rely on.
    OSError
        It cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileNotPrivate(path, (error.strerror or str(error)).lower(), "see that this user may read it") from error
    try:
        check_private(path, os.fstat(descriptor))
    except FileNotPrivate:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all; raises OSError.

    Where root writes into a service's folder, the file belongs to that service's user.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomically(path) as partial:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            folder = path.parent.stat()
            if os.geteuid() == 0 and folder.st_uid != 0:
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            file.write(content)
