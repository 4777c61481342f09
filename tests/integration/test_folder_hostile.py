"""A process writes at random in every bad way; every file's last content must come, once, and nothing torn."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from smearwatch.capture.sources.folder import FolderSource
from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from tests.integration.torture import BlindNotices

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SEEDS = [int(seed) for seed in os.environ.get("HOSTILE_SEEDS", "1").split(",")]
"""More seeds for a longer search: ``HOSTILE_SEEDS=1,2,3``."""


@pytest.mark.parametrize("blind", [False, True], ids=["told", "blind"])
@pytest.mark.parametrize("seed", SEEDS)
def test_everything_once_and_nothing_torn(tmp_path, seed, blind):
    """Where the kernel tells nothing, what is written over in place may come torn; the whole one follows then."""
    folder = tmp_path / "in"
    folder.mkdir()
    settings = Settings(settle_s=0.1, incomplete_s=30.0, rescan_s=0.3)
    command = [sys.executable, "-m", "tests.integration.hostile_writer", str(folder), str(seed)]
    given: Counter[tuple[str, str]] = Counter()
    known: set[str] = set()
    source = FolderSource(folder, RunPlan(settings=settings, session="t", source="folder"))
    if blind:
        source._notices = BlindNotices(folder)
    with (
        source,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer,
    ):

        def poll():
            for frame in source.ready(4):
                digest = hashlib.sha256(frame.data or b"").hexdigest()
                given[frame.name, digest] += 1
                source.taken(frame, known=digest in known)
                known.add(digest)
            time.sleep(0.01)

        deadline = time.monotonic() + 120.0
        while writer.poll() is None and time.monotonic() < deadline:
            poll()
        assert writer.stdout is not None
        said = json.loads(writer.stdout.read())
        final = set(said["final"].items())
        while not final <= given.keys() and time.monotonic() < deadline:
            poll()
        end = time.monotonic() + 1.0  # nothing else comes after
        while time.monotonic() < end:
            poll()
        state = source.state()
    assert writer.returncode == 0
    assert len(final) >= 150
    assert final - given.keys() == set(), "missed"
    assert blind or known - set(said["complete"]) == set(), "torn"
    assert {pair: times for pair, times in given.items() if times > 1} == {}, "given again under the same name"
    assert state.waiting == 0
    assert state.counters["links_outside"] >= 4
