"""Where a field's time goes from a closed file to its count at a client: by leg of its way, and by process.

``python -m tests.bench.legs [--before DIR] [--fields N]``. An earlier tree's daemon runs beside this one's and gets
each field in its turn, so that whatever else the machine does meets both. *Processor* is what a process's threads ran
for the field, *queue* what they waited for a core that others had; the rest of the time they waited for each other.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

import psutil

from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice
from smearwatch.daemon.wire.sockets import Listener, context
from tests.bench.performance.running import running, until_staffed
from tests.bench.performance.size import on_disk
from tests.bench.piped.stages import real_fields
from tests.bench.report import Report
from tests.bench.seen.fields import CHULA_UM_PER_PX
from tests.bench.turns import quartiles
from tests.role_processes import role_of

_LEGS: Final = ("closed to seen", "seen to found", "found to counted", "counted to heard", "whole way")
_ROLES: Final = ("hub", "source", "finder", "worker-1", "lines", "supervisor")
_PATIENCE_S, _SETTLED_S = 60.0, 0.1
_APART: Final = 4  # neighbours show the same cells, which are not judged again
_LEARNING: Final = 20
"""The first fields are left out: their red cells are measured for the scale, and their cells may be judged anew."""


class Daemon:
    """A count on an empty folder: what its legs and processes took for each field with a cell to judge."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder / "in"
        self._listener = listener
        children = psutil.Process().children(recursive=True)
        self._pids = {pid: role for role in _ROLES for pid in _pids_of(children, role, str(folder))}
        self.legs: defaultdict[str, list[float]] = defaultdict(list)
        self.spent: defaultdict[str, list[float]] = defaultdict(list)

    def count(self, name: str, file: bytes) -> None:
        """Give it a field, wait until it is counted, and note what that took."""
        part = self._folder / f".{name}.part"
        part.write_bytes(file)
        before, at_ns = self._clocks(), time.time_ns()
        part.rename(self._folder / name)
        steps = self._steps(hashlib.sha256(file).hexdigest())
        time.sleep(_SETTLED_S)  # what follows the count is part of its cost
        if steps is None:  # nothing to judge in it
            return
        moments = [at_ns, *steps]
        took = [(b - a) / 1e6 for a, b in pairwise(moments)]
        for leg, ms in zip(_LEGS, [*took, sum(took)], strict=True):
            self.legs[leg].append(ms)
        for what, ns in self._clocks().items():
            self.spent[what].append((ns - before[what]) / 1e6)

    def _steps(self, frame: str) -> list[int] | None:
        """Return when the field was seen, found and wholly counted by the ledger, and when the last count was heard."""
        steps: list[int] = []
        waiting, until_s = 0, time.monotonic() + _PATIENCE_S
        while time.monotonic() < until_s:
            message = self._listener.receive(1.0)
            if not isinstance(message, EventNotice) or message.event not in ("seen", "found", "counted", "rejected"):
                continue
            body = json.loads(message.body)
            if body.get("anew") or body["frame"] != frame:
                continue
            waiting -= message.event == "counted"
            if message.event == "found":
                whole = [cell for cell in body["cells"] if not cell["at_edge"]]
                waiting = sum(not cell.get("same_as") or "better_than" in cell for cell in whole)
            if message.event != "counted" or not waiting:
                steps.append(message.recorded_at_ns)
            if message.event in ("found", "rejected") and not waiting:
                return None
            if message.event == "counted" and not waiting:
                return [*steps, time.time_ns()]
        raise SystemExit(f"a field was not counted within {_PATIENCE_S:.0f} s")

    def _clocks(self) -> dict[str, int]:
        clocks: dict[str, int] = defaultdict(int)
        for pid, role in self._pids.items():
            for task in Path(f"/proc/{pid}/task").iterdir():
                ran, waited, _ = (task / "schedstat").read_text().split()
                clocks[f"{role}: processor"] += int(ran)
                clocks[f"{role}: queue"] += int(waited)
        return clocks


def _pids_of(children: Sequence[psutil.Process], role: str, folder: str) -> Iterator[int]:
    for child in children:
        command = child.cmdline()
        is_role = role_of(command) == role if role != "supervisor" else "smearwatch.daemon.cli" in command
        # A forked process shows its name where its environment stood.
        runs_it = child if role == "supervisor" else child.parent()
        if is_role and runs_it and runs_it.environ().get("SMEARWATCH_STATE_DIR", "").startswith(folder):
            yield child.pid


@contextmanager
def _daemon(tree: Path) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(dir=on_disk()) as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "in").mkdir()
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(tree / ".dev")
        try:
            stack.enter_context(running(folder, "--um-per-px", str(CHULA_UM_PER_PX)))
        finally:
            os.environ["PYTHONPATH"] = before or ""
        listener = Listener(stack.enter_context(context()), Endpoints.under(folder / "run"))
        stack.callback(listener.close)
        until_staffed(listener)
        yield Daemon(folder, listener)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print what each leg and each process took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, metavar="DIR", help="an earlier state's tree, to be run in turn")
    parser.add_argument("--fields", type=int, default=60)
    asked = parser.parse_args(arguments)
    trees = {"now": Path(__file__).parents[2]} | ({"before": asked.before.resolve()} if asked.before else {})
    with ExitStack() as stack:
        daemons = {name: stack.enter_context(_daemon(tree)) for name, tree in trees.items()}
        for number, path in enumerate(real_fields(_APART * asked.fields)[::_APART]):
            if number == _LEARNING:
                for daemon in daemons.values():
                    daemon.legs.clear()
                    daemon.spent.clear()
            for name in sorted(daemons, reverse=bool(number % 2)):
                daemons[name].count(f"{number:04}.jpg", path.read_bytes())
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    report = Report("legs", f"milliseconds a field with cells, from a closed file to its count; load {load}")
    for what in (*_LEGS, *(f"{role}: {which}" for role in _ROLES for which in ("processor", "queue"))):
        for name, daemon in daemons.items():
            values = (daemon.legs | daemon.spent)[what]
            low, middle, high = quartiles(values)
            report.add(what=what, tree=name, n=len(values), quarter=low, median=middle, three_quarters=high)
    report.finish()


if __name__ == "__main__":
    main()
