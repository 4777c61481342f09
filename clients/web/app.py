"""The page's web application: what a browser asks for, and what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from smearwatch.clients.asking import NotAgreed
from smearwatch.clients.controlling import NEXT_QUESTION, QUESTIONS
from smearwatch.clients.elsewhere import Elsewhere
from smearwatch.clients.label_sending import LabelsNotTaken
from smearwatch.clients.quality.location_test import NotNow
from smearwatch.clients.reviewing.gallery import AT_ONCE, READ_S, Gallery, NoSecondReading
from smearwatch.clients.reviewing.layout import layout_of_session, tally_keys
from smearwatch.clients.reviewing.pictures import FIELDS_UM, NoPicture, cell_picture, whole_frame
from smearwatch.clients.reviewing.writing import write_labels
from smearwatch.clients.starting import NotStarted
from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.day import Day
from smearwatch.clients.web.guard import visitor_of
from smearwatch.clients.web.looked import Looked
from smearwatch.clients.web.quality import Quality
from smearwatch.clients.web.report import ReportOfSession
from smearwatch.clients.web.running import AskedOfRun, ask_of_run, next_session, run_state
from smearwatch.clients.web.signing import Signing
from smearwatch.clients.web.starting import Starting
from smearwatch.clients.web.tallying import Tallying
from smearwatch.clients.web.weights import BetterWeights
from smearwatch.clients.wording import drift_advice, scale_text
from smearwatch.daemon.config import Settings
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.key_layout import KeysClash
from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.notices import PRELIMINARY, RESEARCH_USE
from smearwatch.daemon.record.audit import AuditUnusable
from smearwatch.daemon.record.classes import CLASSES, LABELS, UNDIVIDED, is_extra, is_leukocyte
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.description import DescriptionUnusable
from smearwatch.daemon.record.events import VERDICTS, LabelName, Reading
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.keeping import StillCounted
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import SessionMissing
from smearwatch.daemon.record.signing import GatesOpen, NotSigned, ResultChanged
from smearwatch.daemon.record.tally import TallyBroken
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.record.worth import NO_SAMPLE
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.share_text import description_text, label_text, target_text, verdict_text
from smearwatch.daemon.sign_text import sign_lines
from smearwatch.daemon.weights import PromotedWeightsDamaged, WeightsMissing
from smearwatch.daemon.wire.endpoints import EndpointUnusable

PAGES: Final = Environment(
    loader=PackageLoader("smearwatch.clients.web", "page"), autoescape=select_autoescape(default=True)
)
"""The templates; whatever is put into one is text."""

_MOST_CELLS: Final = 1000
_FORESEEN: Final = (
    NotAgreed,
    NotStarted,
    DescriptionUnusable,
    EndpointUnusable,
    NameUnusable,
    NotNow,
    DraftUnusable,
    StillCounted,
    AuditUnusable,
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
    KeysClash,
    PromotedWeightsDamaged,
    WeightsMissing,
)


class _Wanted(Asked):
    """Labels as the page sends them: cells by FRAME:INDEX, with what each is called; `drawn` in the random review.

    `event` is the last that the page has shown: who labelled after that is told.
    """

    by: str = Field(min_length=1, max_length=200)
    drawn: bool = False
    event: int | None = None
    labels: dict[str, LabelName] = Field(min_length=1, max_length=_MOST_CELLS)


@dataclass(frozen=True, slots=True)
class ReadAs:
    """How sessions are read here.

    Attributes
    ----------
    reader
        The name that labels carry until the page is told another; where accounts are used, theirs stands instead.
    reading
        Which reading it is; the second one does not see the first.
    within
        How near each share is to be known, in percentage points to either side.
    """

    reader: str = ""
    reading: Reading | None = None
    within: float = WITHIN


class ReviewPage:
    """The page of one session.

    Parameters
    ----------
    folder : Path
        The session's.
    settings : Settings
        Where the daemon's sockets and the weights are, and which key names which cell.
    read_as : ReadAs
        Who reads, and how.
    weights : BetterWeights
        The screen of weights, one for all sessions.
    starting : Starting
        By which a count is started.
    follows : bool
        Whether there are pages of other sessions beside it, and the browser goes on to the next one.

    Raises
    ------
    KeysClash, LedgerUnusable
        See `smearwatch.clients.reviewing.layout.layout_of_session`.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        read_as: ReadAs,
        weights: BetterWeights,
        starting: Starting,
        *,
        follows: bool = False,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._runtime_dir = settings.runtime_dir
        self._report = ReportOfSession(folder, settings.state_dir)
        self._elsewhere = Elsewhere(settings.state_dir)
        self._layout = layout_of_session(settings, folder)
        self._extra = [each.label for each in self._layout.extra]
        self._looked = Looked(folder, settings)
        self._reader = read_as.reader
        self._reading = read_as.reading
        self._weights = weights
        self._starting = starting
        self._follows = follows
        self._gallery = Gallery(folder, read_as.reading, read_as.within)
        self._day = Day(folder, settings.runtime_dir, blind=read_as.reading is not None)

    def routes(self) -> list[Route]:
        """Return what a browser asks for; it asks relative to the page's own address."""
        return [
            Route("/", self._page),
            Route("/cells", self._cells),
            Route("/cell/{frame}/{index}", self._cell),
            Route("/picture/{frame}/{index}", self._picture),
            Route("/frame/{frame}", self._frame),
            Route("/looked/{frame}/{index}", self._looked_at),
            Route("/looked/{frame}/{index}/map", self._map),
            Route("/labels", self._labels, methods=["POST"]),
            Route("/run", self._run),
            Route("/run", self._control, methods=["POST"]),
            Route("/sessions", self._sessions),
            *self._day.routes(),
            *(self._of_the_first_reading() if self._reading is None else ()),
        ]

    def close(self) -> None:
        """End what was begun for this page."""
        self._looked.close()

    def _of_the_first_reading(self) -> list[Route]:
        """Return what a second reader does not see: what is signed, and what the first one's labels say."""
        quality = Quality(self._folder, self._rendered, self._reader)
        return [
            Route("/worth", self._worth),
            Route("/tally", self._tally),
            *self._day.routes_of_the_first_reading(),
            *Tallying(self._folder, self._runtime_dir, self._layout).routes(),
            *Signing(self._folder, self._settings).routes(),
            *quality.routes(),
            *self._report.routes(),
            *self._weights.routes(self._rendered),
            *self._starting.routes(),
        ]

    async def _page(self, request: Request) -> Response:
        keys = self._layout.page
        short = {label: self._layout.short_text(label) for label in keys.values()} | {
            UNDIVIDED: "neutrophil, machine divides"
        }
        known = {
            "preliminary": PRELIMINARY,
            "keys": keys,
            "questions": QUESTIONS,
            "next": NEXT_QUESTION,
            "short": short,
        }
        return self._rendered("review", request, **known)

    async def _sessions(self, request: Request) -> Response:
        return self._rendered("sessions", request, **self._starting.offered)

    async def _tally(self, request: Request) -> Response:
        return self._rendered("tally", request, keys=tally_keys(self._layout))

    def _rendered(self, page: str, request: Request, **known: object) -> Response:
        visitor = visitor_of(request)
        text = PAGES.get_template(f"{page}.html.jinja").render(
            session=self._folder.name,
            version=version("smearwatch"),
            reader=self._reader if visitor.name is None else visitor.name,
            account=visitor.name is not None,
            may_change=visitor.may_change,
            follows=self._follows,
            second=self._reading is not None,
            research_use=RESEARCH_USE,
            classes=[*CLASSES, *(each.label for each in self._layout.extra if is_leukocyte(each.label))],
            labels={label: label_text(label) for label in (*LABELS, *self._extra)},
            verdicts={verdict: verdict_text(verdict) for verdict in VERDICTS},
            **known,
        )
        return HTMLResponse(text)

    async def _cells(self, request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
        except ValueError:
            raise HTTPException(400, "after: a number is expected") from None
        return await run_in_threadpool(self._changes, after)

    def _changes(self, after: int) -> Response:
        if (read := self._gallery.refresh(READ_S)) < 100:
            return JSONResponse({"read_percent": read})
        number, cells, more = self._gallery.changes(after, AT_ONCE)
        if after > number:  # as a page may ask that was opened before
            again = "load the page again"
            raise LedgerUnusable(self._folder / LEDGER_FILE, "the session was deleted and begun anew", again)
        tally = self._gallery.tally()
        told = {"event": number, "cells": cells, "more": more, "standing": sign_lines(tally)}
        told |= {"draw": self._gallery.draw(), "closed": self._gallery.closed()}
        told |= {"reading": self._gallery.reading_lines()}
        texts = {"target_text": target_text(tally, alone=True), "said_text": description_text(tally)}
        twice = self._elsewhere.of(self._folder.name, tally["frames"]["seen"])
        texts |= {"drift_text": drift_advice(tally), "scale_text": scale_text(tally)}
        texts |= {"elsewhere_text": elsewhere_text(twice)}
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
        field = request.query_params.get("field")
        side_um = FIELDS_UM.get(field or "near")
        view = self._gallery.view(_key(request.path_params))
        if view is None or side_um is None:
            raise HTTPException(404, "no such picture")
        # The large picture is shown as the finder saw it, to the pixel; the many small ones may be smaller files.
        data = await run_in_threadpool(cell_picture, self._folder, view, side_um, exact=field is not None)
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

    async def _looked_at(self, request: Request) -> Response:
        key = _key(request.path_params)
        if self._gallery.view(key) is None:
            raise HTTPException(404, "no such cell")
        return JSONResponse(await run_in_threadpool(self._looked.at, key))

    async def _map(self, request: Request) -> Response:
        data = self._looked.picture(_key(request.path_params))
        if data is None:
            raise HTTPException(404, "not asked for")
        return _picture(data)

    async def _labels(self, request: Request) -> Response:
        wanted = await asked(request, _Wanted)
        for label in wanted.labels.values():
            if is_extra(label) and label not in self._extra:
                raise HTTPException(400, f"this session knows no class {label_text(label)}")
        labels = [(_key_of(each), label) for each, label in wanted.labels.items()]
        if len(self._gallery.keys(key for key, _ in labels)) != len(labels):
            raise HTTPException(400, "a cell that is not counted in this session")
        keys = [key for key, _ in labels]
        await run_in_threadpool(self._gallery.refresh)
        if self._reading is not None:
            if wanted.drawn:
                raise HTTPException(400, "drawn: a second reading has no random review")
            wanted.by = self._gallery.second_reader(keys, wanted.by)
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
        if wanted.event is None:
            return JSONResponse({"written": written})
        await run_in_threadpool(self._gallery.refresh)
        return JSONResponse({"written": written, "meanwhile": self._gallery.meanwhile(keys, wanted.by, wanted.event)})

    async def _run(self, request: Request) -> Response:
        state, trouble = await run_in_threadpool(run_state, self._folder, self._runtime_dir)
        after = None if self._reading is not None else await run_in_threadpool(next_session, self._folder)
        return JSONResponse({"state": state, "next_session": after, "trouble": trouble})

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
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return Response(data, media_type=kind, headers={"cache-control": "private, max-age=86400, immutable"})


async def _refused(request: Request, error: Exception) -> Response:
    hint = getattr(error, "hint", "")
    return PlainTextResponse(f"{error}" + (f" ({hint})" if hint else ""), 409)


FORESEEN: Final[dict[type[Exception], ExceptionHandler]] = dict.fromkeys(_FORESEEN, _refused)
"""What a request may meet with that a person can put right: told in one line."""
