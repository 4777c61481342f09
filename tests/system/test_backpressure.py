"""No worker for a while, though frames come: they wait on the disk, not in memory, and are counted afterwards."""

import sys

import pytest

from tests.torture.backpressure import ROLES, without_worker
from tests.torture.desk import Desk

pytestmark = pytest.mark.system

# Of 0.8 MB each; what a process has more than this in the end, it kept.
MOST_MORE_MB = 24.0
COPIER = """
import shutil, sys, time
from pathlib import Path
given, watched, rate = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
for path in sorted(given.iterdir()):
    shutil.copy(path, watched / f".{path.name}")
    (watched / f".{path.name}").rename(watched / path.name)
    time.sleep(1 / rate)
"""


@pytest.mark.parametrize(
    ("seconds", "rate", "frames"),
    [(6.0, 8.0, 42), pytest.param(600.0, 2.0, 1200, marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
)
def test_frames_wait_on_the_disk_until_there_is_a_worker(tmp_path, seconds, rate, frames):
    given = Desk(tmp_path / "given")
    drawn = given.type("slide", "--out", given.watched, "--fields", frames, "--rate", "0", "--format", "bmp",
                       "--size", "640x420", "--um-per-px", "0.13")  # fmt: skip
    assert drawn.status == 0, drawn.err
    desk = tmp_path / "desk" / "watched"
    feed = [sys.executable, "-c", COPIER, str(given.watched), str(desk), str(rate)]
    result = without_worker(tmp_path, seconds, 0.25, feed, frames, idle_s=3.0)
    assert (result["workers_most"], result["frames_searched_meanwhile"]) == (0, 0)
    assert result["frames_that_waited"] == result["frames"] == frames
    assert (result["complete"], result["faults"], result["frames_without_outcome"]) == (True, [], 0)
    for role in ROLES:
        held = [mb for mb, seen in zip(result["rss_mb"][role], result["frames_at"], strict=True) if mb and seen >= 3]
        assert held[-1] - held[0] < MOST_MORE_MB, role
