"""A long run at a steady rate, with a client and a review page attached: what grows?

``python -m tests.torture.soak --minutes 60 --rate 2 --out docs/reliability/soak.json`` is `make soak`.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.paged import chromium
from tests.torture.comparing import Content, as_json
from tests.torture.desk import SIZE, UM_PER_PX, Desk, Run, wait_until
from tests.torture.pulses import Pulses, free_port
from tests.torture.sampling import Samples, ledger_bytes

ROLES = ("supervisor", "hub", "source", "finder", "worker-1", "lines", "page", "watch")
_ENDS_S = 120.0


def main() -> int:
    """Run, sample, write and print what grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("bench-out/soak.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        result = soak(Path(name), asked.minutes * 60.0, asked.rate, asked.every)
    document = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m tests.torture.soak --minutes {asked.minutes:g} --rate {asked.rate:g}",
        "python": platform.python_version(),
        **result,
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(as_json(document), encoding="utf-8")
    print(as_json({name: value for name, value in document.items() if name != "samples"}))
    return int(result["frames_lost"] != 0 or bool(result["faults"]))


def soak(folder: Path, seconds: float, rate: float, every_s: float) -> dict[str, Any]:
    """Count a slide that is drawn meanwhile; return what was sampled and what grew."""
    desk, samples, began_s = Desk(folder, idle_s=600.0), Samples(), time.monotonic()
    desk.environment |= {"SMEARWATCH_REVIEW": "true", "SMEARWATCH_REVIEW_PORT": str(free_port())}
    fields = round(seconds * rate)
    with _started(desk) as run, Pulses(desk) as pulses, _shown(desk), _watched(desk) as watch:
        drawn = subprocess.Popen(
            desk.command("slide", "--out", desk.watched, "--fields", fields, "--rate", rate, "--seed", 11,
                         "--um-per-px", UM_PER_PX, "--size", SIZE, "--route", "freehand", "--rename"),
            env=desk.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while (ended := run.wait(every_s)) is None:
            heard = pulses.last()
            pids = {**run.pids(), "supervisor": run.process.pid, "watch": watch.pid}
            samples.take(
                time.monotonic() - began_s, {role: pids[role] for role in ROLES if role in pids},
                frames=heard.frames, waiting_files=heard.waiting_files, latency_ms=heard.latency_ms,
                ledger_mb=round(ledger_bytes(desk.session) / 1e6, 3), load=round(os.getloadavg()[0], 1),
            )  # fmt: skip
            if drawn.poll() is not None and (heard.frames == fields or time.monotonic() - began_s > seconds + _ENDS_S):
                run.process.send_signal(signal.SIGTERM)
        drawn.kill()
        drawn.wait(10)
    assert ended is not None, "it did not end"
    content, latencies = Content.of(desk.session), [row["latency_ms"] for row in samples.rows if row["latency_ms"]]
    figures = ("rss_mb", "descriptors", "threads")
    there = [role for role in ROLES if any(role in row["held"] for row in samples.rows)]
    return {
        "seconds": round(time.monotonic() - began_s),
        "rate": rate,
        "frames_drawn": fields,
        "frames_lost": fields - len(content.order),
        "cells": sum(content.counts.values()),
        "faults": content.faults,
        "complete": content.complete,
        "restarts": ended.err.count("role restarts"),
        "counters": ended.summary["counters"],
        "latency_ms": {"median": round(median(latencies), 1), "most": max(latencies)} if latencies else None,
        "load": round(median(row["load"] for row in samples.rows), 1),
        "waiting_most": max(row["waiting_files"] for row in samples.rows),
        "ledger_mb": samples.rows[-1]["ledger_mb"],
        "growth": {role: {what: samples.growth(role, what, "frames") for what in figures} for role in there},
        "samples": samples.rows,
    }


@contextmanager
def _started(desk: Desk) -> Iterator[Run]:
    run = desk.start()
    try:
        assert wait_until(lambda: "page" in run.pids() and (desk.folder / "run" / "review-link").exists(), 120.0)
        yield run
    finally:
        run.end()


@contextmanager
def _shown(desk: Desk) -> Iterator[None]:
    """Show the review page in a Chromium, which asks for what is new by itself."""
    with chromium() as browser:
        page = browser.new_page()
        page.goto((desk.folder / "run" / "review-link").read_text().strip())
        yield
        assert not page.is_closed()


@contextmanager
def _watched(desk: Desk) -> Iterator["subprocess.Popen[bytes]"]:
    """Attach a client that prints each change."""
    with (desk.folder / "watch").open("w") as out:
        watch = subprocess.Popen(desk.command("watch", "--json"), env=desk.environment, stdout=out)
        try:
            yield watch
            assert watch.poll() is None, "the client ended before the run"
        finally:
            watch.kill()
            watch.wait(10)


if __name__ == "__main__":
    sys.exit(main())
