"""The day from the page: choose and find a session, say what it is of, put the next specimen under the microscope."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.controlling import begin_next
from smearwatch.clients.describing import describe_anew, describe_one, list_described
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.daemon.record.description import DESCRIBED, DescriptionUnusable, checked, whoever
from smearwatch.daemon.sign_text import when_text

_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Text: TypeAlias = Annotated[str, StringConstraints(max_length=1000)]

_FOR_THE_BLIND: Final = (
    *("session", "running", "fault", *DESCRIBED, "began_at_ns"),
    *("frames_seen", "frames_pending", "cells_judged", "signed_by"),
)
"""What a second reader hears of a session: nothing of the first one's labels."""


class _Describe(Asked):
    """What is to be said of the session; an empty text takes it away, and what is not named stays as it is."""

    by: _Name
    title: _Text | None = None
    specimen: _Text | None = None
    operator: _Text | None = None
    note: _Text | None = None


class _Next(Asked):
    """What is said of the next specimen; without an operator the one of before counts."""

    by: str = Field("", max_length=200)
    specimen: _Name
    operator: _Text = ""
    note: _Text = ""
    target: int | None = Field(None, ge=1, le=2**31)


class Day:
    """What the page of one session asks for besides its cells.

    Parameters
    ----------
    folder, runtime_dir : Path
        The session's, and where the daemon's sockets are.
    blind : bool
        Whether a second reader asks, who is not to know what the first one has done.
    """

    def __init__(self, folder: Path, runtime_dir: Path, *, blind: bool = False) -> None:
        self._blind = blind
        self._folder = folder
        self._runtime_dir = runtime_dir

    def routes(self) -> list[Route]:
        """Return what every reader may ask for here."""
        return [Route("/list", self._list), Route("/next", self._next, methods=["POST"])]

    def routes_of_the_first_reading(self) -> list[Route]:
        """Return what a second reader does not change."""
        return [Route("/said", self._said), Route("/describe", self._describe, methods=["POST"])]

    async def _list(self, request: Request) -> Response:
        find = request.query_params.get("find", "")[:200]
        described = await run_in_threadpool(list_described, self._folder.parent.parent, find or None)
        if self._blind:  # labels are events, so their number, the last one's time and the file's size tell of them
            described = [{name: each[name] for name in _FOR_THE_BLIND if name in each} for each in described]
        at = "began_at_ns" if self._blind else "last_at_ns"
        newest = sorted(described, key=lambda each: each.get(at) or 0, reverse=True)
        began = [each.get("began_at_ns") for each in newest]
        rows = [each | {"began": "" if ns is None else when_text(ns)} for each, ns in zip(newest, began, strict=True)]
        return JSONResponse({"sessions": rows, "here": self._folder.name})

    async def _said(self, request: Request) -> Response:
        one = await run_in_threadpool(describe_one, self._folder.parent.parent, self._folder.name)
        return JSONResponse({name: one.get(name) for name in DESCRIBED})

    async def _describe(self, request: Request) -> Response:
        wanted = await asked(request, _Describe)
        given = {name: getattr(wanted, name) for name in DESCRIBED}
        changes = {name: _checked(name, text) for name, text in given.items() if text is not None}
        await run_in_threadpool(describe_anew, self._folder, self._runtime_dir, changes, wanted.by)
        return await self._said(request)

    async def _next(self, request: Request) -> Response:
        wanted = await asked(request, _Next)
        given = {name: _checked(name, getattr(wanted, name)) for name in ("specimen", "operator", "note")}
        said = {name: text for name, text in given.items() if text is not None}
        by = wanted.by or said.get("operator") or whoever()
        text = await run_in_threadpool(
            begin_next, self._runtime_dir, said, by=by, session=self._folder.name, target=wanted.target
        )
        return JSONResponse({"text": text})


def _checked(name: str, text: str) -> str | None:
    try:
        return checked(name, text)
    except DescriptionUnusable as error:
        raise HTTPException(400, f"{error} ({error.hint})") from error
