"""One program, every session: which page a request is for."""

from collections import OrderedDict
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import Receive, Scope, Send

from smearwatch.clients.web.app import ReadAs, ReviewPage
from smearwatch.clients.web.starting import Starting
from smearwatch.clients.web.weights import BetterWeights
from smearwatch.daemon.config import Settings
from smearwatch.daemon.names import is_name
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import sessions_root

_OPEN: Final = 8  # each holds its cells in memory; an open page whose session was let go is read again


class SessionPages:
    """The review pages of all sessions of a state folder, each at ``/session/NAME/``.

    Each session has its own address, so that no label of one browser window can go into the session of another.

    Parameters
    ----------
    settings
        Where sessions, sockets and weights are, and which key names which cell.
    read_as
        Who reads, and how.
    first
        The folder of a session whose page stands at ``/``, too; None for none.
    config
        The settings file that was named, None for the usual one.
    follows
        Whether a browser goes on to the session that is counted next.

    Attributes
    ----------
    starting
        By which a count is started.
    """

    def __init__(
        self,
        settings: Settings,
        read_as: ReadAs,
        first: Path | None = None,
        config: Path | None = None,
        *,
        follows: bool = False,
    ) -> None:
        self._settings = settings
        self._read_as = read_as
        self._weights = BetterWeights(settings, config)
        self.starting = Starting(settings, config)
        self._follows = follows
        self._first = None if first is None else self._page(first)
        self._first_key = None if first is None else _key(first)
        self._pages: OrderedDict[tuple[str, int], tuple[ReviewPage, Router]] = OrderedDict()

    def routes(self) -> list[BaseRoute]:
        """Return what a browser asks for."""
        return [
            Mount("/session/{session}", app=self._session),
            *(() if self._first is None else self._first.routes()),
        ]

    def close(self) -> None:
        """End what was begun for the pages."""
        for page in {*(page for page, _ in self._pages.values()), *([] if self._first is None else [self._first])}:
            page.close()
        self._weights.close()

    def _page(self, folder: Path) -> ReviewPage:
        return ReviewPage(folder, self._settings, self._read_as, self._weights, self.starting, follows=self._follows)

    async def _session(self, scope: Scope, receive: Receive, send: Send) -> None:
        folder = folder_of(self._settings.state_dir, str(scope["path_params"]["session"]))
        if folder is None:
            raise HTTPException(404, "there is no such session")
        key = _key(folder)
        if key not in self._pages:
            page = self._first if self._first is not None and key == self._first_key else self._page(folder)
            self._pages[key] = page, Router(page.routes(), redirect_slashes=False)
        _, router = self._pages[key]
        self._pages.move_to_end(key)
        while len(self._pages) > _OPEN:
            let_go, _ = self._pages.popitem(last=False)[1]
            if let_go is not self._first:
                let_go.close()
        await router(scope, receive, send)


def folder_of(state_dir: Path, name: str) -> Path | None:
    """Return a session's folder, None where there is none."""
    folder = sessions_root(state_dir) / name
    return folder if is_name(name) and (folder / LEDGER_FILE).is_file() else None


def _key(folder: Path) -> tuple[str, int]:
    """Return what tells a session from one that was deleted and begun anew under its name."""
    return folder.name, (folder / LEDGER_FILE).stat().st_ino
