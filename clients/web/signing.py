"""The page's way to sign a session and to amend it: the same gates and refusals as by command."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.sending import act_and_send, cannot_be_sent
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.signature import Amended, OverruledName, Signed
from smearwatch.daemon.record.signing import amend, sign, standing
from smearwatch.daemon.record.tally_json import tally_json

_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class _Sign(Asked):
    """``event`` is the last that the page has shown: another result than that is not signed."""

    by: _Name
    event: int
    overrule: dict[OverruledName, _Text]
    note: _Text | None = None


class _Amend(Asked):
    by: _Name
    reason: _Text


class Signing:
    """Signs one session."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return what the page asks for here."""
        return [
            Route("/gates", self._gates),
            Route("/sign", self._sign, methods=["POST"]),
            Route("/amend", self._amend, methods=["POST"]),
        ]

    async def _gates(self, request: Request) -> Response:
        now = await run_in_threadpool(standing, self._folder)
        gates = [asdict(gate) | {"overrulable": gate.can_be_overruled} for gate in now.gates]
        tally = tally_json(now.fold, self._folder.name, now.number)
        unsent = cannot_be_sent(self._settings, self._folder.name, now.fold.said)
        return JSONResponse({"event": now.number, "gates": gates, "tally": tally, "unsent": unsent})

    async def _sign(self, request: Request) -> Response:
        wanted = await asked(request, _Sign)
        note, seen = wanted.note, wanted.event
        return await self._done(
            partial(sign, self._folder, by=wanted.by, overruled=wanted.overrule, note=note, seen=seen)
        )

    async def _amend(self, request: Request) -> Response:
        wanted = await asked(request, _Amend)
        return await self._done(partial(amend, self._folder, by=wanted.by, reason=wanted.reason))

    async def _done(self, act: Callable[[], Signed | Amended]) -> Response:
        event, sent = await run_in_threadpool(act_and_send, self._settings, self._folder, act)
        return JSONResponse({"ordinal": event.ordinal, "sent": sent})
