"""No worker for a while, though frames come: memory stays flat, and afterwards all is caught up.

``python -m tests.torture.backpressure --minutes 10 --rate 2 --out docs/reliability/backpressure.json``
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.patched import in_front, write_changes
from tests.torture.comparing import Content, as_json
from tests.torture.desk import SIZE, UM_PER_PX, Desk
from tests.torture.pulses import Pulses
from tests.torture.sampling import Samples

ROLES = ("hub", "source", "finder")
_CAUGHT_UP_S, _ALL_THERE_S = 1200.0, 1200.0

# The worker's process is there, beats, and says nothing to the hub, as on a machine that cannot load the networks yet.
HELD = """
import os, time


def worker(module):
    main = module.main

    def held(plan, role):
        while os.path.exists(os.environ["HOLD"]) and not role.wait(0.2):
            role.beat()
        return None if role.stopping else main(plan, role)

    module.main = held


CHANGES = {"smearwatch.daemon.worker": worker}
"""


def without_worker(
    folder: Path, seconds: float, every_s: float, feed: list[str], frames: int, *, idle_s: float = 30.0
) -> dict[str, Any]:
    """Count what `feed` writes into the watched folder, without a worker for so long; return what was seen.

    Parameters
    ----------
    folder
        A place for it; its ``desk/watched`` is the watched folder.
    feed
        A command line that writes the frames.
    frames
        How many; it lasts until all are there, at least.
    """
    desk, samples, hold = Desk(folder / "desk", idle_s=idle_s), Samples(), folder / "hold"
    hold.touch()
    patch = write_changes(folder / "held", HELD)
    desk.environment |= {"HOLD": str(hold), "PYTHONPATH": in_front(patch)}
    run, began_s = desk.start(), time.monotonic()
    try:
        with Pulses(desk) as pulses:
            feeding = subprocess.Popen(feed, env=desk.environment, stdout=subprocess.DEVNULL)
            while time.monotonic() - began_s < max(seconds, _ALL_THERE_S if pulses.last().frames < frames else 0.0):
                time.sleep(every_s)
                heard, pids = pulses.last(), run.pids()
                samples.take(
                    time.monotonic() - began_s, {role: pids[role] for role in ROLES if role in pids},
                    frames=heard.frames, workers=heard.workers,
                )  # fmt: skip
            feeding.wait(60)
            waited = Content.of(desk.session)
            hold.unlink()
            caught_s = time.monotonic()
            ended = run.wait(_CAUGHT_UP_S)
    finally:
        run.end()
    assert ended is not None, "it did not catch up"
    assert ended.status == 0, ended.err
    content = Content.of(desk.session)
    return {
        "seconds_without_worker": round(samples.rows[-1]["s"]),
        "workers_most": max(row["workers"] for row in samples.rows),
        "frames_that_waited": len(waited.order) - len(waited.found),
        "frames_searched_meanwhile": len(waited.found),
        "caught_up_s": round(time.monotonic() - caught_s - idle_s),
        "frames": len(content.order),
        "frames_without_outcome": len(set(content.order) - content.found.keys() - content.rejected.keys()),
        "cells": sum(content.counts.values()),
        "complete": content.complete,
        "faults": content.faults,
        "growth": {role: samples.growth(role, "rss_mb", "frames") for role in ROLES},
        "frames_at": [row["frames"] for row in samples.rows],
        "rss_mb": {role: [row["held"].get(role, {}).get("rss_mb") for row in samples.rows] for role in ROLES},
    }


def main() -> int:
    """Count a drawn slide that comes at a steady rate; print and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--out", type=Path, default=Path("bench-out/backpressure.json"))
    asked = parser.parse_args()
    fields = round(asked.minutes * 60 * asked.rate)
    with tempfile.TemporaryDirectory(prefix="backpressure-") as name:
        feed = Desk(Path(name) / "desk").command(
            "slide", "--out", Path(name) / "desk" / "watched", "--fields", fields, "--rate", asked.rate, "--seed", 12,
            "--um-per-px", UM_PER_PX, "--size", SIZE, "--route", "freehand", "--rename",
        )  # fmt: skip
        result = without_worker(Path(name), asked.minutes * 60, 5.0, feed, fields)
    document = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m tests.torture.backpressure --minutes {asked.minutes:g} --rate {asked.rate:g}",
        "python": platform.python_version(),
        "rate": asked.rate,
        "frames_drawn": fields,
        "frames_lost": fields - result["frames"],
        **result,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(as_json(document), encoding="utf-8")
    print(as_json({name: value for name, value in document.items() if name not in ("rss_mb", "frames_at")}))
    return int(document["frames_lost"] != 0 or not result["complete"] or bool(result["faults"]))


if __name__ == "__main__":
    sys.exit(main())
