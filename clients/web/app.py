"""The page's web application: what a browser asks for, and what it is given."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from smearwatch.clients.asking import NotAgreed
from smearwatch.clients.controlling import QUESTIONS
from smearwatch.clients.label_sending import LabelsNotTaken
from smearwatch.clients.quality.draft import DraftUnusable
from smearwatch.clients.quality.location_test import NotNow
from smearwatch.clients.reviewing.gallery import Gallery, NoSecondReading
from smearwatch.clients.reviewing.pictures import FIELDS_UM, NoPicture, cell_picture, whole_frame
from smearwatch.clients.reviewing.words import KEYS, LABEL_WORDS
from smearwatch.clients.reviewing.writing import write_labels
from smearwatch.clients.web.access import HEADERS, Access
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.quality import Quality
from smearwatch.clients.web.running import AskedOfRun, ask_of_run, run_state
from smearwatch.clients.web.signing import Signing
from smearwatch.clients.web.weights import BetterWeights
from smearwatch.daemon.notices import PRELIMINARY, RESEARCH_USE
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.events import LabelName, Reading
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.keeping import StillCounted
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import SessionMissing
from smearwatch.daemon.record.signing import GatesOpen, NotSigned, ResultChanged
from smearwatch.daemon.record.tally import TallyBroken
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.record.worth import NO_SAMPLE
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.share_text import description_text, target_text
from smearwatch.daemon.sign_text import sign_lines
from smearwatch.daemon.weights import PromotedWeightsDamaged, WeightsMissing

_PAGE: Final = Path(__file__).parent / "page"
_MOST_CELLS: Final = 1000
_FORESEEN: Final = (
    NotAgreed,
    NotNow,
    DraftUnusable,
    StillCounted,
    LedgerUnusable,
    LedgerRefused,
    LabelsNotTaken,
    SessionMissing,
    SessionBusy,
    SessionSigned,
    FrameStoreError,
    GatesOpen,
    NoSecondReading,
    NotSigned,
    ResultChanged,
    TallyBroken,
    PromotedWeightsDamaged,
    WeightsMissing,
)


class _Wanted(Asked):
    """Labels as the page sends them: cells by FRAME:INDEX, with what each is called; `drawn` in the random review."""

    by: str = Field(min_length=1, max_length=200)
    drawn: bool = False
    labels: dict[str, LabelName] = Field(min_length=1, max_length=_MOST_CELLS)


class ReviewPage:
    """The page of one session.

    Parameters
    ----------
    folder : Path
        The session's.
    runtime_dir : Path
        Where the daemon's sockets are, for a session that is being counted.
    access : Access
        Who may use it.
    reader : str
        The name that labels carry, until the page is told another.
    reading : Reading, optional
        Which reading it is; the second one does not see the first.
    within : float
        How near each share is to be known, in percentage points to either side.
    weights : BetterWeights, optional
        The screen of weights, where there is to be one.
    """

    def __init__(
        self,
        folder: Path,
        runtime_dir: Path,
        access: Access,
        reader: str = "",
        reading: Reading | None = None,
        within: float = WITHIN,
        weights: BetterWeights | None = None,
    ) -> None:
        self._folder = folder
        self._runtime_dir = runtime_dir
        self._access = access
        self._reader = reader
        self._reading = reading
        self._weights = weights
        self._gallery = Gallery(folder, reading, within)
        loader = PackageLoader("smearwatch.clients.web", "page")
        self._pages = Environment(loader=loader, autoescape=select_autoescape(default=True))

    def app(self) -> Starlette:
        """Return the application."""
        app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/cells", self._cells),
                Route("/cell/{frame}/{index}", self._cell),
                Route("/picture/{frame}/{index}", self._picture),
                Route("/frame/{frame}", self._frame),
                Route("/labels", self._labels, methods=["POST"]),
                Route("/run", self._run),
                Route("/run", self._control, methods=["POST"]),
                *(self._of_the_first_reading() if self._reading is None else ()),
                Mount("/static", StaticFiles(directory=_PAGE)),
            ],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._guard)],
            exception_handlers=dict.fromkeys(_FORESEEN, _unusable),
        )
        app.router.redirect_slashes = False
        return app

    def _of_the_first_reading(self) -> list[Route]:
        """Return what a second reader does not see: what is signed, and what the first one's labels say."""
        quality = Quality(self._folder, self._pages, self._reader)
        weights = () if self._weights is None else self._weights.routes(self._render)
        return [Route("/worth", self._worth), *Signing(self._folder).routes(), *quality.routes(), *weights]

    async def _guard(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Let nobody in without the cookie, and nothing be changed from elsewhere."""
        response = self._refusal(request) or await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: Request) -> Response | None:
        if not self._access.is_ours(request.headers.get("host")):
            return PlainTextResponse("this page is for 127.0.0.1 alone", 421)
        token = request.query_params.get("token")
        if request.url.path == "/" and token is not None:
            cookie = self._access.exchange(token)
            if cookie is not None:
                response = RedirectResponse("/", 303)
                response.set_cookie(self._access.cookie_name, cookie, httponly=True, samesite="strict")
                return response
        if not self._access.is_known(request.cookies.get(self._access.cookie_name)):
            text = "this link was used already, or is not this page's: run `smearwatch review` again for a new one"
            return PlainTextResponse(text, 403)
        if request.method not in ("GET", "HEAD") and not self._access.may_change(request.headers):
            return PlainTextResponse("this request does not come from the page itself", 403)
        return None

    async def _page(self, request: Request) -> Response:
        text = self._render(
            "review.html.jinja",
            second=self._reading is not None,
            weights=self._weights is not None,
            preliminary=PRELIMINARY,
            classes=CLASSES,
            labels=LABEL_WORDS,
            keys=KEYS,
            questions=QUESTIONS,
        )
        return HTMLResponse(text)

    def _render(self, template: str, **values: Any) -> str:
        """Fill a template, with what every page shows."""
        shown = {"session": self._folder.name, "reader": self._reader, "version": version("smearwatch")}
        return self._pages.get_template(template).render(**shown, research_use=RESEARCH_USE, **values)

    async def _cells(self, request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
        except ValueError:
            raise HTTPException(400, "after: a number is expected") from None
        return await run_in_threadpool(self._changes, after)

    def _changes(self, after: int) -> Response:
        self._gallery.refresh()
        number, cells = self._gallery.changes(after)
        tally = self._gallery.tally()
        told = {"event": number, "cells": cells, "standing": sign_lines(tally), "draw": self._gallery.draw()}
        texts = {"target_text": target_text(tally), "said_text": description_text(tally)}
        return JSONResponse(told | {"tally": tally | texts | self._gallery.corrected()})

    async def _worth(self, request: Request) -> Response:
        cells = await run_in_threadpool(self._gallery.worth_labelling)
        return JSONResponse({"cells": cells, "says": NO_SAMPLE})

    async def _cell(self, request: Request) -> Response:
        cell = await run_in_threadpool(self._gallery.cell, _key(request.path_params))
        if cell is None:
            raise HTTPException(404, "no such cell")
        return JSONResponse(cell)

    async def _picture(self, request: Request) -> Response:
        side_um = FIELDS_UM.get(request.query_params.get("field", "near"))
        view = self._gallery.view(_key(request.path_params))
        if view is None or side_um is None:
            raise HTTPException(404, "no such picture")
        data = await run_in_threadpool(cell_picture, self._folder, view, side_um)
        if data is None:
            raise HTTPException(404, "no picture of this cell")
        return _picture(data)

    async def _frame(self, request: Request) -> Response:
        frame = request.path_params["frame"]
        size_px = self._gallery.frame_size_px(frame)
        if size_px is None:
            raise HTTPException(404, "no such frame")
        try:
            return _picture(await run_in_threadpool(whole_frame, self._folder / "frames", frame, size_px))
        except NoPicture:
            raise HTTPException(404, "this frame cannot be shown in a browser") from None

    async def _labels(self, request: Request) -> Response:
        wanted = await asked(request, _Wanted)
        labels = [(_key_of(each), label) for each, label in wanted.labels.items()]
        if len(self._gallery.keys(key for key, _ in labels)) != len(labels):
            raise HTTPException(400, "a cell that is not counted in this session")
        keys = [key for key, _ in labels]
        await run_in_threadpool(self._gallery.refresh)
        if self._reading is not None:
            if wanted.drawn:
                raise HTTPException(400, "drawn: a second reading has no random review")
            self._gallery.refuse_second(keys, wanted.by)
        settled = self._gallery.disputed(keys)
        written = await run_in_threadpool(
            write_labels,
            self._folder,
            self._runtime_dir,
            labels,
            wanted.by,
            reading=self._reading,
            settled=settled,
            drawn=wanted.drawn,
        )
        return JSONResponse({"written": written})

    async def _run(self, request: Request) -> Response:
        return JSONResponse({"state": await run_in_threadpool(run_state, self._folder, self._runtime_dir)})

    async def _control(self, request: Request) -> Response:
        wanted = await asked(request, AskedOfRun)
        return JSONResponse(await run_in_threadpool(ask_of_run, self._folder, self._runtime_dir, wanted))


def _key(given: Mapping[str, Any]) -> CellKey:
    if (index := _index(given["index"])) is None:
        raise HTTPException(404, "no such cell")
    return str(given["frame"]), index


def _key_of(text: str) -> CellKey:
    frame, _, given = text.rpartition(":")
    if (index := _index(given)) is None:
        raise HTTPException(400, "labels: a cell is FRAME:INDEX")
    return frame, index


def _index(text: str) -> int | None:
    """Return a cell's index in its one spelling, None for anything else."""
    index = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
    return index if str(index) == text else None


def _picture(data: bytes) -> Response:
    # A view never changes: a browser need not ask twice.
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400, immutable"})


async def _unusable(request: Request, error: Exception) -> Response:
    hint = getattr(error, "hint", "")
    return PlainTextResponse(f"{error}" + (f" ({hint})" if hint else ""), 409)
