"""Where a session ends at its target: at that very cell, whoever judges what first, killed or not, replayed or not."""

import itertools
import random

import pytest

from smearwatch.daemon.record.events import Counted, Found
from smearwatch.daemon.record.order import CountingOrder
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, OfferFrame
from tests.integration.hub_bench import Bench, cells, judged
from tests.integration.test_hub_best_view import seen_better

pytestmark = pytest.mark.integration

# What each cell of four fields is, by field and index: None for one that is none of the classes.
FIELDS = (("band", None, "monocyte"), (), ("lymphocyte", "basophil", "eosinophil"), ("segmented", "segmented"))
TARGET = 4
UP_TO_TARGET = [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)]


@pytest.fixture
def target_bench(tmp_path):
    bench = Bench(tmp_path, stop_at_target=True, target=TARGET)
    yield bench
    bench.close()


def counted(bench, frames):
    """Return the cells with a verdict in the order in which they were recorded, by field and index."""
    events = [recorded.event for recorded in bench.ledger.events()]
    return [(frames.index(event.frame), event.index) for event in events if isinstance(event, Counted)]


def answer(lease, frames):
    name = FIELDS[frames.index(lease.frame)][lease.index]
    return judged(lease, name or "lymphocyte", "confirmed" if name else "rejected")


def begin(bench, workers):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 4)
    staff = [bench.peer("worker", f"w{number}", 2) for number in range(workers)]
    frames = bench.offer(source, b"0", b"1", b"2", b"3")
    for lease, _ in bench.hear(finder, FrameLease, least=4):
        finder.send(*cells(lease, whole=len(FIELDS[frames.index(lease.frame)])))
    bench.turn_until(lambda: bench.journal.fold.cells_found == 8)
    return source, finder, staff, frames


@pytest.mark.parametrize(("workers", "seed"), list(itertools.product((1, 2, 5), (2, 3, 5))))
def test_the_count_ends_at_the_same_cell_whatever_the_order_of_the_verdicts(target_bench, workers, seed):
    bench, chance = target_bench, random.Random(seed)
    _, _, staff, frames = begin(bench, workers)
    out = []
    while bench.hub.state != "done":
        for worker in staff:
            out += [(worker, lease) for lease, _ in bench.hear(worker, CropLease)]
        if not out:
            continue  # on a busy machine it comes later
        worker, lease = out.pop(chance.randrange(len(out)))
        worker.send(answer(lease, frames))
        bench.turn(2)
    fold = bench.journal.fold
    assert (fold.cells, fold.verdicts["rejected"], fold.target_reached) == (TARGET, 1, True)
    assert counted(bench, frames) == UP_TO_TARGET
    assert (fold.frames, fold.complete, fold.balanced) == (
        {"seen": 4, "counted": 2, "rejected": 0, "pending": 2},
        False,
        True,
    )
    for worker, lease in out:  # what is in flight then comes too late
        worker.send(answer(lease, frames))
    bench.turn()
    assert counted(bench, frames) == UP_TO_TARGET
    assert list(verify(bench.ledger)) == []


def test_a_verdict_that_came_before_its_turn_is_given_again_after_a_kill(target_bench):
    bench = target_bench
    _, _, (_, second), frames = begin(bench, 2)
    for lease, _ in bench.hear(second, CropLease, least=1):
        second.send(answer(lease, frames))
    bench.turn()
    assert counted(bench, frames) == []  # the first worker has those whose turn it is
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f", 4), bench.peer("worker", "w", 8)
    while bench.hub.state != "done":
        for lease, _ in bench.hear(finder, FrameLease):
            finder.send(*cells(lease, whole=len(FIELDS[frames.index(lease.frame)])))
        for lease, _ in reversed(bench.hear(worker, CropLease)):
            worker.send(answer(lease, frames))
    assert counted(bench, frames) == UP_TO_TARGET


def test_nothing_is_looked_at_where_the_target_is_reached_already_and_a_higher_one_goes_on(target_bench):
    bench = target_bench
    source, _, (worker,), frames = begin(bench, 1)
    while bench.hub.state != "done":
        for lease, _ in bench.hear(worker, CropLease):
            worker.send(answer(lease, frames))
    bench.crash()
    bench.open()
    finder = bench.peer("finder", "f", 4)
    worker = bench.peer("worker", "w", 8)
    source.send(OfferFrame(9, "late.jpg", 5, "folder"), [b"late"])
    bench.turn()
    assert bench.hub.state == "done"
    assert (bench.hear(finder, FrameLease), bench.frames["seen"]) == ([], 4)
    bench.leave(source, finder, worker)
    bench.crash()
    bench.plan = bench.plan.model_copy(update={"settings": bench.plan.settings.model_copy(update={"target": 6})})
    bench.open()
    finder, worker = bench.peer("finder", "f", 4), bench.peer("worker", "w", 8)
    while bench.hub.state != "done":
        for lease, _ in bench.hear(finder, FrameLease):
            assert frames.index(lease.frame) in (2, 3)
            finder.send(*cells(lease, whole=len(FIELDS[frames.index(lease.frame)])))
        for lease, _ in reversed(bench.hear(worker, CropLease)):
            worker.send(answer(lease, frames))
    assert counted(bench, frames) == [*UP_TO_TARGET, (2, 2), (3, 0)]
    assert list(verify(bench.ledger)) == []


def test_the_turn_is_that_of_finding_and_not_of_seeing(target_bench):
    bench = target_bench
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 2)
    bench.peer("worker", "w", 1)
    first, second = bench.offer(source, b"0", b"1")
    leases = {lease.frame: lease for lease, _ in bench.hear(finder, FrameLease, least=2)}
    for frame in (second, first):
        finder.send(*cells(leases[frame], whole=2))
    bench.turn_until(lambda: bench.journal.fold.cells_found == 4)
    order = CountingOrder()
    found = [recorded.event for recorded in bench.ledger.events() if isinstance(recorded.event, Found)]
    for event in found:
        order.apply(event)
    assert order.first == bench.journal.order.first == (second, 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_better_view_has_its_turn_too_and_may_take_a_cell_out_again(target_bench, seed):
    """The second view of the first cell makes it none: so one more is needed, whatever is judged when."""
    bench, chance = target_bench, random.Random(seed)
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 4)
    staff = [bench.peer("worker", f"w{number}", 2) for number in range(3)]
    frames = bench.offer(source, b"0", b"1", b"2", b"3")
    leases = [lease for lease, _ in bench.hear(finder, FrameLease, least=4)]
    finder.send(*cells(leases[0], whole=2))
    finder.send(*seen_better(leases[1], ((frames[0], 0), (frames[0], 0)), new=1))
    finder.send(*cells(leases[2], whole=2))
    finder.send(*cells(leases[3], whole=2))
    bench.turn_until(lambda: bench.journal.fold.cells_found == 8)
    out = []
    while bench.hub.state != "done":
        for worker in staff:
            out += [(worker, lease) for lease, _ in bench.hear(worker, CropLease)]
        if not out:
            continue  # on a busy machine it comes later
        worker, lease = out.pop(chance.randrange(len(out)))
        again = (lease.frame, lease.index) == (frames[1], 0)
        worker.send(judged(lease, "band", "rejected" if again else "confirmed"))
        bench.turn(2)
    fold = bench.journal.fold
    assert counted(bench, frames) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert (fold.cells, fold.verdicts["rejected"], fold.judged_again, fold.balanced) == (TARGET, 1, 1, True)
    assert list(verify(bench.ledger)) == []
