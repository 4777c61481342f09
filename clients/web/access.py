"""Who may use the page: a browser of this computer by a one-time link; from other computers see `account_access`."""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from smearwatch.clients.web.logins import Logins

HEADER: Final = "x-smearwatch"
"""Every request that changes something carries it; another site's page cannot send it without being refused first."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes
    ----------
    name
        Whose account it is, and so the name under labels and signatures; None where a name is only typed.
    may_change
        Whether this visitor may label, sign and control, or look alone.
    """

    name: str | None = None
    may_change: bool = True


class Access(Protocol):
    """Decides who may use the page."""

    def admit(self, request: Request) -> Visitor | Response:
        """Return who asks, or the answer that keeps them out."""

    def is_own(self, request: Request) -> bool:
        """Return whether a request that changes something was sent by the page itself, and by no other site's."""

    def routes(self) -> list[Route]:
        """Return what only this way of access answers."""


class LinkAccess:
    """Gives a one-time token for a cookie, on this computer alone.

    Parameters
    ----------
    port
        Where the page listens; a request for another host is refused, so that no name of elsewhere can lead here.
    logins
        The browsers that were let in.
    when_used
        Called with each new link. Where it is None the first link is the only one.
    """

    def __init__(self, port: int, logins: Logins, when_used: Callable[[str], None] | None = None) -> None:
        self._cookie_name = f"smearwatch-{port}"  # cookies are one for all ports of a host
        self._port = port
        self._logins = logins
        self._when_used = when_used
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._token: str | None = None
        self._issue()

    @property
    def link(self) -> str:
        """The address with the token that lets the next browser in."""
        return f"http://127.0.0.1:{self._port}/?token={self._token}"

    def admit(self, request: Request) -> Visitor | Response:
        """Let in who has the cookie, or comes with the token for the first time."""
        if request.headers.get("host") not in self._hosts:
            return PlainTextResponse("this page is for 127.0.0.1 alone", 421)
        token = request.query_params.get("token")
        if request.scope["path"] == "/" and token is not None and self._exchange(token):
            response = RedirectResponse("/", 303)
            age_s = int(self._logins.lasts_s) if self._when_used else None
            cookie = self._logins.add()
            response.set_cookie(self._cookie_name, cookie, max_age=age_s, httponly=True, samesite="strict")
            return response
        if self._logins.of(request.cookies.get(self._cookie_name)) is None:
            how = "`smearwatch review --link`" if self._when_used else "run `smearwatch review` again"
            text = f"this link was used already, or is not this page's: {how} for a new one"
            return PlainTextResponse(text, 403)
        return Visitor()

    def is_own(self, request: Request) -> bool:
        """Return whether a request comes from the page itself."""
        origin = request.headers.get("origin")
        return request.headers.get(HEADER) == "1" and (origin is None or origin.removeprefix("http://") in self._hosts)

    def routes(self) -> list[Route]:
        """Return nothing: the link is all."""
        return []

    def _exchange(self, token: str) -> bool:
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            return False
        self._token = None
        if self._when_used is not None:
            self._issue()
        return True

    def _issue(self) -> None:
        self._token = secrets.token_urlsafe(32)
        if self._when_used is not None:
            self._when_used(self.link)
