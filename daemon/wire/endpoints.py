"""Where the hub listens: two Unix-domain sockets in the runtime folder, nothing off this host."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from smearwatch.daemon.hinted import Hinted

# sockaddr_un holds 108 bytes with its closing zero (unix(7)).
_LONGEST_SOCKET_PATH = 107


class EndpointUnusable(Hinted, OSError):
    """The sockets cannot live in the folder that was named."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The hub's two addresses: ``talk`` (ROUTER) and ``feed`` (PUB)."""

    talk: str
    feed: str

    @classmethod
    def under(cls, runtime_dir: Path) -> "Endpoints":
        """Return the addresses inside a runtime folder, without touching the disk.

        Raises
        ------
        EndpointUnusable
            When the path is longer than a Unix socket's may be.
        """
        talk, feed = runtime_dir / "hub.sock", runtime_dir / "feed.sock"
        length = len(os.fsencode(feed))
        if length > _LONGEST_SOCKET_PATH:
            raise EndpointUnusable(
                f"socket path {feed} is {length} bytes long, a Unix socket takes {_LONGEST_SOCKET_PATH}",
                "choose a shorter runtime_dir",
            )
        return cls(f"ipc://{talk}", f"ipc://{feed}")

    @property
    def shown(self) -> str:
        """Where the hub is looked for, for people to read."""
        return self.talk.removeprefix("ipc://")


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner enters, or check that it is one.

    Raises
    ------
    EndpointUnusable
        When it cannot be made, or belongs to somebody else, or others may enter it.
    """
    try:
        for missing in reversed([above for above in (path, *path.parents) if not above.exists()]):
            missing.mkdir(exist_ok=True, mode=0o700)  # mkdir's own parents=True would leave those above open
        status = path.stat()
    except OSError as error:
        raise EndpointUnusable(f"runtime folder {path}: {error.strerror}", "choose another runtime_dir") from None
    if status.st_uid != os.geteuid():
        raise EndpointUnusable(f"runtime folder {path} belongs to another user", "choose another runtime_dir")
    if not stat.S_ISDIR(status.st_mode):
        raise EndpointUnusable(f"runtime folder {path} is not a folder", "choose another runtime_dir")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise EndpointUnusable(f"runtime folder {path} may be entered by others", f"chmod 700 {path}")
    return path
