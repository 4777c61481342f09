"""The one place that every request passes: who may ask, and who may change. What is refused reaches no route.

The path is that of the scope, by which routes are found: one made from the Host header is whatever a request claims.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ExceptionHandler

from smearwatch.clients.web.access import HEADERS, Access, Visitor
from smearwatch.clients.web.accounts import AccountUnusable
from smearwatch.clients.web.private_files import FileNotPrivate

_PAGE: Final = Path(__file__).parent / "page"
HEALTH: Final = "/healthz"
_FOR_EVERYBODY: Final = frozenset({"/log-in", "/log-out"})


def guarded(
    routes: Sequence[BaseRoute], access: Access, exception_handlers: dict[type[Exception], ExceptionHandler]
) -> Starlette:
    """Return an application that nobody reaches but by way of `access`."""

    async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = _refusal(request, access) or await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    app = Starlette(
        routes=[*access.routes(), *routes, Mount("/static", StaticFiles(directory=_PAGE))],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers=dict(exception_handlers),
    )
    app.router.redirect_slashes = False
    return app


def visitor_of(request: Request) -> Visitor:
    """Return who asks, as the guard has found."""
    visitor: Visitor = request.state.visitor
    return visitor


def _refusal(request: Request, access: Access) -> Response | None:
    if request.scope["path"] == HEALTH and request.method in ("GET", "HEAD"):
        return None  # that a count runs is no secret, and who asks for it has no account
    try:
        admitted = access.admit(request)
    except (FileNotPrivate, AccountUnusable) as error:  # nobody comes in by accounts that are not to be relied on
        return PlainTextResponse(f"{error} ({error.hint})", 503)
    if isinstance(admitted, Response):
        return admitted
    if request.method not in ("GET", "HEAD"):
        if not access.is_own(request):
            return PlainTextResponse("this request does not come from the page itself", 403)
        if not admitted.may_change and request.scope["path"] not in _FOR_EVERYBODY:
            return PlainTextResponse("this account may look, and not change anything", 403)
    request.state.visitor = admitted
    return None
