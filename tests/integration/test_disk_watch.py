"""A disk that fills up is told before it is full, by a real small disk; and frames that it refuses are told, too."""

import os
import subprocess

import pytest

from smearwatch.clients.view import View
from smearwatch.clients.wording import state_text
from smearwatch.daemon.disk_room import LOW_BYTES, free_room, room_text
from smearwatch.daemon.hub.disk_watch import DiskWatch
from smearwatch.daemon.wire.messages import Pulse
from tests.integration.hub_bench import Bench

pytestmark = pytest.mark.integration


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 20 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], check=False)
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_room_is_told_while_there_is_some(small_disk):
    watch = DiskWatch(small_disk, lambda: (0, ""))
    assert watch.trouble().startswith("the disk is nearly full: less than ")
    assert "prune" in watch.trouble()
    assert free_room(small_disk)[0] < LOW_BYTES


def test_it_is_said_in_steps():
    said = [str(room_text(free)).partition(" (")[0] for free in (45 * 10**6, 49 * 10**6, 50 * 10**6)]
    assert said == [f"the disk is nearly full: less than {size} left" for size in ("50.0 MB", "50.0 MB", "100.0 MB")]


def test_enough_room_is_not_told():
    assert room_text(LOW_BYTES) is None
    assert room_text(LOW_BYTES - 1) is not None


def test_refused_frames_are_told_until_none_is(tmp_path):
    clock, refused = Clock(), [0]
    watch = DiskWatch(tmp_path, lambda: (refused[0], "database is locked"), clock=clock)
    quiet = watch.trouble()
    refused[0], clock.now = 3, 6.0
    assert watch.trouble().endswith("cannot be kept, and wait where they are: database is locked")
    clock.now = 12.0
    assert watch.trouble() == quiet


def test_clients_hear_of_it(small_disk):
    bench = Bench(small_disk)
    listener = bench.listener()
    bench.now += 2.0
    bench.turn()
    bench.hub.pulse()
    pulses: list[Pulse] = []
    while (heard := listener.receive(1.0)) is not None and not pulses:
        pulses += [heard] if isinstance(heard, Pulse) else []
    (pulse,) = pulses[:1]
    assert pulse.trouble.startswith("the disk is nearly full")
    assert state_text(View(connection="live", trouble=pulse.trouble)) == pulse.trouble
    bench.close()
