"""Frames keep their order, whatever is killed: which view of a leukocyte counts hangs on it."""

import os
import threading
from contextlib import contextmanager

import pytest

from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.sources.base import Delivery
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.wire.messages import SourceState
from tests.integration.hub_bench import Bench
from tests.integration.torture import Scene, picture

pytestmark = pytest.mark.integration


class Given:
    """A source that gives what a test has put into it."""

    name = "given"

    def __init__(self):
        self.frames: list[SourceFrame] = []
        self.given = 0

    def put(self, *names):
        self.frames += [SourceFrame(f"{name}.jpg", name.encode(), 1) for name in names]

    def ready(self, most):
        self.given += len(ready := self.frames[:most])
        del self.frames[:most]
        return ready

    def taken(self, frame, *, known):
        pass

    def state(self):
        return SourceState(0, True, False, {})


@contextmanager
def delivering(bench, source):
    """Carry what the source gives to the hub, in a thread as its process does."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    role = Role("source", write)

    def run():
        with Delivery(bench.plan, role, source, None) as delivery:
            delivery.run()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        role.stop()
        thread.join()
        os.close(read)
        os.close(write)


def names(bench):
    """The frames' names in the order in which they were seen."""
    return [seen.event.name.removesuffix(".jpg") for seen in bench.ledger.seen_frames()]


def test_what_a_killed_hub_lost_comes_before_what_is_offered_later(tmp_path):
    bench, source = Bench(tmp_path), Given()
    source.put("a")
    with delivering(bench, source):
        bench.turn_until(lambda: names(bench) == ["a"])
        source.put("b", "c")
        while source.given < 3:  # they are on their way, and this hub reads no more
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)
        bench.crash()
        bench.open()
        bench.turn_until(lambda: bench.hub._peers.count("source"))
        source.put("d")
        bench.turn_until(lambda: len(names(bench)) == 4)
    assert names(bench) == ["a", "b", "c", "d"]
    bench.close()


def test_what_was_there_when_a_source_starts_comes_before_what_comes_meanwhile(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture(1))
    with Scene(folder) as scene:
        scene.poll()
        scene.path("b.jpg").write_bytes(picture(2))
        scene.poll()
        assert scene.got == []
        scene.wait()
        assert [name for name, _ in scene.got] == ["a.jpg", "b.jpg"]


def test_what_lay_there_comes_before_what_comes_while_a_source_still_waits_for_its_hub(tmp_path):
    """A source is killed with pictures untaken; the new one watches the folder, and more come before it asks first."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate("ab"):
        (folder / f"{name}.jpg").write_bytes(picture(number))
    with Scene(folder) as scene:  # it watches from here on, and was not asked yet
        for number, name in enumerate("cd", start=2):
            part = folder / f".{name}.part"
            part.write_bytes(picture(number))
            part.rename(folder / f"{name}.jpg")
        scene.poll()
        scene.wait()
        assert [name for name, _ in scene.got] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_what_came_while_notices_were_lost_comes_before_what_is_told_of(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    with Scene(folder) as scene:
        scene.poll()
        notices = scene.source._notices
        scene.path("a.jpg").write_bytes(picture(1))
        for _ in notices.read():  # as where the system's queue is full
            pass
        notices.on_queue_overflow()
        scene.path("b.jpg").write_bytes(picture(2))
        scene.poll()
        scene.wait()
        assert [name for name, _ in scene.got] == ["a.jpg", "b.jpg"]
