"""Cells that end, hang or fail whoever judges them are set aside, named, and the count goes on."""

import pytest

from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, LeaseFailed, Ready
from tests.integration.hub_bench import WEIGHTS, Bench, cells, judged

pytestmark = pytest.mark.integration


def found(bench, source, finder, *, whole, data=b"picture"):
    bench.offer(source, data)
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=whole))
    bench.turn()
    return lease


def lives(bench, poison, *, most=9, capacity=4):
    """Let workers die of one cell and judge the others; returns how many lives it took until nothing is leased."""
    for life in range(1, most + 1):
        worker = bench.peer("worker", "w", capacity)
        while leases := bench.hear(worker, CropLease):
            if any(crop.index == poison for crop, _ in leases):
                break
            for crop, _ in leases:
                worker.send(judged(crop))
        else:
            return life
    return None


def test_a_cell_that_ends_its_worker_is_set_aside_and_the_others_are_counted(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    bench.peer("worker", "w", 0)
    lease = found(bench, source, finder, whole=5)
    assert lives(bench, poison=2) == 5  # once with three others in hand, then three times alone
    fold = bench.journal.fold
    assert (fold.cells, fold.poisoned, fold.verdicts["rejected"]) == (4, 1, 1)
    assert bench.frames == {"seen": 1, "counted": 1, "rejected": 0, "pending": 0}
    aside = bench.ledger.verdict(lease.frame, 2)
    assert (aside.poisoned, aside.verdict, sum(aside.probabilities)) == (True, "rejected", 0.0)
    assert list(verify(bench.ledger)) == []


def test_a_worker_that_says_why_it_cannot_is_believed_three_times(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    worker = bench.peer("worker", "w", 1)
    found(bench, source, finder, whole=1)
    for _ in range(3):
        ((crop, _),) = bench.hear(worker, CropLease)
        worker.send(LeaseFailed(crop.lease, "no memory"))
    assert bench.hear(worker, CropLease) == []
    assert (bench.journal.fold.poisoned, bench.frames["pending"]) == (1, 0)


def test_a_hung_worker_is_asked_again_only_once_it_speaks(tmp_path):
    """Else a cell were lost in one hung process three times."""
    bench = Bench(tmp_path, lease_s=2.0)
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    worker = bench.peer("worker", "w", 1)
    found(bench, source, finder, whole=2)
    bench.hear(worker, CropLease)
    for _ in range(5):
        bench.now += 2.5
        bench.turn()
    assert bench.hear(worker, CropLease) == []
    assert bench.journal.fold.poisoned == 0
    worker.send(Ready(1))
    ((crop, _),) = bench.hear(worker, CropLease)
    assert crop.index == 0
    worker.send(judged(crop))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop))
    bench.turn()
    assert (bench.journal.fold.cells, bench.journal.fold.poisoned) == (2, 0)
    bench.close()


def test_in_the_order_of_finding_too_and_to_the_end(tmp_path):
    bench = Bench(tmp_path, stop_at_target=True, target=3)
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    bench.peer("worker", "w", 0)
    found(bench, source, finder, whole=4)
    lives(bench, poison=0)
    assert (bench.journal.fold.cells, bench.journal.fold.poisoned, bench.hub.state) == (3, 1, "done")
    assert bench.journal.fold.ended_at_target or bench.journal.fold.target_reached
    bench.close()


def test_the_weights_are_those_of_whoever_could_not(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    worker = bench.peer("worker", "w", 1, weights=WEIGHTS)
    lease = found(bench, source, finder, whole=1)
    for _ in range(3):
        ((crop, _),) = bench.hear(worker, CropLease)
        worker.send(LeaseFailed(crop.lease, "no"))
    bench.turn()
    assert bench.ledger.verdict(lease.frame, 0).weights == WEIGHTS
    assert bench.ledger.weights() == (WEIGHTS,)
