"""A finder that works longer than a lease lasts, on real sockets: it says so, and keeps its frame."""

import hashlib
import os
import threading

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder import role as finder_role
from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.finder.on_wire import cells_found
from smearwatch.capture.finder.session_map import SessionMap
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon.hub.turns import Turns
from smearwatch.daemon.process import lease_client as lease_client_module
from smearwatch.daemon.process.lease_client import AnswerRefused, LeaseClient
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.events import Found, FoundCell
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.wire.messages import CropLease, FrameLease, LeaseFailed, OfferFrame, Ready
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration

UM_PER_PX = 0.11


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, lease_s=1.0)
    yield bench
    bench.close()


@pytest.fixture
def role():
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    yield Role("f", theirs)
    os.close(ours)
    os.close(theirs)


def finder(bench, role, may_end, failing):
    """Take one frame, be at work on it until told, answer."""

    def work(lease):
        assert may_end.wait(30.0)
        if failing:
            raise TimeoutError("the frame's own")
        return cells(lease)

    with LeaseClient(bench.plan, role, "finder", capacity=1) as lease_client:
        while not (leases := lease_client.leases(FrameLease, most=1)):
            pass
        lease = leases[0][0]
        try:
            lease_client.send(*lease_client.at_work(lambda: work(lease)))
        except TimeoutError:
            failing.append(lease.frame)


@pytest.mark.parametrize("longest_s", [300.0, 0.0], ids=["says so", "too long to say so"])
def test_at_work(bench, role, longest_s, monkeypatch):
    monkeypatch.setattr(lease_client_module, "_PULSE_S", 0.02)
    monkeypatch.setattr(lease_client_module, "_LONGEST_S", longest_s)
    source = bench.peer("source", "s")
    bench.peer("worker", "w", 1)
    may_end = threading.Event()
    thread = threading.Thread(target=finder, args=(bench, role, may_end, []))
    thread.start()
    bench.offer(source, b"slow")
    for _ in range(200):
        if bench.hub._frames.leases.out:
            break
        bench.turn()
    heard = [0]
    dispatch = bench.hub._dispatch

    def listening(identity, message, buffers):
        heard[0] += isinstance(message, Ready) and message.at_work
        dispatch(identity, message, buffers)

    monkeypatch.setattr(bench.hub, "_dispatch", listening)
    for _ in range(8):  # 4.8 s, a lease being one
        bench.now += 0.6
        before = heard[0]
        for _ in range(20):
            bench.turn(1)
            if heard[0] > before:
                break
    assert (heard[0] > 0) == (longest_s > 0)
    assert (bench.hub._frames.leases.expired == 0) == (longest_s > 0)
    may_end.set()
    for _ in range(100):
        bench.turn()
        if not thread.is_alive():
            break
    bench.turn()
    thread.join(5.0)
    assert (bench.journal.counters["late_answers"] == 0) == (longest_s > 0)


def test_what_the_work_raises_comes_out(bench, role):
    may_end = threading.Event()
    may_end.set()
    failing: list[str] = ["yes"]
    source = bench.peer("source", "s")
    bench.peer("worker", "w", 1)
    thread = threading.Thread(target=finder, args=(bench, role, may_end, failing))
    thread.start()
    (frame,) = bench.offer(source, b"bad")
    for _ in range(200):
        bench.turn()
        if not thread.is_alive():
            break
    thread.join(5.0)
    assert failing == ["yes", frame]


class Both(Turns):
    """A hub's turns where two finders work for it at a time, which it takes for one: as no hub should."""

    def of(self, finders, busy):
        ready = (finder for finder in finders if finder.capacity or busy(finder.identity))
        there = sorted(ready, key=lambda finder: finder.name == "other")
        return there[-1] if there else None


@pytest.fixture
def running(tmp_path, role):
    """A hub with a source, a worker and a second finder, and the real finder beside them; how that one ended."""
    bench = Bench(tmp_path, max_frame_bytes=2_000_000, um_per_px=UM_PER_PX)
    ended: list[str] = []

    def run():
        try:
            finder_role.main(bench.plan, role)
        except AnswerRefused as error:
            ended.append(str(error))

    bench.hub._handing_out._turns = Both()
    thread = threading.Thread(target=run)
    peers = bench.peer("source", "s"), bench.peer("worker", "w", 16), bench.peer("finder", "other")
    thread.start()
    yield bench, *peers, ended
    role.stop()
    for _ in range(200):
        bench.turn(1)
        if not thread.is_alive():
            break
    thread.join(5.0)
    bench.close()


def seen(bench, source, blur_um):
    """Offer the same field, more or less sharp; gives its name."""
    sharp = Slide(5, um_per_px=UM_PER_PX, leukocytes_per_mm2=500.0).field(0).bgr
    bgr = cv2.GaussianBlur(sharp, (0, 0), blur_um / UM_PER_PX) if blur_um else sharp
    data = encode(np.asarray(bgr, np.uint8), "jpeg")
    source.send(OfferFrame(0, "f.jpg", 5, "folder", UM_PER_PX, "configured"), [data])
    frame = hashlib.sha256(data).hexdigest()
    bench.turn_until(lambda: bench.ledger.seen(frame) is not None)
    return frame, data


def judge(bench, worker, frame):
    """Judge what a frame brings, until nothing of it waits."""

    def nothing_waits():
        for lease, _ in bench.hear(worker, CropLease):
            worker.send(judged(lease))
        return not bench.journal.fold.waits(frame)

    bench.turn_until(nothing_waits, 60.0)


def test_a_finder_whose_map_is_not_the_ledgers_reads_it_anew_and_tries_once_more(running):
    """Another finder has found a better view meanwhile, of which this one's map knows nothing."""
    bench, source, worker, other, ended = running
    first, _ = seen(bench, source, 0.46)
    judge(bench, worker, first)
    other.send(Ready(1))
    bench.turn()
    better, data = seen(bench, source, 0.25)
    bench.turn_until(lambda: bench.hub._frames.leases.out)
    ((lease, _),) = bench.hear(other, FrameLease)
    other.send(Ready(0))
    result = find(data, um_per_px=UM_PER_PX, um_per_px_source="configured")
    assert isinstance(result, FieldFound)
    with LedgerReader.read(bench.folder) as ledger:
        registered = SessionMap(ledger, max_pixels=10**8).register(better, result)
    assert registered.better_than
    other.send(*cells_found(lease, result, registered, {}))
    judge(bench, worker, better)
    best, _ = seen(bench, source, 0.0)
    judge(bench, worker, best)
    assert bench.journal.counters["impossible_answers"] == 1
    assert not ended
    found = bench.ledger.found(best)
    assert found is not None
    assert {cell.better_than.frame for cell in found.cells if cell.better_than is not None} == {better}


def test_a_finder_that_is_refused_again_at_once_ends_with_the_reason(running):
    """The ledger holds other cells of the frame, as another version of the program might have found them."""
    bench, source, _, other, ended = running
    other.send(Ready(1))
    bench.turn()
    frame, _ = seen(bench, source, 0.0)
    bench.turn_until(lambda: bench.hub._frames.leases.out)
    ((lease, _),) = bench.hear(other, FrameLease)
    theirs = (FoundCell(0, (9, 9, 9, 9), (12.0, 12.0), 90.0, False, 1.0),)
    bench.journal.commit(Found(frame, 1440, 900, UM_PER_PX, "configured", None, 0.7, theirs))
    other.send(Ready(0))
    other.send(LeaseFailed(lease.lease, "gone"))
    bench.turn_until(lambda: ended, 60.0)
    assert "other cells than were recorded" in ended[0]
    assert bench.journal.counters["impossible_answers"] == 2
