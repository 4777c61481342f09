"""How long each part takes to start, in turn: commands, screen, hub and worker; seconds of a processor and a clock."""

import json
import os
import pty
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from smearwatch.daemon.cli import COMMANDS
from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WantTerms, Welcome
from smearwatch.daemon.wire.sockets import Peer, context
from tests.bench.report import Report, spread
from tests.integration.hub_process import hub_process

ROUNDS = 3
OUT = Path("docs/performance/start.json")
_QUIET = "import gc; gc.disable()\n"  # as the worker loads
_TORCH_AND_WEIGHTS = _QUIET + (
    "import torch\nfrom pathlib import Path\nfrom safetensors.torch import load\n"
    "from smearwatch.daemon.config import Settings\nfrom smearwatch.daemon.weights import weights_in_use\n"
    "folder = weights_in_use(Settings())\n"
    "for path in Path(folder).glob('*.safetensors'):\n    load(path.read_bytes())\n"
)
_ENGINE = _QUIET + (
    "import smearwatch.daemon.worker\nfrom smearwatch.models.engine import Engine\n"
    "from smearwatch.daemon.config import Settings\nfrom smearwatch.daemon.weights import weights_in_use\n"
    "Engine.load(weights_in_use(Settings()), device='cpu')\n"
)

Taken = tuple[float, float]  # seconds of a processor, seconds of a clock


def main() -> None:
    """Measure in turn and report; no daemon runs, so the screen waits for one."""
    cases: dict[str, Callable[[], Taken]] = {
        "python -c pass": lambda: _process("-c", "pass"),
        "import textual": lambda: _process("-c", "import textual.app, textual.widgets"),
        "watch on screen": _on_screen,
        "hub answers": _hub,
        "import torch, load the weights": lambda: _process("-c", _TORCH_AND_WEIGHTS),
        "worker has loaded its networks": lambda: _process("-c", _ENGINE),
    }
    cases |= {f"{name} --help": _help_of(name) for name in COMMANDS}
    cases |= {"--help": lambda: _process("-m", "smearwatch.daemon.cli", "--help")}
    taken: dict[str, list[Taken]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            taken[name].append(case())
    report = Report("start", "seconds of a processor, runs in turn; wall is the median by the clock")
    for name, values in taken.items():
        report.add(what=name, **spread([cpu for cpu, _ in values]), wall=median(wall for _, wall in values))
    report.finish()
    worker, torch = (median(cpu for cpu, _ in taken[name]) for name in reversed([*cases][4:6]))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "command": "python -m tests.bench start",
        "what": report.what,
        "worker_by_torch_and_weights": round(worker / torch, 3),
        "rows": [{key: _rounded(each) for key, each in row.items()} for row in report.rows],
    }
    OUT.write_text(json.dumps(document, indent=1) + "\n")


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _help_of(command: str) -> Callable[[], Taken]:
    return lambda: _process("-m", "smearwatch.daemon.cli", command, "--help")


def _environment(folder: str) -> dict[str, str]:
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    return environment | {"SMEARWATCH_RUNTIME_DIR": folder, "SMEARWATCH_STATE_DIR": folder}


def _process(*arguments: str) -> Taken:
    """Run a program to its end."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [sys.executable, *arguments], env=_environment(folder), check=True, timeout=300, stdout=subprocess.DEVNULL
        )
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def _on_screen() -> Taken:
    with _shown_by("-m", "smearwatch.daemon.cli", "watch") as (terminal, process):
        began, screen = process.create_time(), b""
        while b"Research Use Only" not in screen:
            if not select.select([terminal], [], [], 60.0)[0]:
                raise SystemExit("nothing on the screen for 60 s")
            screen += os.read(terminal, 65536)
        return sum(process.cpu_times()[:2]), time.time() - began


@contextmanager
def _shown_by(*arguments: str) -> Iterator[tuple[int, psutil.Process]]:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=_environment(folder)
        )
        os.close(theirs)
        try:
            yield ours, psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def _hub() -> Taken:
    """Start a hub on a new session, and ask until it answers."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder) / "s", runtime_dir=Path(folder) / "r", log_level="error")
        return answered(RunPlan(settings=settings, session="bench", source="folder"))


def answered(plan: RunPlan) -> Taken:
    """Return how long a hub takes from its start until it has answered a question, on whatever session it finds."""
    with hub_process(plan) as hub, context() as owner, Peer(owner, Endpoints.under(plan.settings.runtime_dir)) as peer:
        began = hub.create_time()
        while True:
            peer.send(WantTerms())
            if (got := peer.receive(0.02)) is not None and isinstance(got[0], Welcome):
                return sum(hub.cpu_times()[:2]), time.time() - began


if __name__ == "__main__":
    main()
