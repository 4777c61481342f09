"""Where the hub listens: Unix-domain sockets in the runtime folder, and off this host only where keys decide."""

import grp
import os
import pwd
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.wire.keys import KeyPair
from smearwatch.daemon.wire.rights import Right

# sockaddr_un holds 108 bytes with its closing zero (unix(7)).
_LONGEST_SOCKET_PATH = 107
_OUTSIDE = 65534  # how a user namespace shows who is not in it: root, of the folders above; elsewhere it is "nobody"
_TCP: Final = re.compile(r"tcp://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._*-]+):[0-9]{1,5}")

OPERATE: Final = "operate"
WATCH: Final = "watch"
"""The folders beside the owner's sockets: for who may control the count, and for who may only see it."""


class EndpointUnusable(Hinted, OSError):
    """The sockets cannot live in the folder that was named."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What a client of another computer proves itself by: the hub's public key in hex, and its own pair.

    ``right`` is what it wants to do, for the line that tells how to be let in.
    """

    server: str
    pair: KeyPair
    right: Right


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The hub's two addresses: ``talk`` (ROUTER) and ``feed`` (PUB). Over TCP the feed comes over ``talk``, too."""

    talk: str
    feed: str
    curve: Curve | None = None

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

    @classmethod
    def to(cls, where: "Path | Endpoints") -> "Endpoints":
        """Return the best addresses that this user may use in the hub's runtime folder: the owner's or a group's."""
        if isinstance(where, Endpoints):
            return where
        try:
            is_owner = where.stat().st_uid == os.geteuid()
        except OSError:
            is_owner = True  # nobody has made it yet
        if is_owner or os.access(where / "hub.sock", os.W_OK):
            return cls.under(where)
        entered = [name for name in (OPERATE, WATCH) if os.access(where / name, os.X_OK)]
        return cls.under(where / (entered[0] if entered else WATCH))

    @classmethod
    def at(cls, address: str, curve: Curve) -> "Endpoints":
        """Return the addresses of a hub on another computer; raises `EndpointUnusable` for what is none."""
        checked_address(address, "hub")
        return cls(address, address, curve)

    @property
    def shown(self) -> str:
        """Where the hub is looked for, for people to read."""
        return self.talk.removeprefix("ipc://")


def checked_address(address: str, what: str) -> str:
    """Return an address ``tcp://HOST:PORT`` that was typed; raises `EndpointUnusable`."""
    if not _TCP.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) < 65536:
        raise EndpointUnusable(f"{what} = {address!r} is no address of a hub", "write it like tcp://192.168.1.20:5760")
    return address


def why_closed(endpoints: Endpoints) -> str | None:
    """Return which group an account would have to be in that may not use a socket of this computer; else None."""
    folder = Path(endpoints.shown).parent
    if endpoints.curve is not None or folder.name not in (OPERATE, WATCH) or os.access(folder, os.X_OK):
        return None
    groups = []
    for each in (folder.parent / WATCH, folder.parent / OPERATE):
        with suppress(OSError, KeyError):
            groups.append(grp.getgrgid(each.stat().st_gid).gr_name)
    if not groups:
        return None
    who = " or ".join(dict.fromkeys(groups))
    return f"the count that runs here is for the group {who}, and this account is not in it"


def private_dir(path: Path, *, passable: bool = False) -> Path:
    """Make a folder that only its owner enters, or check that it is one.

    Parameters
    ----------
    passable
        Others may pass through it into folders of theirs, and see nothing of what it holds.

    Raises
    ------
    EndpointUnusable
        When it cannot be made, belongs to somebody else, others may enter it, or may put another in its place.
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
    if stat.S_IMODE(status.st_mode) & (0o066 if passable else 0o077):
        mode = "711" if passable else "700"
        raise EndpointUnusable(f"runtime folder {path} may be entered by others", f"chmod {mode} {path}")
    trusted = {os.geteuid(), 0} | ({_OUTSIDE} if _in_user_namespace() else set())
    for above in path.absolute().parents:
        status = above.stat()
        open_to_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in trusted or open_to_all:
            what = f"runtime folder {path} lies in {above}, where others may put another in its place"
            raise EndpointUnusable(what, "choose another runtime_dir")
    return path


def _in_user_namespace() -> bool:
    """Return whether accounts outside are shown as one number, for not all of them are mapped (user_namespaces(7))."""
    try:
        mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return mapped != ["0", "0", "4294967295"]


def group_dir(runtime_dir: Path, name: str, group: str) -> Path:
    """Make the folder in which a group has its sockets, or give it to that group; the way there is opened.

    Raises
    ------
    EndpointUnusable
        There is no such group, or this user may not give it anything.
    """
    path = runtime_dir / name
    try:
        gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise EndpointUnusable(f"there is no group {group!r} on this computer", f"groupadd {group}") from None
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink() or path.stat().st_uid != os.geteuid():
            raise EndpointUnusable(f"{path} belongs to another user", f"remove {path}")
        os.chown(path, -1, gid)
        path.chmod(0o750)
        runtime_dir.chmod(0o711)
    except PermissionError:
        user = pwd.getpwuid(os.geteuid()).pw_name
        hint = f"put that user into it: usermod -aG {group} {user}"
        raise EndpointUnusable(f"{user} may not give {path} to the group {group}", hint) from None
    except OSError as error:
        if isinstance(error, EndpointUnusable):
            raise
        raise EndpointUnusable(f"{path}: {error.strerror}", f"remove {path}") from None
    return path
