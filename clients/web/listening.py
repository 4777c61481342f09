"""Where the page listens: on this computer, or with TLS and accounts on a network. Nothing in between."""

import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.private_files import check_private
from smearwatch.daemon.regular_file import open_regular

TLS_PORT: Final = 8443
MOST_OF_ADDRESS: Final = 48
"""Connections of one other computer at a time, agreed on or not."""
_HOW: Final = "give --listen HOST or HOST:PORT, where 0.0.0.0 is every address of this computer"


class _FairSocket(socket.socket):
    """A listening socket that takes no more connections of one address than that: not all wait for those of one.

    It is for a network. On one computer all have the same address, and `smearwatch.clients.web.connections` makes room.
    """

    def __init__(self, family: int, kind: int) -> None:
        super().__init__(family, kind)
        self._taken: dict[str, list[socket.socket]] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection; raises `ConnectionAbortedError` where its address has too many."""
        connection, address = super().accept()
        still = ((host, [each for each in taken if each.fileno() != -1]) for host, taken in self._taken.items())
        self._taken = {host: taken for host, taken in still if taken}
        of_address = self._taken.setdefault(address[0], [])
        if len(of_address) >= MOST_OF_ADDRESS:
            connection.close()
            raise ConnectionAbortedError(f"{MOST_OF_ADDRESS} connections of one address")
        of_address.append(connection)
        return connection, address


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
    return _bound(family, address, place.listen, _FairSocket), tls


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
    family: int, address: tuple[object, ...], where: str, kind: type[socket.socket] = socket.socket
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
