"""Read a file that somebody named, and nothing that only looks like one.

Opening a pipe waits for who writes into it, and a device may give bytes without end: neither is opened for reading, and
a file that is larger than what is taken is not read.
"""

import errno
import io
import os
import stat
from typing import Final

MOST_BYTES: Final = 1024**3
"""No picture, table or file of settings is larger; the largest frame that can be set is as large."""

_KINDS: Final = (
    (stat.S_ISDIR, errno.EISDIR, "Is a directory"),
    (stat.S_ISFIFO, errno.EINVAL, "Is a pipe, no file"),
    (stat.S_ISSOCK, errno.EINVAL, "Is a socket, no file"),
    (stat.S_ISCHR, errno.EINVAL, "Is a device, no file"),
    (stat.S_ISBLK, errno.EINVAL, "Is a device, no file"),
)


def check_regular(path: str | os.PathLike[str], *, most_bytes: int | None = MOST_BYTES) -> os.stat_result:
    """Return a file's state; links are followed.

    Raises
    ------
    OSError
        It is missing, a folder, pipe, socket or device, or larger than `most_bytes`; ``strerror`` says it in words.
    """
    return _checked(os.stat(path), path, most_bytes)


def open_regular(path: str | os.PathLike[str], *, most_bytes: int | None = MOST_BYTES) -> io.BufferedReader:
    """Open a file for reading; see `check_regular` for what is raised."""
    # Looked at before, for opening a device may do something, and a socket cannot be opened; and after, for what was a
    # file a moment ago may be a pipe now.
    check_regular(path, most_bytes=most_bytes)
    file = open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")  # the caller closes it
    try:
        _checked(os.fstat(file.fileno()), path, most_bytes)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return all that is in a file; see `check_regular` for what is raised."""
    with open_regular(path, most_bytes=most_bytes) as file:
        return file.read()


def read_text(path: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES) -> str:
    """Return the UTF-8 text in a file; raises UnicodeDecodeError, and OSError as `check_regular` does."""
    return read_regular(path, most_bytes=most_bytes).decode("utf-8")


def _checked(status: os.stat_result, path: str | os.PathLike[str], most_bytes: int | None) -> os.stat_result:
    for is_kind, number, what in _KINDS:
        if is_kind(status.st_mode):
            raise OSError(number, what, os.fspath(path))
    if most_bytes is not None and status.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"Larger than {most_bytes // 1024**2} megabytes", os.fspath(path))
    return status
