"""One program, every session: which page a request is for, and the list in which one is chosen."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from smearwatch.clients.web.app import ReviewPage
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.record.sessions import SessionMissing, find_session


class SessionPages:
    """The review pages of all sessions of a state folder: the first one at ``/``, each at ``/of/NAME/``.

    Each session has its own address, so that no label of one browser window can go into the session of another.

    Parameters
    ----------
    first : Path
        The folder of the session that is shown first.
    page_of : callable
        Makes the page of a session, by its folder.
    """

    def __init__(self, first: Path, page_of: Callable[[Path], ReviewPage]) -> None:
        self._state_dir = first.parent.parent
        self._page_of = page_of
        self._first = page_of(first)
        self._apps: dict[str, ASGIApp] = {first.name: self._first.app()}
        self._at_first = first.name

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[Mount("/of/{session}", app=self._of), Mount("/", app=self._apps[self._at_first])],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._first.guard)],
        )

    async def _of(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path_params"]["session"]
        try:
            folder = find_session(self._state_dir, name)
        except (NameUnusable, SessionMissing) as error:
            await PlainTextResponse(f"{error} ({error.hint})", 404)(scope, receive, send)
            return
        if name not in self._apps:
            self._apps[name] = self._page_of(folder).app()
        await self._apps[name](scope, receive, send)
