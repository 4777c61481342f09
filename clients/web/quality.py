"""The page's quality records: the cell-location test, and the map of the slide."""

from pathlib import Path
from typing import Annotated

from jinja2 import Environment
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.quality.coverage import coverage_of
from smearwatch.clients.quality.coverage_lines import (
    NO_OVERLAP,
    NOT_REGISTERED,
    area_text,
    edge_text,
    parts_text,
    route_text,
    unplaced_text,
)
from smearwatch.clients.quality.location_lines import found_text, right_text
from smearwatch.clients.quality.location_report import AIM, kept_json
from smearwatch.clients.quality.location_test import LocationTest
from smearwatch.clients.quality.map_svg import form_svg, map_svg
from smearwatch.clients.quality.slide_map import read_slide_map
from smearwatch.clients.reviewing.pictures import NoPicture
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.location import Order
from smearwatch.daemon.record.reading import LedgerReader

_MOST_MARKS = 1000


class _Begin(Asked):
    by: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    order: Order


class _Marks(Asked):
    """Places x, y in px of the frame."""

    frame: str
    marks: list[tuple[float, float]] = Field(max_length=_MOST_MARKS)


class _Answer(Asked):
    frame: str
    index: int
    leukocyte: bool


class _Keep(Asked):
    note: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None


class Quality:
    """The quality records of one session.

    Parameters
    ----------
    folder : Path
        The session's.
    pages : Environment
        The page's templates.
    reader : str
        Whose name a test carries, until the page is told another.
    """

    def __init__(self, folder: Path, pages: Environment, reader: str) -> None:
        self._folder = folder
        self._pages = pages
        self._reader = reader
        self._test = LocationTest(folder, reader)

    def routes(self) -> list[Route]:
        """Return what a browser asks for here."""
        return [
            Route("/location", self._location),
            Route("/location/state", self._state),
            Route("/location/field/{frame}", self._field),
            Route("/location/begin", self._begin, methods=["POST"]),
            Route("/location/compare", self._compare, methods=["POST"]),
            Route("/location/answer", self._answer, methods=["POST"]),
            Route("/location/keep", self._keep, methods=["POST"]),
            Route("/location/discard", self._discard, methods=["POST"]),
            Route("/map", self._map),
        ]

    async def _location(self, request: Request) -> Response:
        return self._rendered("location", reader=self._reader, aim=AIM)

    async def _state(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._told))

    async def _field(self, request: Request) -> Response:
        try:
            picture = await run_in_threadpool(self._test.picture, request.path_params["frame"])
        except NoPicture:
            raise HTTPException(404, "no such field, or none that can be shown in a browser") from None
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    async def _begin(self, request: Request) -> Response:
        wanted = await asked(request, _Begin)
        await run_in_threadpool(self._test.begin, wanted.by, wanted.order)
        return JSONResponse(await run_in_threadpool(self._told))

    async def _compare(self, request: Request) -> Response:
        wanted = await asked(request, _Marks)
        return JSONResponse(await run_in_threadpool(self._test.compare, wanted.frame, wanted.marks))

    async def _answer(self, request: Request) -> Response:
        wanted = await asked(request, _Answer)
        said = await run_in_threadpool(self._test.answer, wanted.frame, wanted.index, leukocyte=wanted.leukocyte)
        return JSONResponse(said)

    async def _keep(self, request: Request) -> Response:
        wanted = await asked(request, _Keep)
        kept = kept_json(await run_in_threadpool(self._test.keep, wanted.note), None)
        says = f"kept as location test {kept['ordinal']}: {found_text(kept)}; {right_text(kept)}"
        return JSONResponse(await run_in_threadpool(self._told) | {"says": says})

    async def _discard(self, request: Request) -> Response:
        await asked(request, Asked)
        await run_in_threadpool(self._test.discard)
        return JSONResponse(await run_in_threadpool(self._told))

    def _told(self) -> dict[str, object]:
        state = self._test.state()
        state["kept"] = [each | {"says": f"{found_text(each)}; {right_text(each)}"} for each in state["kept"]]
        return state

    async def _map(self, request: Request) -> Response:
        return await run_in_threadpool(self._drawn)

    def _drawn(self) -> Response:
        with LedgerReader.read(self._folder) as ledger:
            slide = read_slide_map(ledger)
        coverage = coverage_of(self._folder.name, slide)
        report = coverage.report
        if not report["parts"]:
            why = NO_OVERLAP if report["registered"] else NOT_REGISTERED
            return self._rendered("map", nothing=why)
        fields = report["fields"]
        says = [
            f"{fields['placed']} of {fields['searched']} searched fields placed, {area_text(report)}",
            route_text(report),
            *([parts_text(report)] if len(report["parts"]) > 1 else []),
            *([f"unplaced: {unplaced_text(report)}"] if fields["unplaced"] else []),
        ]
        drawing, forms = map_svg(slide, coverage.halves), {name: form_svg(name) for name in CLASSES}
        return self._rendered(
            "map", says=says, edge=report["edge"], sentence=edge_text(report), drawing=drawing, forms=forms
        )

    def _rendered(self, name: str, **given: object) -> Response:
        page = self._pages.get_template(f"{name}.html.jinja")
        return HTMLResponse(page.render(session=self._folder.name, research_use=RESEARCH_USE, **given))
