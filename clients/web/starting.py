"""A count started from the page: at a place that the laboratory has set, by its name; no path comes from a browser."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.starting import START_QUESTION, Wanted, place_named, start
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.description import whoever

_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Text: TypeAlias = Annotated[str, StringConstraints(max_length=1000)]


class _Start(Asked):
    """What is wanted; without a session's name it is called by date and time."""

    by: str = Field("", max_length=200)
    place: _Name
    specimen: _Name
    operator: _Text = ""
    note: _Text = ""
    target: int | None = Field(None, ge=1, le=2**31)
    session: str = Field("", max_length=64)


class Starting:
    """By which every page starts a count.

    Parameters
    ----------
    settings
        Where sessions and sockets are, and which places are set.
    config
        The settings file that was named, None for the usual one.
    """

    def __init__(self, settings: Settings, config: Path | None = None) -> None:
        self._settings = settings
        self._config = config

    @property
    def offered(self) -> dict[str, object]:
        """What the page shows of it: the names of the places that are set, and what is to be known before."""
        return {"places": list(self._settings.places), "start_question": START_QUESTION}

    def routes(self) -> list[Route]:
        """Return what a page asks for here."""
        return [Route("/start", self._start, methods=["POST"])]

    async def _start(self, request: Request) -> Response:
        asked_for = await asked(request, _Start)
        wanted = Wanted(
            place=place_named(self._settings, asked_for.place),
            said={name: getattr(asked_for, name) for name in ("specimen", "operator", "note")},
            by=asked_for.by or asked_for.operator or whoever(),
            session=asked_for.session or None,
            target=asked_for.target,
            options=("--no-review",),  # there is a page already
        )
        started = await run_in_threadpool(start, self._settings, wanted, self._config)
        return JSONResponse({"session": started.session, "text": started.text})
