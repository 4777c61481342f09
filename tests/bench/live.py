"""From the moment a file is closed to its count at a client: one 1440x900 field with one cell at a time."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import EventNotice, Pulse
from smearwatch.daemon.wire.sockets import Listener, context
from tests.bench.report import Report, spread

FRAMES = 30
PATIENCE_S = 10.0


def main() -> None:
    """Measure and report."""
    frames = single_cell_frames(FRAMES)
    with tempfile.TemporaryDirectory() as name, context() as owner:
        folder = Path(name)
        (folder / "in").mkdir()
        with running(folder) as result:
            listener = Listener(owner, Endpoints.under(folder / "run"))
            until_staffed(listener)
            timed = [_one(folder / "in" / f"{n}.jpg", data, listener) for n, data in enumerate(frames)]
            listener.close()
    report = Report("live", "seconds from a closed file to its count at a client")
    # The first two frames find cold caches; a field in which no cell was counted has no time.
    waited = [seconds for seconds in timed[2:] if seconds is not None]
    report.add(what="closed to counted", without_a_count=timed.count(None), **spread(waited))
    report.finish()
    table = Report("stages", "milliseconds by stage in the same run (medians)")
    for stage, row in result["stages_ms"].items():
        table.add(stage=stage, n=row["n"], median_ms=row["median_ms"], p95_ms=row["p95_ms"])
    table.finish()


def single_cell_frames(count: int) -> list[bytes]:
    """Draw fields that hold one whole cell, as JPEG files."""
    frames: list[bytes] = []
    for field in Slide(11, um_per_px=0.09, width_px=1440, height_px=900).fields(0):
        if len(field.cells) == 1 and not field.cells[0].at_edge:
            frames.append(encode(field.bgr, "jpeg"))
        if len(frames) == count:
            break
    return frames


@contextmanager
def running(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run on the folder; the dictionary holds the run's summary once the block is left."""
    environment = {
        **os.environ,
        "SMEARWATCH_STATE_DIR": str(folder / "state"),
        "SMEARWATCH_RUNTIME_DIR": str(folder / "run"),
        "SMEARWATCH_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "run", "--watch", str(folder / "in"), "--json"]
    run = subprocess.Popen(
        [*command, "--session", "bench", *options], env=environment, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = {}
    try:
        yield result
    finally:
        run.terminate()
        out, _ = run.communicate(timeout=60)
        result.update(json.loads(out.splitlines()[-1]))


def until_staffed(listener: Listener) -> None:
    """Wait until a worker and a finder are there."""
    while True:
        message = listener.receive(60.0)
        if isinstance(message, Pulse) and message.workers and message.finders:
            return


def _one(path: Path, data: bytes, listener: Listener) -> float | None:
    while listener.receive(0.0) is not None:
        pass
    path.write_bytes(data)
    closed = time.monotonic()
    while time.monotonic() - closed < PATIENCE_S:
        message = listener.receive(1.0)
        if isinstance(message, EventNotice) and message.event == "counted":
            return time.monotonic() - closed
    return None


if __name__ == "__main__":
    main()
