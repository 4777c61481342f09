"""Frames keep their order, whatever is killed: which view of a leukocyte counts hangs on it."""

import os
import select
import threading
import time
from contextlib import contextmanager

import pytest

from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.resolver import scale_resolver
from smearwatch.capture.sources import base
from smearwatch.capture.sources.base import Delivery
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.wire.messages import ControlRun, SourceState
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
        source.put("last")  # what it may wait for
        thread.join()
        os.close(read)
        os.close(write)


class Announced(Given):
    """A source whose frames are announced by a descriptor."""

    def __init__(self):
        super().__init__()
        self._read, self._write = os.pipe()
        self.asked = 0

    def put(self, *names):
        super().put(*names)
        os.write(self._write, b"x")

    def ready(self, most):
        self.asked += 1
        if select.select([self._read], [], [], 0.0)[0]:
            os.read(self._read, 100)
        return super().ready(most)

    def descriptors(self):
        return (self._read,)


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


def test_what_a_source_announces_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "_POLL_S", 30.0)
    bench, source = Bench(tmp_path), Announced()
    with delivering(bench, source):
        bench.turn_until(lambda: bench.hub._peers.count("source") and source.asked)
        source.put("a")
        began_s = time.monotonic()
        bench.turn_until(lambda: names(bench) == ["a"])
        assert time.monotonic() - began_s < 15.0
        source.put("b")
        bench.turn_until(lambda: names(bench) == ["a", "b"])
        assert time.monotonic() - began_s < 25.0
    bench.close()


def test_a_source_is_not_asked_again_and_again_for_what_it_announces_while_it_is_paused(tmp_path):
    bench, source = Bench(tmp_path), Announced()
    client = bench.peer("client", "c")
    with delivering(bench, source):
        bench.turn_until(lambda: bench.hub._peers.count("source") and source.asked)
        client.send(ControlRun(1, "pause"))
        bench.turn(20)
        threading.Event().wait(0.2)
        asked, before_s = source.asked, time.process_time()
        source.put("a")
        threading.Event().wait(1.0)
        assert source.asked == asked
        assert time.process_time() - before_s < 0.5  # it does not spin either
        client.send(ControlRun(2, "resume"))
        bench.turn_until(lambda: names(bench) == ["a"])
    bench.close()


def test_a_source_is_heard_between_two_pictures_whose_red_cells_are_measured(tmp_path):
    beats: list[int] = []

    class Heard(Role):
        def beat(self):
            beats.append(len(beats))

        def ask(self, seconds, *, waits=False):
            pass

    bench, source = Bench(tmp_path), Given()
    source.put("a", "b", "c")
    scales = scale_resolver(bench.plan)
    delivery = Delivery(bench.plan, Heard("source", -1), source, scales)
    assert len(delivery._scaled(scales, source.ready(3))) == len(beats) == 3
    bench.close()
