"""The page's quality records: the cell-location test, and the map of the slide."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
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
from smearwatch.clients.quality.location_lines import NONE_LEFT, found_text, kept_text, lower_lines, right_text
from smearwatch.clients.quality.location_report import AIM, kept_json
from smearwatch.clients.quality.location_test import LocationTest
from smearwatch.clients.quality.map_svg import legend, map_svg
from smearwatch.clients.quality.slide_map import read_slide_map
from smearwatch.clients.quality.trend import read_trend, trend_svg
from smearwatch.clients.reviewing.pictures import NoPicture
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.guard import visitor_of
from smearwatch.daemon.record.location import Order, location_tests
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.share_text import label_text

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
    render : callable
        Fills a template for a request.
    reader : str
        Whose name a test carries, until the page is told another; where accounts are used, theirs stands instead.
    """

    def __init__(self, folder: Path, render: Callable[..., Response], reader: str) -> None:
        self._folder = folder
        self._render = render
        self._reader = reader
        self._tests: dict[str, LocationTest] = {}

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
            Route("/trend", self._trend),
            Route("/map", self._map),
        ]

    async def _location(self, request: Request) -> Response:
        return self._render("location", request, aim=AIM, kept=await run_in_threadpool(self._kept))

    async def _state(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_told, self._test_of(request)))

    async def _field(self, request: Request) -> Response:
        try:
            picture = await run_in_threadpool(self._test_of(request).picture, request.path_params["frame"])
        except NoPicture:
            raise HTTPException(404, "no such field, or none that can be shown in a browser") from None
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    async def _begin(self, request: Request) -> Response:
        wanted = await asked(request, _Begin)
        await run_in_threadpool(self._test_of(request).begin, wanted.by, wanted.order)
        return JSONResponse(await run_in_threadpool(_told, self._test_of(request)))

    async def _compare(self, request: Request) -> Response:
        wanted = await asked(request, _Marks)
        return JSONResponse(await run_in_threadpool(self._test_of(request).compare, wanted.frame, wanted.marks))

    async def _answer(self, request: Request) -> Response:
        wanted = await asked(request, _Answer)
        test = self._test_of(request)
        said = await run_in_threadpool(test.answer, wanted.frame, wanted.index, leukocyte=wanted.leukocyte)
        return JSONResponse(said)

    async def _keep(self, request: Request) -> Response:
        wanted = await asked(request, _Keep)
        test = self._test_of(request)
        kept = kept_json(await run_in_threadpool(test.keep, wanted.note), None)
        says = f"kept as location test {kept['ordinal']}: {found_text(kept)}; {right_text(kept)}"
        return JSONResponse(await run_in_threadpool(_told, test) | {"says": says})

    async def _discard(self, request: Request) -> Response:
        await asked(request, Asked)
        await run_in_threadpool(self._test_of(request).discard)
        return JSONResponse(await run_in_threadpool(_told, self._test_of(request)))

    def _test_of(self, request: Request) -> LocationTest:
        """Return the test as whoever asks may see it: with an account a test is theirs alone."""
        name = visitor_of(request).name
        reader = self._reader if name is None else name
        if reader not in self._tests:
            self._tests[reader] = LocationTest(self._folder, reader)
        return self._tests[reader]

    def _kept(self) -> list[dict[str, Any]]:
        with LedgerReader.read(self._folder) as ledger:
            return _lines([kept_json(test, withdrawn) for test, withdrawn in location_tests(ledger)])

    async def _trend(self, request: Request) -> Response:
        return self._render("trend", request, **await run_in_threadpool(self._days))

    def _days(self) -> dict[str, Any]:
        trend = read_trend(self._folder.parent.parent)
        return {
            "days": trend.days,
            "drawing": trend_svg(trend.days),
            "says": [*lower_lines(trend.days)],
            "lower": sum(day["lower"] for day in trend.days),
            "faults": trend.faults,
            "none": NONE_LEFT if trend.withdrawn else "Nobody has made a location test yet.",
            "aim": AIM,
        }

    async def _map(self, request: Request) -> Response:
        return self._render("map", request, **await run_in_threadpool(self._drawn))

    def _drawn(self) -> dict[str, Any]:
        with LedgerReader.read(self._folder) as ledger:
            slide = read_slide_map(ledger)
        coverage = coverage_of(self._folder.name, slide)
        report = coverage.report
        if not report["parts"]:
            why = NO_OVERLAP if report["registered"] else NOT_REGISTERED
            return {"nothing": why}
        fields = report["fields"]
        says = [
            f"{fields['placed']} of {fields['searched']} searched fields placed, {area_text(report)}",
            route_text(report),
            *([parts_text(report)] if len(report["parts"]) > 1 else []),
            *([f"unplaced: {unplaced_text(report)}"] if fields["unplaced"] else []),
        ]
        return {
            "says": says,
            "edge": report["edge"],
            "sentence": edge_text(report),
            "drawing": map_svg(slide, coverage.halves),
            "forms": [(name, label_text(name), form) for name, form in legend(slide).items()],
        }


def _told(test: LocationTest) -> dict[str, object]:
    state = test.state()
    return state | {"kept": _lines(state["kept"])}


def _lines(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"line": kept_text(each)} for each in kept]
