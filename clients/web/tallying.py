"""A tally by keys on a page: the same draft on the disk, and the same way into the session, as in the terminal."""

import threading
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.tallying.draft import Draft
from smearwatch.clients.tallying.keeping import keep, standing
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.guard import visitor_of
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.beside import is_tallied
from smearwatch.daemon.record.classes import is_extra
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.seal import SessionSigned


class _Begin(Asked):
    by: str = Field(min_length=1, max_length=200)
    target: int | None = Field(None, ge=1, le=9_999_999)


class _Key(Asked):
    """A cell's name, None takes the last one back; ``number`` is how many the page has shown before it."""

    name: LabelName | None
    number: int


class _End(Asked):
    ending: Literal["keep", "discard", "later"]


class Tallying:
    """The one tally that is typed for a session on this page, in however many windows."""

    def __init__(self, folder: Path, runtime_dir: Path, layout: KeyLayout) -> None:
        self._folder = folder
        self._extra = {each.label for each in layout.extra}
        self._runtime_dir = runtime_dir
        self._draft: Draft | None = None
        self._lock = threading.Lock()  # one key after the other

    def routes(self) -> list[Route]:
        """Return what the page asks for here."""
        return [
            Route("/tally/begin", self._begin, methods=["POST"]),
            Route("/tally/key", self._key, methods=["POST"]),
            Route("/tally/end", self._end, methods=["POST"]),
        ]

    async def _begin(self, request: Request) -> Response:
        wanted = await asked(request, _Begin)
        return JSONResponse(await run_in_threadpool(self._open, wanted))

    async def _key(self, request: Request) -> Response:
        wanted = await asked(request, _Key)
        if wanted.name is not None and not self._counts(wanted.name):
            raise HTTPException(400, f"name: a tally has no {wanted.name}")
        return JSONResponse(await run_in_threadpool(self._type, wanted, visitor_of(request).name))

    async def _end(self, request: Request) -> Response:
        wanted = await asked(request, _End)
        return JSONResponse(await run_in_threadpool(self._finish, wanted.ending, visitor_of(request).name))

    def _counts(self, name: LabelName) -> bool:
        return is_tallied(name) and (name in self._extra or not is_extra(name))

    def _open(self, wanted: _Begin) -> dict[str, Any]:
        with self._lock:
            if self._draft is not None and self._draft.by != wanted.by:
                raise HTTPException(409, f"{self._draft.by} is tallying for this session; end that tally first")
            if self._draft is None:
                draft = Draft.open(self._folder, by=wanted.by, target=wanted.target)
                try:
                    number, signed = standing(self._folder, draft.began_at_ns)
                    if number is not None:  # it was kept, and its file only not removed any more
                        draft.remove()
                        draft = Draft.open(self._folder, by=wanted.by, target=wanted.target)
                    if signed is not None:
                        raise SessionSigned(self._folder.name, signed)
                except BaseException:
                    (draft.close if draft.cells.number else draft.remove)()
                    raise
                self._draft = draft
            return self._shown(self._draft)

    def _type(self, wanted: _Key, visitor: str | None) -> dict[str, Any]:
        with self._lock:
            draft = self._begun(visitor)
            if wanted.number != draft.cells.number:
                raise HTTPException(409, "another window has counted meanwhile; this key was not counted")
            if wanted.name is None:
                return {"taken": draft.undo(), **self._shown(draft)}
            draft.add(wanted.name)
            return self._shown(draft)

    def _finish(self, ending: str, visitor: str | None) -> dict[str, Any]:
        with self._lock:
            draft = self._begun(visitor)
            shown = self._shown(draft)
            if ending == "keep" and draft.cells.number:
                shown["ordinal"] = keep(self._folder, self._runtime_dir, draft)
            if ending == "later" and draft.cells.number:
                draft.close()
            else:
                draft.remove()
            self._draft = None
            return shown

    def _begun(self, visitor: str | None) -> Draft:
        """Return the tally that is typed; where accounts are used, to whoever began it alone."""
        if self._draft is None:
            raise HTTPException(409, "no tally is begun here")
        if visitor is not None and visitor != self._draft.by:
            raise HTTPException(409, f"{self._draft.by} is tallying for this session; end that tally first")
        return self._draft

    def _shown(self, draft: Draft) -> dict[str, Any]:
        cells = draft.cells
        return {"by": draft.by, "target": draft.target, "number": cells.number, "last": cells.last, **cells.json()}
