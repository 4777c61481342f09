"""A finder that works longer than a lease lasts, on real sockets: it says so, and keeps its frame."""

import os
import threading

import pytest

from smearwatch.capture import finder_role
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon import errand as errand_module
from smearwatch.daemon.errand import AnswerRefused, Errand
from smearwatch.daemon.role import Role
from smearwatch.daemon.wire.messages import FrameLease, Ready, Refused
from tests.integration.hub_bench import Bench, cells

pytestmark = pytest.mark.integration


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

    with Errand(bench.plan, role, "finder", capacity=1) as errand:
        while not (leases := errand.leases(FrameLease, most=1)):
            pass
        lease = leases[0][0]
        try:
            errand.send(*errand.at_work(lambda: work(lease)))
        except TimeoutError:
            failing.append(lease.frame)


@pytest.mark.parametrize("longest_s", [300.0, 0.0], ids=["says so", "too long to say so"])
def test_at_work(bench, role, longest_s, monkeypatch):
    monkeypatch.setattr(errand_module, "_PULSE_S", 0.02)
    monkeypatch.setattr(errand_module, "_LONGEST_S", longest_s)
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


@pytest.mark.parametrize("refusals", [1, 2], ids=["once", "again at once"])
def test_a_finder_whose_answer_is_refused_reads_its_map_anew_and_tries_once_more(tmp_path, role, refusals, monkeypatch):
    bench = Bench(tmp_path, max_frame_bytes=2_000_000)
    refused: list[str] = []
    ended: list[str] = []
    taken = bench.hub._frames.found

    def refusing(message, buffers, holder):
        """As the hub refuses what its ledger contradicts."""
        if len(refused) == refusals:
            return taken(message, buffers, holder)
        refused.append(message.frame)
        bench.hub._frames.leases.give_back(message.lease, holder)
        return Refused("impossible_answer", "a view better than one that is not the best")

    monkeypatch.setattr(bench.hub._frames, "found", refusing)

    def run():
        try:
            finder_role.main(bench.plan, role)
        except AnswerRefused as error:
            ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        source = bench.peer("source", "s")
        bench.peer("worker", "w", 1)
        (frame,) = bench.offer(source, encode(Slide(3, width_px=900, height_px=600).field(0).bgr, "jpeg"))
        bench.turn_until(lambda: ended or bench.ledger.found(frame) is not None)
        assert refused == [frame] * refusals
        assert bool(ended) == (refusals == 2)
    finally:
        role.stop()
        for _ in range(200):
            bench.turn(1)
            if not thread.is_alive():
                break
        thread.join(5.0)
        bench.close()
