"""The hub's memory over 2,000 frames of one cell each, with a source, a finder and a worker that cost nothing."""

import tempfile
import time
from pathlib import Path

import psutil

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import (
    CropLease,
    FrameLease,
    FrameTaken,
    Hello,
    OfferFrame,
    Ready,
    SourceState,
)
from smearwatch.daemon.wire.sockets import Peer, context
from tests.bench.report import Report
from tests.integration.hub_bench import WEIGHTS, cells, judged
from tests.integration.hub_process import hub_process

FRAMES = 2_000
EVERY = 250
WINDOW = 8


def main() -> None:
    """Measure and report."""
    report = Report("hub_memory", "the hub's resident memory over 2,000 frames (a crop is 1.7 MB)")
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(state_dir=Path(name) / "s", runtime_dir=Path(name) / "r", log_level="error")
        with hub_process(RunPlan(settings=settings, session="bench", source="folder")) as hub:
            _feed(settings, hub, report)
    report.finish()


def _feed(settings: Settings, hub: psutil.Process, report: Report) -> None:
    with context() as owner:
        endpoints = Endpoints.under(settings.runtime_dir)
        with Peer(owner, endpoints) as source, Peer(owner, endpoints) as finder, Peer(owner, endpoints) as worker:
            for peer, role in ((source, "source"), (finder, "finder"), (worker, "worker")):
                peer.send(Hello(role, role, 1, WEIGHTS if role == "worker" else ""))  # type: ignore[arg-type]
            source.send(SourceState(0, True, False, {}))
            offered = taken = done = 0
            first = 0.0
            began = time.monotonic()
            while done < FRAMES:
                for peer in (finder, worker):
                    peer.send(Ready(4))
                while offered < FRAMES and offered - taken < WINDOW:
                    source.send(
                        OfferFrame(offered, f"{offered}.jpg", 5, "bench"), [offered.to_bytes(4, "big") * 20_000]
                    )
                    offered += 1
                while (got := source.receive(0.001)) is not None:
                    taken += isinstance(got[0], FrameTaken)
                while (got := finder.receive(0.001)) is not None:
                    if isinstance(got[0], FrameLease):
                        finder.send(*cells(got[0]))
                while (got := worker.receive(0.001)) is not None:
                    if isinstance(got[0], CropLease):
                        worker.send(judged(got[0]))
                        done += 1
                        if done % EVERY == 0:
                            resident = hub.memory_info().rss / 1e6
                            first = first or resident
                            each_ms = (time.monotonic() - began) * 1000 / done
                            report.add(frames=done, resident_mb=resident, of_first=resident / first, ms_a_frame=each_ms)


if __name__ == "__main__":
    main()
