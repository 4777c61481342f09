"""The page beside a count: the session that is counted now, the next one when it begins, and those before."""

import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from smearwatch.clients.web.app import PAGES, ReadAs, ReviewPage
from smearwatch.daemon.names import is_name
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import session_names, sessions_root
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context

_PULSE_HOLDS_S: Final = 5.0
_OPEN: Final = 8  # each holds its cells in memory; an open page whose session was let go is read again
_LISTED: Final = 200


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
    state_dir, runtime_dir
        Where sessions and sockets are.
    counted
        Which session is counted now.
    read_as
        Who reads, and how.
    """

    def __init__(self, state_dir: Path, runtime_dir: Path, counted: CountedNow, read_as: ReadAs) -> None:
        self._state_dir = state_dir
        self._runtime_dir = runtime_dir
        self._counted = counted
        self._read_as = read_as
        self._pages: OrderedDict[tuple[str, int], Router] = OrderedDict()

    def routes(self) -> list[BaseRoute]:
        """Return what a browser asks for."""
        return [
            Route("/", self._first),
            Route("/now", self._now),
            Route("/sessions/", self._sessions),
            Mount("/session/{session}", app=self._session),
        ]

    def _first(self, request: Request) -> Response:
        session = self._to_show()
        return RedirectResponse("/sessions/" if session is None else f"/session/{session}/", 303)

    def _now(self, request: Request) -> Response:
        return JSONResponse({"session": self._to_show()})

    def _sessions(self, request: Request) -> Response:
        page = PAGES.get_template("sessions.html.jinja")
        names = latest_first(self._state_dir)
        listed, more = names[:_LISTED], len(names) - _LISTED
        return HTMLResponse(
            page.render(sessions=listed, more=more, counted=self._counted.session, research_use=RESEARCH_USE)
        )

    def _to_show(self) -> str | None:
        """Return the session that is counted; where none is, the one that was last written."""
        counted = self._counted.session
        if counted is not None and _folder_of(self._state_dir, counted) is not None:
            return counted
        return next(iter(latest_first(self._state_dir)), None)

    async def _session(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = str(scope["path_params"]["session"])
        folder = _folder_of(self._state_dir, name)
        if folder is None:
            raise HTTPException(404, "there is no such session")
        key = name, (folder / LEDGER_FILE).stat().st_ino  # deleted and begun anew it is another one
        if key not in self._pages:
            page = ReviewPage(folder, self._runtime_dir, self._read_as, follows=True)
            self._pages[key] = Router(page.routes(), redirect_slashes=False)
        router = self._pages[key]
        self._pages.move_to_end(key)
        while len(self._pages) > _OPEN:
            self._pages.popitem(last=False)
        await router(scope, receive, send)


def _folder_of(state_dir: Path, name: str) -> Path | None:
    """Return a session's folder, None where there is none."""
    folder = sessions_root(state_dir) / name
    return folder if is_name(name) and (folder / LEDGER_FILE).is_file() else None


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
