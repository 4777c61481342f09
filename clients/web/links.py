"""The link of a page that goes on by itself: in a file that only its user reads, for whoever opens one more browser."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from smearwatch.clients.web.private_files import read_private, write_private

LINK_FILE: Final = "review-link"


class NoPage(LookupError):
    """No page runs beside a count here."""

    hint = "start one with `smearwatch review --follow`, or beside a count with `smearwatch run --review`"


def keep_link(runtime_dir: Path) -> Callable[[str], None]:
    """Return what writes each new link down."""
    return lambda link: write_private(runtime_dir / LINK_FILE, link.encode())


def kept_link(runtime_dir: Path) -> str:
    """Return the link that lets one more browser in.

    Raises
    ------
    NoPage
        There is none, or its program has ended.
    FileNotPrivate
        Others may read it.
    """
    content = read_private(runtime_dir / LINK_FILE)
    link = "" if content is None else content.decode("ascii", "replace")
    if not link or not _answers(urlsplit(link).port or 0):
        raise NoPage(f"no page answers for {runtime_dir}")
    return link


def shown(address: str) -> str:
    """Return an address as it may be printed: the token on a terminal alone, for logs are read by others."""
    return address if sys.stderr.isatty() else address.partition("?")[0]


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        asking.settimeout(2.0)
        return asking.connect_ex(("127.0.0.1", port)) == 0
