"""Access from other computers: by TLS, and with the name and password of an account."""

from asyncio import Lock
from typing import Annotated, Final

from jinja2 import Environment
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from smearwatch.clients.web.access import HEADER, Visitor
from smearwatch.clients.web.accounts import Account, Accounts, as_named
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.attempts import Attempts
from smearwatch.clients.web.logins import Logins
from smearwatch.clients.web.passwords import LONGEST
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.values import printable

LASTS_S: Final = 12 * 3600.0
"""How long a log-in holds: a working day."""

_TO_LOG_IN: Final = frozenset({"/log-in", "/static/log-in.js", "/static/review.css", "/static/icon.svg"})


class _LogIn(Asked):
    name: str = Field(min_length=1, max_length=200)
    password: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=LONGEST)]


class AccountAccess:
    """Lets in who has an account.

    Parameters
    ----------
    accounts
        Asked anew at each request, so that who is removed is out at once.
    logins
        The browsers that were let in.
    attempts
        Slows down who guesses.
    pages
        Has the page to log in.
    port
        Where the page listens.
    """

    def __init__(self, accounts: Accounts, logins: Logins, attempts: Attempts, pages: Environment, port: int) -> None:
        # The browser itself refuses a cookie of this name that is not Secure, or is another host's.
        self._cookie_name = f"__Host-smearwatch-{port}"
        self._accounts = accounts
        self._logins = logins
        self._attempts = attempts
        self._pages = pages
        self._one_at_a_time = Lock()  # scrypt takes memory, and each attempt is counted before the next

    def admit(self, request: Request) -> Visitor | Response:
        """Let in who is logged in; to everybody else show the page to log in."""
        if (account := self._logged_in(request)) is not None:
            return Visitor(account.name, account.role == "reader")
        if request.scope["path"] in _TO_LOG_IN:
            return Visitor("", may_change=False)
        if request.method == "GET" and (
            request.scope["path"] == "/" or "text/html" in request.headers.get("accept", "")
        ):
            page = self._pages.get_template("log-in.html.jinja")
            return HTMLResponse(page.render(research_use=RESEARCH_USE), 401)
        return PlainTextResponse("you are not logged in any more: load the page again", 401)

    def is_own(self, request: Request) -> bool:
        """Return whether a request comes from the page itself."""
        origin = request.headers.get("origin")
        return request.headers.get(HEADER) == "1" and origin in (None, f"https://{request.headers.get('host')}")

    def routes(self) -> list[Route]:
        """Return logging in and out."""
        return [
            Route("/log-in", self._log_in, methods=["POST"]),
            Route("/log-out", self._log_out, methods=["POST"]),
        ]

    def _logged_in(self, request: Request) -> Account | None:
        login = self._logins.of(request.cookies.get(self._cookie_name))
        account = None if login is None else self._accounts.named(login.name)
        if login is None or account is None or not self._logins.is_under(login, account.password):
            return None
        return account

    async def _log_in(self, request: Request) -> Response:
        wanted = await asked(request, _LogIn)
        name, address = as_named(wanted.name), request.client.host if request.client else ""
        # An address stands for many names, a name for many addresses: whoever guesses waits for either.
        keys = (f"name {name.casefold()}", f"address {address}")
        async with self._one_at_a_time:
            if wait_s := self._attempts.wait_s(*keys):
                text = f"too many failed attempts: wait {wait_s:.0f} seconds, then try again"
                return PlainTextResponse(text, 429, headers={"retry-after": f"{wait_s:.0f}"})
            account = await run_in_threadpool(self._accounts.admit, name, wanted.password)
            if account is None:
                failed = self._attempts.fail(*keys)
                get_logger().warning("log-in failed", account=printable(name), address=address, failed=failed)
                return PlainTextResponse("name and password do not fit", 403)
            before = self._attempts.succeed(*keys)
        get_logger().info("logged in", account=printable(account.name), address=address, failed_before=before)
        cookie = self._logins.add(account.name, account.password)
        response = JSONResponse({"failed": before})
        response.set_cookie(
            self._cookie_name,
            cookie,
            max_age=int(self._logins.lasts_s),
            secure=True,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _log_out(self, request: Request) -> Response:
        self._logins.drop(request.cookies.get(self._cookie_name))
        response = JSONResponse({}, headers={"clear-site-data": '"cache"'})  # no cell is left in the browser
        response.delete_cookie(self._cookie_name, secure=True, httponly=True, samesite="strict")
        return response
