"""A name of its own for each process that joins a hub: the same after a restart, and no other's anywhere."""

import fcntl
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from smearwatch.daemon.hinted import Hinted

_MOST: Final = 256


class SeatMissing(Hinted):
    """So many join from here that there is no name left."""


class Seat:
    """Held from entering to leaving; the kernel lets go of it when the process dies.

    Parameters
    ----------
    runtime_dir
        A private folder of this user; each has names of its own.
    kind
        What joins.

    Attributes
    ----------
    name : str
        ``2@lab-3f9c1d2a``: the second from this folder of the computer ``lab``.
    """

    def __init__(self, runtime_dir: Path, kind: str) -> None:
        self._runtime_dir = runtime_dir
        self._kind = kind
        self.name = ""

    def __enter__(self) -> Self:
        for number in range(1, _MOST + 1):
            path = self._runtime_dir / f"{self._kind}-{number}.lock"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self._descriptor = descriptor
            self.name = f"{number}@{socket.gethostname()}-{_mark(self._runtime_dir)}"
            return self
        raise SeatMissing(f"{_MOST} of them run from {self._runtime_dir} already", "end some of them")

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _mark(runtime_dir: Path) -> str:
    """Return what tells this folder's processes from those of other computers, which may have the same name."""
    path, mark = runtime_dir / "seats", secrets.token_hex(4)
    if not path.exists():
        whole = runtime_dir / f"seats-{mark}"
        whole.write_text(mark)
        with suppress(FileExistsError):
            os.link(whole, path)
        whole.unlink()
    return path.read_text()
