"""The page's web server: where it listens, who comes in, what it serves; as a command and as a role of a run."""

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from smearwatch.clients.counted_now import CountedNow
from smearwatch.clients.web.access import Access, LinkAccess
from smearwatch.clients.web.account_access import LASTS_S, AccountAccess
from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.app import FORESEEN, PAGES, ReadAs
from smearwatch.clients.web.attempts import Attempts
from smearwatch.clients.web.connections import Connection
from smearwatch.clients.web.following import FollowingPages
from smearwatch.clients.web.guard import HEALTH, guarded
from smearwatch.clients.web.links import keep_link
from smearwatch.clients.web.listening import Place, listen_here, listen_to_others
from smearwatch.clients.web.logins import Logins
from smearwatch.clients.web.server import Server
from smearwatch.clients.web.sessions import SessionPages
from smearwatch.daemon.config import Settings
from smearwatch.daemon.wire.endpoints import private_dir

_BROWSERS_STAY_S: Final = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, and where.

    Attributes
    ----------
    session
        The session's folder; None for whichever is counted, and the next.
    place
        Where on a network; None for this computer alone, on `port`.
    config
        The settings file that was named, None for the usual one.
    """

    settings: Settings
    session: Path | None
    read_as: ReadAs
    port: int = 0
    place: Place | None = None
    config: Path | None = None


def serve(served: Served, say: Callable[[str, str], None], over: Callable[[], bool] | None = None) -> None:
    """Serve until it is ended.

    Parameters
    ----------
    say
        Given the address once it can be asked, and how one gets in there.
    over
        Asked ten times a second whether to end.

    Raises
    ------
    NotForOthers, CertificateUnusable, FileNotPrivate, AccountUnusable, PortTaken
        See `smearwatch.clients.web.listening`.
    """
    with ExitStack() as stack:
        listening, tls, access, address, how = _entrance(served, stack)
        app = guarded(_routes(served, stack), access, FORESEEN)
        config = uvicorn.Config(
            app,
            log_level="warning",
            log_config=None,  # what it reports becomes an entry of ours
            access_log=False,
            server_header=False,
            proxy_headers=False,  # an address that a request only claims is none
            http=Connection,
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = tls
        say(address, how)
        Server(config, over).run(sockets=[listening])


def _entrance(served: Served, stack: ExitStack) -> tuple[socket.socket, ssl.SSLContext | None, Access, str, str]:
    settings, follows = served.settings, served.session is None
    if served.place is not None:
        accounts = Accounts(settings.state_dir)
        listening, tls = listen_to_others(served.place, accounts)
        stack.callback(listening.close)
        host, port = listening.getsockname()[:2]
        logins = Logins(settings.state_dir / f"logins-{port}.json", LASTS_S)
        access = AccountAccess(accounts, logins, Attempts(), PAGES, port)
        name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        return listening, tls, access, f"https://{name}:{port}/", "log in with an account"
    listening = listen_here(served.port)
    stack.callback(listening.close)
    port = listening.getsockname()[1]
    if not follows:
        link = LinkAccess(port, Logins(None, _BROWSERS_STAY_S))
        return listening, None, link, link.link, "this link can be used once"
    runtime_dir = private_dir(settings.runtime_dir, passable=settings.has_groups)
    kept = LinkAccess(port, Logins(runtime_dir / f"review-{port}.json", _BROWSERS_STAY_S), keep_link(runtime_dir))
    return listening, None, kept, kept.link, "`smearwatch review --link` gives a link that lets one browser in"


def _routes(served: Served, stack: ExitStack) -> list[BaseRoute]:
    settings, follows = served.settings, served.session is None
    pages = SessionPages(settings, served.read_as, served.session, served.config, follows=follows)
    stack.callback(pages.close)
    counted = stack.enter_context(CountedNow(settings.runtime_dir))

    async def health(_: Request) -> Response:
        return counted.is_alive().response()

    ours = [Route(HEALTH, health)]
    if not follows:
        return [*ours, *pages.routes()]
    return [*ours, *FollowingPages(settings.state_dir, counted, pages, served.read_as).routes()]
