"""Where the page listens: on this computer, or with TLS and accounts on a network. Nothing in between."""

import os
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.private_files import check_private
from smearwatch.daemon.regular_file import open_regular

TLS_PORT: Final = 8443
MOST_OF_ADDRESS: Final = 48
"""Connections of one other computer at a time, agreed on or not."""
# More than browsers, or a laboratory's proxy for all of them, ask for; of one address, opened one after the other.
_AT_ONCE: Final = 512
_A_SECOND: Final = 200.0
_CLOSED_IN_A_ROW: Final = 64  # then whoever is connected has its turn
_MOST_SHARES: Final = 4096
_HOW: Final = "give --listen HOST or HOST:PORT, where 0.0.0.0 is every address of this computer"


class _FairSocket(socket.socket):
    """A listening socket of which no address has more than its share: what comes beyond that is closed at once.

    So a flood from one address costs little, and does not stand in the queue before those of others.
    """

    most_of_address: int | None = None

    def __init__(self, family: int, kind: int) -> None:
        super().__init__(family, kind)
        self._shares: dict[str, _Share] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection; raises `ConnectionAbortedError` where many in a row were beyond their share."""
        for _ in range(_CLOSED_IN_A_ROW):
            connection, address = super().accept()
            if self._share(address[0]).lets_in(connection, self.most_of_address):
                return connection, address
            connection.close()
        raise ConnectionAbortedError("more connections of one address than its share")

    def _share(self, address: str) -> "_Share":
        if address not in self._shares and len(self._shares) >= _MOST_SHARES:
            self._shares = {host: share for host, share in self._shares.items() if not share.is_whole()}
        return self._shares.setdefault(address, _Share())


class _NetSocket(_FairSocket):
    """The same for a network: who has not agreed on TLS yet is no connection that could make room for others.

    On one computer all may have the same address, and `smearwatch.clients.web.connections` makes room.
    """

    most_of_address = MOST_OF_ADDRESS


class _Share:
    """What one address has of a socket: its connections that are still there, and how many more may come now."""

    def __init__(self) -> None:
        self._there: list[socket.socket] = []
        self._left, self._at_s = float(_AT_ONCE), time.monotonic()

    def is_whole(self) -> bool:
        """Return whether nothing of it is used."""
        self._fill()
        return self._left == _AT_ONCE and not self._still_there()

    def lets_in(self, connection: socket.socket, most: int | None) -> bool:
        """Take a connection in, at most so many of them at a time; returns whether it may stay."""
        self._fill()
        if self._left < 1.0 or (most is not None and len(self._there) >= most and len(self._still_there()) >= most):
            return False
        self._left -= 1.0
        if most is not None:
            self._there.append(connection)
        return True

    def _fill(self) -> None:
        before_s, self._at_s = self._at_s, time.monotonic()
        self._left = min(float(_AT_ONCE), self._left + _A_SECOND * (self._at_s - before_s))

    def _still_there(self) -> list[socket.socket]:
        self._there = [each for each in self._there if each.fileno() != -1]
        return self._there


class PortTaken(OSError):
    """The page cannot listen where it was asked to."""

    def __init__(self, where: str, why: str, hint: str = "give another port, or 0 for any free one") -> None:
        super().__init__(f"{where}: {why}")
        self.hint = hint


class NotForOthers(Exception):
    """The page is to be reached from other computers, and lacks what that needs."""

    hint = (
        "give --tls-cert FILE --tls-key FILE and `smearwatch account add NAME --role reader`; without them, "
        "on the other computer: ssh -L 8000:127.0.0.1:8000 THIS-COMPUTER smearwatch review --port 8000 --no-browser"
    )


class CertificateUnusable(ValueError):
    """A certificate, or its key, with which nobody can be served."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page on a network listens, and the certificate and key that it shows."""

    listen: str
    certificate: Path | None
    key: Path | None


def listen_here(port: int) -> socket.socket:
    """Listen on this computer alone; raises `PortTaken`."""
    return _bound(socket.AF_INET, ("127.0.0.1", port), f"port {port}")


def listen_to_others(place: Place, accounts: Accounts) -> tuple[socket.socket, ssl.SSLContext]:
    """Listen on a network.

    Raises
    ------
    NotForOthers
        There is no certificate, no key or no account.
    FileNotPrivate, AccountUnusable, CertificateUnusable
        The key or the accounts may be read by others, or are none.
    PortTaken
        It cannot listen there.
    """
    host, port = _host_and_port(place.listen)
    missing = [
        what
        for what, there in (
            ("a certificate", place.certificate is not None),
            ("its key", place.key is not None),
            ("an account", any(accounts)),
        )
        if not there
    ]
    if place.certificate is None or place.key is None or missing:
        lacks = " and ".join((", ".join(missing[:-1]), missing[-1]) if len(missing) > 1 else missing)
        raise NotForOthers(f"the page does not listen on {place.listen} without {lacks}")
    tls = _tls(place.certificate, place.key)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise PortTaken(place.listen, "no address of that name", _HOW) from error
    return _bound(family, address, place.listen, _NetSocket), tls


def _host_and_port(listen: str) -> tuple[str, int]:
    """Return the parts of HOST, HOST:PORT or [ADDRESS]:PORT."""
    bare = listen.strip()
    if bare.count(":") > 1 and not bare.startswith("["):
        bare = f"[{bare}]"
    host, colon, port = bare.rpartition(":") if bare.rpartition(":")[2].isdecimal() else (bare, "", "")
    host = (host if colon else bare).removeprefix("[").removesuffix("]")
    number = int(port[:6]) if port else TLS_PORT
    if not host or number > 65535:
        raise PortTaken(repr(listen), "is no place to listen", _HOW)
    return host, number


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    try:
        check_private(key, key.stat())
        open_regular(certificate).close()
    except FileNotFoundError as error:
        raise CertificateUnusable(
            Path(error.filename), "no such file", "name the files of --tls-cert and --tls-key"
        ) from error
    except PermissionError as error:
        raise CertificateUnusable(Path(error.filename), "this user may not read it", "see who owns it") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def locked() -> NoReturn:
        hint = f"write it without: openssl pkey -in {key} -out NEW.pem"
        raise CertificateUnusable(key, "the key wants a password", hint)

    try:
        context.load_cert_chain(certificate, key, password=locked)
    except ssl.SSLError as error:
        what = "certificate and key do not belong together" if "MISMATCH" in str(error) else "no certificate and key"
        hint = f"give both as PEM; the key is {key}"
        raise CertificateUnusable(certificate, what, hint) from error
    except OSError as error:
        raise CertificateUnusable(
            key, (error.strerror or str(error)).lower(), "see that this user may read it"
        ) from error
    return context


def _bound(
    family: int, address: tuple[object, ...], where: str, kind: type[_FairSocket] = _FairSocket
) -> socket.socket:
    listening = kind(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()  # the link works from the moment at which it is printed
    except OSError as error:
        listening.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise PortTaken(where, why.lower()) from error
    return listening
