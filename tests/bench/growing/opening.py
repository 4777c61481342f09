"""What it takes to open a session: the hub after a kill, and each client; seconds of a processor to a first answer."""

import http.cookiejar
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WantTerms, Welcome
from smearwatch.daemon.wire.sockets import Peer, context
from tests.integration.hub_process import hub_process

Taken = tuple[float, float]
_COMMAND = [sys.executable, "-m", "smearwatch.daemon.cli"]


def hub_after_kill(state_dir: Path, session: str) -> Taken:
    """Kill a hub, start it again, and ask until it answers: seconds of a processor, and of a clock."""
    with tempfile.TemporaryDirectory() as runtime:
        plan = RunPlan(
            settings=Settings(state_dir=state_dir, runtime_dir=Path(runtime), log_level="error"),
            session=session,
            source="folder",
        )
        try:
            with hub_process(plan) as hub:
                _answers(plan, hub)
                hub.kill()
                hub.wait(30)
        except AssertionError:  # it has ended, as it should
            pass
        with hub_process(plan) as hub:
            return _answers(plan, hub)


def _answers(plan: RunPlan, hub: psutil.Process) -> Taken:
    with context() as owner, Peer(owner, Endpoints.under(plan.settings.runtime_dir)) as peer:
        while True:
            peer.send(WantTerms())
            if (got := peer.receive(0.02)) is not None and isinstance(got[0], Welcome):
                return sum(hub.cpu_times()[:2]), time.time() - hub.create_time()


def watch_live(state_dir: Path, session: str) -> float:
    """Have `watch --once` join the hub that counts the session."""
    with tempfile.TemporaryDirectory() as runtime:
        settings = Settings(state_dir=state_dir, runtime_dir=Path(runtime), log_level="error")
        plan = RunPlan(settings=settings, session=session, source="folder")
        with hub_process(plan) as hub:
            _answers(plan, hub)
            return command(state_dir, runtime, "watch", "--once", "--plain")


def command(state_dir: Path, runtime: str, *typed: str) -> float:
    """Return the seconds of a processor that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*_COMMAND, *typed], env=_environment(state_dir, runtime), check=True, stdout=subprocess.DEVNULL, timeout=600
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def page(state_dir: Path, session: str) -> dict[str, float]:
    """Have the review page of a session opened: until its first answer, until all cells are there, and each second."""
    with tempfile.TemporaryDirectory() as runtime:
        program = subprocess.Popen(
            [*_COMMAND, "review", session, "--no-browser", "--port", "0"],
            env=_environment(state_dir, runtime),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert program.stdout is not None
        try:
            link = re.search(r"http://\S+", program.stdout.readline())
            assert link is not None
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
            browser.open(link[0]).read()
            return _answered(browser, link[0].partition("?")[0], psutil.Process(program.pid))
        finally:
            program.terminate()
            program.wait(30)


def _answered(browser: urllib.request.OpenerDirector, base: str, program: psutil.Process) -> dict[str, float]:
    def taken() -> float:
        return float(sum(program.cpu_times()[:2]))

    first, last, more, largest = 0.0, 0, True, 0
    while more:
        body = browser.open(f"{base}cells?after={last}").read()
        first, largest = first or taken(), max(largest, len(body))
        answer = json.loads(body)
        more = "read_percent" in answer or answer["more"]
        last = answer.get("event", last)
    whole = taken()
    for _ in range(5):
        browser.open(f"{base}cells?after={last}").read()
    polled = (taken() - whole) / 5
    resident = program.memory_info().rss / 1e6
    return {"first": first, "all": whole, "each_poll": polled, "largest_mb": largest / 1e6, "resident_mb": resident}


def _environment(state_dir: Path, runtime: str) -> dict[str, str]:
    environment = {**os.environ, "SMEARWATCH_STATE_DIR": str(state_dir), "SMEARWATCH_RUNTIME_DIR": runtime}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
