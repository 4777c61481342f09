"""The page beside a count: the session that is counted now, the next one when it begins, and those before."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from smearwatch.clients.counted_now import CountedNow
from smearwatch.clients.web.app import PAGES, ReadAs
from smearwatch.clients.web.guard import visitor_of
from smearwatch.clients.web.sessions import SessionPages, folder_of
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_names, sessions_root


class FollowingPages:
    """A page for each session, and the way from one to the next.

    Parameters
    ----------
    state_dir
        Where sessions are.
    counted
        Which session is counted now.
    pages
        Of all sessions.
    read_as
        Who reads, and how.
    """

    def __init__(self, state_dir: Path, counted: CountedNow, pages: SessionPages, read_as: ReadAs) -> None:
        self._state_dir = state_dir
        self._counted = counted
        self._pages = pages
        self._read_as = read_as

    def routes(self) -> list[BaseRoute]:
        """Return what a browser asks for."""
        starting = self._pages.starting.routes() if self._read_as.reading is None else ()
        return [Route("/", self._first), Route("/now", self._now), *starting, *self._pages.routes()]

    def _first(self, request: Request) -> Response:
        session = self._to_show()
        if session is None:
            visitor = visitor_of(request)
            text = PAGES.get_template("waiting.html.jinja").render(
                research_use=RESEARCH_USE,
                reader=self._read_as.reader if visitor.name is None else visitor.name,
                may_change=visitor.may_change,
                second=self._read_as.reading is not None,
                **self._pages.starting.offered,
            )
            return HTMLResponse(text)
        return RedirectResponse(f"/session/{session}/", 303)

    def _now(self, request: Request) -> Response:
        return JSONResponse({"session": self._to_show()})

    def _to_show(self) -> str | None:
        """Return the session that is counted; where none is, the one that was last written."""
        counted = self._counted.session
        if counted is not None and folder_of(self._state_dir, counted) is not None:
            return counted
        return next(iter(latest_first(self._state_dir)), None)


def latest_first(state_dir: Path) -> list[str]:
    """Return the names of all sessions, the one that was last written first."""

    def written_ns(name: str) -> int:
        """Return when anything was last written: what is new may stand beside the ledger's file for a while."""
        files = (sessions_root(state_dir) / name).glob(f"{LEDGER_FILE}*")
        return max((_written_ns(file) for file in files), default=0)

    return sorted(session_names(state_dir), key=written_ns, reverse=True)


def _written_ns(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:  # SQLite's side files come and go
        return 0
