"""Whose keys a hub knows, and what each of them may: one file, read again as soon as it changes."""

import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from smearwatch.daemon.regular_file import open_regular
from smearwatch.daemon.wire.keys import KeyUnusable, checked_key
from smearwatch.daemon.wire.rights import RIGHTS, Right

_LOOK_AGAIN_S: Final = 0.5
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
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o022:
                raise KeyUnusable(f"list of keys {path} may be written by others", f"chmod 644 {path}")
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

    A list that cannot be read allows nobody.

    Parameters
    ----------
    path
        The file; see `read_allowed`.
    tell
        Takes a line on what is wrong with the file, once each time.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, path: Path, tell: Callable[[str], object] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._tell = tell
        self._clock = clock
        self._lock = Lock()
        self._looked_s = -_LOOK_AGAIN_S
        self._mark: tuple[int, int, int] | None = None
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
        try:
            status = self._path.stat()
            mark = status.st_mtime_ns, status.st_size, status.st_ino
        except OSError:
            mark = None
        if mark == self._mark:
            return
        try:
            self._by_key = {each.key: each for each in read_allowed(self._path)}
            self._names |= {key: each.name for key, each in self._by_key.items()}
            self._mark = mark
        except KeyUnusable as error:
            if self._by_key or self._mark is None:
                self._tell(f"{error} ({error.hint}); nobody is let in from other computers")
            self._by_key, self._mark = {}, mark
