"""One hub and one to four workers, each on a computer of its own (network namespaces): how much each one more brings.

The workers are simulated graphics cards: they sleep as long as one would work (`tests.bench.sleeping_worker`). Hub,
ledger, leases, encryption and crops are real, so this shows where the hub or the cores are spent. Needs root.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import FrameLease, FrameTaken, Hello, OfferFrame, Ready, SourceState
from smearwatch.daemon.wire.sockets import Peer, context
from tests.bench.report import Report
from tests.integration.hub_bench import cells
from tests.many_hosts import PORT, Star

WORKERS = (1, 2, 3, 4)
SPEEDS_MS = (200.0, 50.0)
ROUNDS = 3
CELLS_A_FRAME = 4
WARM_S, MEASURED_S = 3.0, 12.0


class Feeder(threading.Thread):
    """A source and a finder that cost little: they offer frames, and find cells in them, as quickly as is asked."""

    def __init__(self, runtime_dir, frames=10**9):
        super().__init__(daemon=True)
        self._frames = frames
        self._endpoints = Endpoints.under(runtime_dir)
        self.ends = threading.Event()
        self.offered = self.taken = 0

    def run(self):
        with context() as owner, Peer(owner, self._endpoints) as source, Peer(owner, self._endpoints) as finder:
            source.send(Hello("source", "source", 1))
            finder.send(Hello("finder", "finder", 1))
            source.send(SourceState(0, True, False, {}))
            pulse_s = 0.0
            while not self.ends.is_set():
                if time.monotonic() > pulse_s:
                    finder.send(Ready(4))
                    pulse_s = time.monotonic() + 0.5
                while self.offered - self.taken < 8 and self.offered < self._frames:
                    data = self.offered.to_bytes(4, "big") * 5_000
                    source.send(OfferFrame(self.offered, f"{self.offered}.jpg", 5, "bench"), [data])
                    self.offered += 1
                while (got := source.receive(0.001)) is not None:
                    self.taken += isinstance(got[0], FrameTaken)
                while (got := finder.receive(0.005)) is not None:
                    if isinstance(got[0], FrameLease):
                        finder.send(*cells(got[0], whole=CELLS_A_FRAME))


class Run:
    """A hub that is fed, with so many workers."""

    def __init__(self, star, session, workers, ms_a_crop, *, frames=10**9, options=()):
        self.star, self.folder = star, star.hub.folder / "state" / "smearwatch" / "sessions" / session
        self.hub = star.hub.start(
            "hub", "--listen", f"tcp://0.0.0.0:{PORT}", "--session", session, SMEARWATCH_LEASE_S="5"
        )
        self.workers = [self._worker(number, ms_a_crop) for number in range(1, workers + 1)]
        self.feeder = Feeder(star.hub.folder / "run" / "smearwatch", frames)
        while not self.folder.exists():
            assert self.hub.poll() is None, (star.hub.folder / "hub.err").read_text()
            time.sleep(0.1)
        self.feeder.start()

    def _worker(self, number, ms_a_crop):
        host = self.star.others[number - 1]
        command = ["ip", "netns", "exec", host.name, sys.executable, "-m", "tests.bench.sleeping_worker"]
        return subprocess.Popen(
            [*command, str(ms_a_crop)], env={**host.environment, **self.star.joins(number)}, stdin=subprocess.DEVNULL
        )

    def counted(self):
        try:
            with LedgerReader.read(self.folder) as ledger:
                return ledger.summary().cells_counted
        except LedgerUnusable:
            return 0  # it is being made

    def cpu_s(self):
        """Processor time of the hub's processes by now."""
        family = [psutil.Process(self.hub.pid), *psutil.Process(self.hub.pid).children(recursive=True)]
        return sum(each.cpu_times().user + each.cpu_times().system for each in family)

    def measure(self, seconds=MEASURED_S):
        """Return cells a second, and the hub's processor time a cell."""
        while not self.counted():
            assert self.hub.poll() is None, (self.star.hub.folder / "hub.err").read_text()
            time.sleep(0.1)
        time.sleep(WARM_S)
        began_s, before, spent_s = time.monotonic(), self.counted(), self.cpu_s()
        time.sleep(seconds)
        done, took_s = self.counted() - before, time.monotonic() - began_s
        return done / took_s, (self.cpu_s() - spent_s) / max(1, done)

    def end(self):
        self.feeder.ends.set()
        self.feeder.join()
        for process in (*self.workers, self.hub):
            process.terminate()
        for process in (*self.workers, self.hub):
            process.wait(60)


def main() -> None:
    """Measure and report."""
    report = Report(
        "scaling",
        f"crops judged by simulated cards; hub, wire, ledger are real; {os.cpu_count()} cores, {ROUNDS} rounds in turn",
    )
    rates: dict[tuple[float, int], list[float]] = {key: [] for key in itertools.product(SPEEDS_MS, WORKERS)}
    costs: dict[tuple[float, int], list[float]] = {key: [] for key in rates}
    with tempfile.TemporaryDirectory() as name, Star(Path(name), max(WORKERS)) as star:
        for number in range(ROUNDS):
            for ms, workers in rates:
                run = Run(star, f"{number}-{ms:.0f}-{workers}", workers, ms)
                try:
                    rate, cost = run.measure()
                finally:
                    run.end()
                rates[ms, workers].append(rate)
                costs[ms, workers].append(cost)
    for ms, workers in rates:
        alone, now = median(rates[ms, 1]), median(rates[ms, workers])
        report.add(
            ms_a_crop=ms,
            workers=workers,
            cells_a_s=now,
            least=min(rates[ms, workers]),
            most=max(rates[ms, workers]),
            by_one=now / alone,
            of_ideal=now / alone / workers,
            of_cards=now * ms / 1000 / workers,
            hub_cpu_ms=1000 * median(costs[ms, workers]),
        )
    report.finish()


if __name__ == "__main__":
    main()
