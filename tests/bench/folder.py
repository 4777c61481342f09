"""Bursts of files into a watched folder: files a second, time from closing to offering, torn and missed ones."""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.sources.file_events import FolderNotices
from smearwatch.capture.sources.folder import FolderSource
from smearwatch.daemon.config import Settings
from smearwatch.daemon.log import configure
from smearwatch.daemon.plan import RunPlan
from tests.bench.report import Report, spread

PATIENCE_S = 300.0
# A writer of its own process; the monotonic clock is one for all processes of a machine.
WRITER = """
import json, sys, time
from pathlib import Path
folder, data, count, way = Path(sys.argv[1]), bytearray(Path(sys.argv[2]).read_bytes()), int(sys.argv[3]), sys.argv[4]
closed = {}
for n in range(count):
    data[-8:-2] = (n + 1).to_bytes(6, "big").replace(b"\\xff", b"\\xfe")
    name = f"{n:06}.jpg"
    path = folder / (f".{name}.part" if way == "renamed" else name)
    with path.open("wb") as file:
        for start in range(0, len(data), 65536):
            file.write(data[start:start + 65536])
            file.flush()
    if way == "renamed":
        path.rename(folder / name)
    closed[name] = time.monotonic()
print(json.dumps(closed))
"""


class _Silent(FolderNotices):
    """As where the system gives no notifications."""

    def attend(self) -> None:
        return


def main() -> None:
    """Measure and report."""
    configure("error", role="bench")
    report = Report("folder", "bursts into a watched folder (the source alone); seconds from closing to offering")
    for what, count, size_px, way, silent in (
        ("2,000 files of 15 kB", 2000, (60, 80), "written", False),
        ("2,000 files of 15 kB, renamed", 2000, (60, 80), "renamed", False),
        ("2,000 files of 15 kB, no notifications", 2000, (60, 80), "written", True),
        ("300 files of 1.6 MB", 300, (900, 1440), "written", False),
    ):
        report.add(what=what, **_burst(count, size_px, way, silent=silent))
    report.finish()


def _burst(count: int, size_px: tuple[int, int], way: str, *, silent: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder, original = Path(name) / "in", Path(name) / "original.jpg"
        folder.mkdir()
        noise = np.random.default_rng(1).integers(0, 255, (*size_px, 3), np.uint8)
        original.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
        source = FolderSource(folder, RunPlan(settings=Settings(), session="bench", source="folder"))
        if silent:
            source._notices = _Silent(folder)
        command = [sys.executable, "-c", WRITER, str(folder), str(original), str(count), way]
        offered: dict[str, tuple[float, str]] = {}
        again = 0
        with source, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            began, ended = time.monotonic(), 0.0
            while len(offered) < count and time.monotonic() - began < PATIENCE_S:
                frames = source.ready(4)
                for frame in frames:
                    again += frame.name in offered
                    offered[frame.name] = (time.monotonic(), hashlib.sha256(frame.data or b"").hexdigest())
                    source.taken(frame, known=False)
                    ended = time.monotonic()
                if not frames:
                    time.sleep(0.005)
            closed = json.loads(writer.communicate(timeout=60)[0])
        right = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jpg")}
    waited = [offered[name][0] - closed[name] for name in offered]
    return {
        "files_per_s": count / (ended - began),
        "written_per_s": count / (max(closed.values()) - min(closed.values())),
        **spread(waited),
        "torn": again + sum(offered[name][1] != right[name] for name in offered),
        "missed": len(right.keys() - offered.keys()),
    }


if __name__ == "__main__":
    main()
