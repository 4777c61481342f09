"""Who may use the page: a browser on this computer that has the one-time link, and nobody by way of another site."""

import hmac
import secrets
from collections.abc import Mapping
from typing import Final

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


class Access:
    """Gives a one-time token for a cookie.

    Parameters
    ----------
    port
        Where the page listens; a request for another host is refused, so that no name of elsewhere can lead here.
    """

    def __init__(self, port: int) -> None:
        self.cookie_name = f"smearwatch-{port}"  # cookies are one for all ports of a host
        self.token = secrets.token_urlsafe(32)
        self._cookies: set[str] = set()
        self._used = False
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    def exchange(self, token: str) -> str | None:
        """Return a cookie for the token, the first time; None for every other token and every other time."""
        if self._used or not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        self._used = True
        cookie = secrets.token_urlsafe(32)
        self._cookies.add(cookie)
        return cookie

    def is_known(self, cookie: str | None) -> bool:
        """Return whether a browser was given this cookie."""
        return cookie is not None and any(hmac.compare_digest(cookie.encode(), each.encode()) for each in self._cookies)

    def is_ours(self, host: str | None) -> bool:
        """Return whether a request was meant for this page."""
        return host in self._hosts

    def may_change(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request that changes something comes from the page itself."""
        origin = headers.get("origin")
        return headers.get(HEADER) == "1" and (origin is None or origin.removeprefix("http://") in self._hosts)
