"""Browsers that were let in, each by a cookie of its own; kept so that a page that is started again knows them."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from smearwatch.clients.web.private_files import FileNotPrivate, read_private, write_private

_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that was let in: as whom, under which password's line, and until when (seconds since 1970)."""

    name: str
    under: str
    until_s: float


class Logins:
    """Cookies, and whose they are. The file has their hashes alone: whoever reads it cannot make a cookie from it.

    Parameters
    ----------
    file
        Where they are kept; None for memory alone.
    lasts_s
        How long each holds.
    clock
        Seconds since 1970.
    """

    def __init__(self, file: Path | None, lasts_s: float, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self.lasts_s = lasts_s
        self._clock = clock
        self._lock = Lock()
        self._logins = {} if file is None else _kept(file)

    def add(self, name: str = "", under: str = "") -> str:
        """Let a browser in; returns its cookie."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            now_s = self._clock()
            left = {key: each for key, each in self._logins.items() if each.until_s > now_s}
            while len(left) >= _MOST:
                left.pop(next(iter(left)))
            self._logins = left | {_hash(cookie): Login(name, _hash(under), now_s + self.lasts_s)}
            self._keep()
        return cookie

    def of(self, cookie: str | None) -> Login | None:
        """Return who was given a cookie, None for one that is unknown or over."""
        login = None if cookie is None else self._logins.get(_hash(cookie))
        return login if login is not None and login.until_s > self._clock() else None

    def is_under(self, login: Login, under: str) -> bool:
        """Return whether a login was made under this line; a password that was changed since ends it."""
        return login.under == _hash(under)

    def drop(self, cookie: str | None) -> None:
        """Let a browser out."""
        with self._lock:
            if cookie is not None and self._logins.pop(_hash(cookie), None) is not None:
                self._keep()

    def _keep(self) -> None:
        if self._file is not None:
            write_private(self._file, json.dumps({key: asdict(each) for key, each in self._logins.items()}).encode())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(file: Path) -> dict[str, Login]:
    """Return what is kept; where that cannot be relied on everybody logs in again."""
    try:
        content = read_private(file)
        return {} if content is None else {key: Login(**each) for key, each in json.loads(content).items()}
    except (FileNotPrivate, ValueError, TypeError, AttributeError, RecursionError):
        return {}
