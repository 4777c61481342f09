"""The page beside a count: the session that is counted now, the next one when it begins, and those before."""

import threading
import time
from pathlib import Path
from typing import Final, Self

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from smearwatch.clients.web.app import PAGES
from smearwatch.clients.web.sessions import SessionPages, folder_of
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_names, sessions_root
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context

_PULSE_HOLDS_S: Final = 5.0


class CountedNow:
    """Hears on the daemon's feed which session is counted. Use as a context manager."""

    def __init__(self, runtime_dir: Path) -> None:
        self._endpoints = Endpoints.under(runtime_dir)
        self._over = threading.Event()
        self._heard: tuple[str, float] | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True, name="counted-now")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def session(self) -> str | None:
        """The session whose daemon was heard within the last seconds, None where none was."""
        heard = self._heard
        return heard[0] if heard is not None and time.monotonic() - heard[1] < _PULSE_HOLDS_S else None

    def _listen(self) -> None:
        with context() as owner:
            listener = Listener(owner, self._endpoints)
            try:
                while not self._over.is_set():
                    try:
                        message = listener.receive(0.25)
                    except Unreadable:
                        continue
                    if isinstance(message, Pulse):
                        self._heard = message.session, time.monotonic()
            finally:
                listener.close()


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
    """

    def __init__(self, state_dir: Path, counted: CountedNow, pages: SessionPages) -> None:
        self._state_dir = state_dir
        self._counted = counted
        self._pages = pages

    def routes(self) -> list[BaseRoute]:
        """Return what a browser asks for."""
        return [Route("/", self._first), Route("/now", self._now), *self._pages.routes()]

    def _first(self, request: Request) -> Response:
        session = self._to_show()
        if session is None:
            return HTMLResponse(PAGES.get_template("waiting.html.jinja").render(research_use=RESEARCH_USE))
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
