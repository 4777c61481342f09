"""How many files this process may open: each connection, picture, library and database takes one."""

import errno
import resource
from contextlib import suppress
from typing import Final

from smearwatch.daemon.hinted import Hinted

LEAST: Final = 128
"""With fewer than these nothing is begun: a hub and its clients alone take some 50."""

FEW: Final = 1024
"""With fewer than these clients and browsers may be refused."""

_MOST: Final = 65536  # more help nobody, and some programs go through all numbers up to the limit
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

HOW: Final = "raise the limit: `ulimit -Hn` as root, /etc/security/limits.conf, or LimitNOFILE= of a unit"


class TooFewFiles(Hinted):
    """So few files may be open that a count would fail."""


def raise_limit() -> int:
    """Raise the limit of open files as far as the system allows; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MOST if soft == resource.RLIM_INFINITY else soft


def open_enough() -> str:
    """Raise the limit of open files, for what is about to begin.

    Returns
    -------
    str
        A line for a person where there may be too few at times; empty otherwise.

    Raises
    ------
    TooFewFiles
        There are too few for a count.
    """
    files = raise_limit()
    if files < LEAST:
        raise TooFewFiles(f"this system lets a process open {files} files only, and {LEAST} are needed", HOW)
    if files < FEW:
        return f"this system lets a process open {files} files only: with many clients or browsers some wait ({HOW})"
    return ""


def none_left(error: OSError) -> bool:
    """Return whether a file was not opened because so many are open, here or in the whole system: that passes."""
    return error.errno in _NONE_LEFT
