"""Whose keys a hub knows, and what each of them may: one file, read again as soon as it or its rights change."""

import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

from smearwatch.daemon.regular_file import open_regular
from smearwatch.daemon.wire.keys import KeyUnusable, check_secret, checked_key
from smearwatch.daemon.wire.rights import RIGHTS, Right

_LOOK_AGAIN_S: Final = 0.5
_Mark: TypeAlias = tuple[int, int, int, int, int, int]
NOBODY: Final[frozenset[Right]] = frozenset()


@dataclass(frozen=True, slots=True)
class Allowed:
    """A key that the hub knows: whose it is called, and its rights."""

    name: str
    key: str
    rights: frozenset[Right]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the file, its rights in their order."""
        return {"key": self.key, "rights": [right for right in RIGHTS if right in self.rights]}


def read_allowed(path: Path) -> list[Allowed]:
    """Read the keys that are allowed, by name; none where there is no file.

    Raises
    ------
    KeyUnusable
        It cannot be read, or holds something else.
    """
    try:
        with open_regular(path) as file:
            _check_writers(f"list of keys {path}", f"chmod 644 {path}", os.fstat(file.fileno()))
            held = json.loads(file.read())
        return sorted((_allowed(name, each) for name, each in held.items()), key=lambda each: each.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeyUnusable(f"list of keys {path}: {error.strerror}", "ask as the user who counts") from None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise KeyUnusable(
            f"list of keys {path} is damaged", "mend it, or move it away and allow the keys anew"
        ) from None


def _check_writers(what: str, mend: str, status: os.stat_result) -> None:
    """Raise `KeyUnusable` where another user than this one may change a file or folder."""
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyUnusable(f"{what} belongs to another user", "give it to the user who counts: chown")
    if stat.S_IMODE(status.st_mode) & 0o022:
        raise KeyUnusable(f"{what} may be written by others", mend)


def as_text(allowed: list[Allowed]) -> str:
    """Return the file that holds keys that are allowed."""
    return json.dumps({each.name: each.as_json() for each in allowed}, indent=1) + "\n"


def _allowed(name: str, held: dict[str, Any]) -> Allowed:
    rights = frozenset(held["rights"])
    if not rights <= set(RIGHTS):
        raise ValueError(name)
    return Allowed(name, checked_key(held["key"], f"the key of {name} in the list"), rights)


class Keyring:
    """What the keys may that are allowed now. May be asked from several threads.

    A list that cannot be read, or that others may write, allows nobody; nor does any while the hub's own secret is not
    its own any more.

    Parameters
    ----------
    path
        The file; see `read_allowed`.
    tell
        Takes a line on what is wrong with the files, once each time, and on that it is mended.
    clock
        Monotonic seconds.
    secret
        The hub's own key file; None where nobody can pose as it.
    """

    def __init__(
        self,
        path: Path,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        *,
        secret: Path | None = None,
    ) -> None:
        self._path = path
        self._secret = secret
        self._told = False
        self._tell = tell
        self._clock = clock
        self._lock = Lock()
        self._looked_s = -_LOOK_AGAIN_S
        self._mark: tuple[_Mark | None, ...] | None = None
        self._by_key: dict[str, Allowed] = {}
        self._names: dict[str, str] = {}  # of all that ever were allowed

    def of(self, key: str) -> Allowed | None:
        """Return whose a key is, None where it is not allowed."""
        with self._lock:
            now = self._clock()
            if now - self._looked_s >= _LOOK_AGAIN_S:
                self._looked_s = now
                self._look()
            return self._by_key.get(key)

    def called(self, key: str) -> str:
        """Return what a key that is, or was, allowed is called here, for a log; the first digits of any other."""
        with self._lock:
            return self._names.get(key, f"{key[:12]}…" if key else "none")

    def _look(self) -> None:
        paths = [self._path, self._path.parent, *([] if self._secret is None else [self._secret])]
        mark = tuple(_mark_of(path) for path in paths)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._check()
            self._by_key = {each.key: each for each in read_allowed(self._path)}
        except KeyUnusable as error:
            self._told = True
            self._tell(f"{error} ({error.hint}); nobody is let in from other computers")
            self._by_key = {}
            return
        self._names |= {key: each.name for key, each in self._by_key.items()}
        if self._told:
            self._told = False
            self._tell(f"the keys in {self._path.parent} are let in again")

    def _check(self) -> None:
        """Raise `KeyUnusable` where others may put another list in its place, or have the hub's secret."""
        folder = self._path.parent
        with suppress(FileNotFoundError):
            _check_writers(f"folder of keys {folder}", f"chmod 700 {folder}", folder.stat())
        if self._secret is not None:
            try:
                check_secret(self._secret, self._secret.stat())
            except OSError as error:
                raise KeyUnusable(f"key file {self._secret}: {error.strerror}", "bring it back") from None


def _mark_of(path: Path) -> _Mark | None:
    """Return what changes with a file's bytes, its owner or its rights."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode, status.st_uid
