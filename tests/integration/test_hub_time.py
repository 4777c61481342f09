"""The hub and time: leases that run out or are renewed, peers that fall silent, how long nothing came."""

import time

import pytest

from smearwatch.daemon.wire.messages import (
    CropLease,
    FrameLease,
    OfferFrame,
    Pulse,
    Ready,
    SourceState,
)
from tests.integration.hub_bench import cells, judged, rejected

pytestmark = pytest.mark.integration


def test_an_unanswered_lease_is_given_out_again_and_its_late_answer_ignored(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    for _ in range(4):  # the pulses of a worker that is alive and slow
        bench.now += 10.0
        for peer in (finder, worker):
            peer.send(Ready(2))
        bench.turn()
    ((again, _),) = bench.hear(worker, CropLease)
    assert again.lease != crop.lease
    worker.send(judged(crop, cls="basophil"))
    worker.send(judged(again))
    bench.turn()
    assert bench.journal.fold.counts["lymphocyte"] == 1
    assert bench.journal.fold.cells == 1
    assert bench.journal.counters["late_answers"] == 1


def test_a_finder_at_work_on_a_large_frame_is_not_taken_for_gone(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    for _ in range(5):  # 25 s without a word from it, within its lease of 30 s
        bench.now += 5.0
        worker.send(Ready(2))
        bench.turn()
    finder.send(*cells(lease))
    assert len(bench.hear(worker, CropLease)) == 1
    assert bench.journal.counters["late_answers"] == 0


def test_a_finder_that_says_that_it_is_at_work_keeps_its_frames(staffed):
    """A frame slower than a lease, with another waiting behind it: neither is given out again, neither given up."""
    bench, source, finder, worker = staffed
    bench.offer(source, b"slow", b"behind")
    (slow, _), (behind, _) = bench.hear(finder, FrameLease)
    for _ in range(20):  # 200 s, a lease being 30
        bench.now += 10.0
        worker.send(Ready(2))
        finder.send(Ready(2, at_work=True))
        bench.turn()
    finder.send(*cells(slow))
    finder.send(*cells(behind))
    assert len(bench.hear(worker, CropLease)) == 2
    assert bench.hear(finder, FrameLease) == []
    assert bench.journal.counters["late_answers"] == 0


def test_a_finder_that_says_so_no_longer_loses_them(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"endless")
    bench.hear(finder, FrameLease)
    for at_work in (True, True, False, False, False, False):
        bench.now += 10.0
        worker.send(Ready(2))
        finder.send(Ready(2, at_work=at_work))
        bench.turn()
    assert len(bench.hear(finder, FrameLease)) == 1


@pytest.mark.parametrize(("ahead_s", "measured"), [(0, 1), (9 * 3600, 0), (-9 * 3600, 0)])
def test_a_share_whose_clock_is_off_says_nothing_about_how_long_a_frame_took(staffed, ahead_s, measured):
    bench, source, finder, worker = staffed
    captured_at_ns = time.time_ns() + ahead_s * 1_000_000_000
    source.send(OfferFrame(1, "1.jpg", captured_at_ns, "folder"), [b"picture"])
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop))
    bench.turn()
    assert bench.frames["counted"] == 1
    assert len(bench.hub._delays._taken_ms) == measured


def test_the_pulse_says_for_how_long_nothing_was_to_do(staffed):
    bench, source, finder, worker = staffed
    listener = bench.listener()

    def idle_s():
        bench.now += 1.5
        for peer in (finder, worker):
            peer.send(Ready(2))
        bench.turn()
        pulses = []
        while (message := listener.receive(0.5)) is not None:
            pulses += [message] if isinstance(message, Pulse) else []
        return pulses[-1].idle_s

    assert idle_s() == pytest.approx(1.5)
    bench.offer(source, b"picture")
    assert idle_s() is None
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(rejected(lease))
    bench.turn()
    assert idle_s() == pytest.approx(3.0)
    for state in (SourceState(1, True, False, {}), SourceState(0, False, False, {})):
        source.send(state)
        bench.turn()
        assert idle_s() is None


def test_a_finder_that_stays_silent_is_forgotten_and_its_frame_goes_to_another(staffed):
    bench, source, _, worker = staffed
    bench.offer(source, b"picture")
    other = bench.peer("finder", "g", 1)
    for _ in range(8):
        bench.now += 5.0
        for peer in (worker, other):
            peer.send(Ready(1))
        bench.turn()
    assert [lease.name for lease, _ in bench.hear(other, FrameLease)] == ["0.jpg"]
    assert bench.hub._peers.count("finder") == 1
