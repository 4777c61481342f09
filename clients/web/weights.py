"""The page "Better weights": what is labelled so far, adapting to it, its check, what it would have changed, promotion.

Each step is the command that a person would type, as a process of its own: the page computes nothing about weights.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smearwatch.clients.reviewing.labelled import COLUMNS, labelled_so_far
from smearwatch.clients.web.asked import Asked, asked
from smearwatch.clients.web.job import Job
from smearwatch.daemon.config import Settings
from smearwatch.daemon.names import is_name
from smearwatch.daemon.regular_file import read_regular
from smearwatch.daemon.sign_text import when_text
from smearwatch.daemon.weights import PromotedWeightsDamaged, WeightsMissing, promoted_weights, weights_in_use

_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_CHANGES: Final = "changes.json"
_ACCOUNT: Final = "adapt.json"
_MOST_SESSIONS: Final = 1000


class _Adapt(Asked):
    sessions: list[str] = Field(min_length=1, max_length=_MOST_SESSIONS)


class _Compare(Asked):
    candidate: _Name


class _Promote(Asked):
    candidate: _Name
    by: _Name
    force: bool = False


class _Back(Asked):
    by: _Name


class BetterWeights:
    """The screen of weights, and the one command that is at work for it.

    Parameters
    ----------
    settings
        Of the page: whose sessions, and which weights are in use.
    config
        The settings file that was named, None for the usual one.
    """

    def __init__(self, settings: Settings, config: Path | None = None) -> None:
        self._settings = settings
        self._config = [] if config is None else ["--config", str(config)]
        self._folder = settings.state_dir / "adapted"
        self._job: Job | None = None

    def routes(self, render: Callable[..., Response]) -> list[Route]:
        """Return what the page asks for here; `render` fills a template for a request."""

        async def page(request: Request) -> Response:
            return render("weights", request, columns=COLUMNS)

        return [
            Route("/weights", page),
            Route("/weights/state", self._state),
            Route("/weights/job", self._at_work),
            Route("/weights/adapt", self._adapt, methods=["POST"]),
            Route("/weights/changes", self._compare, methods=["POST"]),
            Route("/weights/promote", self._promote, methods=["POST"]),
            Route("/weights/back", self._back, methods=["POST"]),
            Route("/weights/cancel", self._cancel, methods=["POST"]),
        ]

    def close(self) -> None:
        """End the command that is at work: nobody would see what comes of it."""
        if self._job is not None:
            self._job.cancel()

    async def _state(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._told))

    async def _at_work(self, request: Request) -> Response:
        return JSONResponse({"job": None if self._job is None else self._job.state()})

    def _told(self) -> dict[str, Any]:
        state_dir = self._settings.state_dir
        return {
            "in_use": self._in_use(),
            "sessions": labelled_so_far(state_dir),
            "candidates": self._candidates(),
            "job": None if self._job is None else self._job.state(),
        }

    def _in_use(self) -> dict[str, Any]:
        """Return what is in use, and whether there is something to go back to."""
        try:
            folder, promoted = weights_in_use(self._settings), promoted_weights(self._settings.state_dir)
        except (PromotedWeightsDamaged, WeightsMissing) as error:
            return {"name": "", "fault": f"{error} ({error.hint})", "origin": "", "step": None, "can_go_back": False}
        named = self._settings.weights is not None
        origin = "the settings name them" if named else "promoted" if promoted else "they come with smearwatch"
        steps = _read(folder.parent / "history.json") if promoted == folder else None
        step = steps[-1] if isinstance(steps, list) and steps else None
        if step is not None:
            step = step | {"when": when_text(int(datetime.fromisoformat(step["at"]).timestamp() * 1e9))}
        name = (_read(folder / "manifest.json") or {}).get("name", folder.name)
        return {"name": name, "fault": None, "origin": origin, "step": step, "can_go_back": promoted == folder}

    def _candidates(self) -> list[dict[str, Any]]:
        """Return the adapted weights that are there, the newest first."""
        current = promoted_weights_name(self._settings.state_dir)
        found = []
        for path in sorted(self._folder.glob(f"*/{_ACCOUNT}"), reverse=True):
            account = _read(path) if is_name(path.parent.name) else None
            if isinstance(account, dict):
                in_use = account.get("weights_after") == current
                changes = _read(path.with_name(_CHANGES))
                found.append({"name": path.parent.name, "account": account, "changes": changes, "in_use": in_use})
        return found

    async def _adapt(self, request: Request) -> Response:
        wanted = await asked(request, _Adapt)
        there = {each["session"] for each in labelled_so_far(self._settings.state_dir) if "labels" in each}
        if strange := [name for name in wanted.sessions if name not in there]:
            raise HTTPException(400, f"sessions: {strange[0]} has no labels here")
        out = self._folder / time.strftime("%Y%m%dT%H%M%S")
        words = ["adapt", "--weights", str(weights_in_use(self._settings)), "--out", str(out)]
        for name in wanted.sessions:
            words += ["--session", name]
        return self._start("adapt", [*words, "--name", f"adapted {out.name}"], out)

    async def _compare(self, request: Request) -> Response:
        folder = self._candidate((await asked(request, _Compare)).candidate)
        old = str(weights_in_use(self._settings))
        words = ["weights", "changes", "--old", old, "--new", str(folder), "--out", str(folder / _CHANGES)]
        return self._start("changes", [*words, *self._config], folder)

    async def _promote(self, request: Request) -> Response:
        wanted = await asked(request, _Promote)
        folder = self._candidate(wanted.candidate)
        words = ["promote", str(folder), f"--by={wanted.by}", *self._config]
        for each in labelled_so_far(self._settings.state_dir):
            if "labels" in each and sum(each["labels"].values()):
                words += ["--session", each["session"]]
        return self._start("promote", [*words, *(["--force"] if wanted.force else [])], folder)

    async def _back(self, request: Request) -> Response:
        wanted = await asked(request, _Back)
        return self._start("back", ["promote", "--back", f"--by={wanted.by}", *self._config], None)

    async def _cancel(self, request: Request) -> Response:
        if self._job is not None:
            await run_in_threadpool(self._job.cancel)
        return JSONResponse({})

    def _candidate(self, name: str) -> Path:
        if not is_name(name) or not (self._folder / name / _ACCOUNT).is_file():
            raise HTTPException(404, "no such weights")
        return self._folder / name

    def _start(
        self, what: Literal["adapt", "changes", "promote", "back"], words: list[str], about: Path | None
    ) -> Response:
        if self._job is not None and self._job.running:
            raise HTTPException(409, "another step is at work: wait for it, or cancel it")
        environment = {**os.environ, "SMEARWATCH_STATE_DIR": str(self._settings.state_dir)}
        self._job = Job(what, [*words, "--progress", "json", "--json"], environment, about)
        return JSONResponse({})


def promoted_weights_name(state_dir: Path) -> str | None:
    """Return the identity of the promoted weights, None where none are or they are damaged."""
    try:
        folder = promoted_weights(state_dir)
    except PromotedWeightsDamaged:
        return None
    return None if folder is None else folder.name


def _read(path: Path) -> Any:
    try:
        return json.loads(read_regular(path))
    except (OSError, ValueError):
        return None
