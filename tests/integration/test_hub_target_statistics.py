"""Verdicts in their order, crops with the session's statistics, better views: all wait, and nothing for ever."""

import random
from functools import cache

import numpy as np
import pytest

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from tests.integration.hub_bench import Bench, cells, judged
from tests.integration.test_hub_best_view import seen_better

pytestmark = pytest.mark.integration

FIELDS, EACH, TARGET = 6, 8, 31
REJECTED, STRANGE, VIEW = 3, 5, (1, 0)  # the last: a better view of the very first cell
ORDER = [(field, index) for field in range(FIELDS) for index in range(EACH)]


def measured(field, index):
    return np.array([field, -index, 0.5 * index, 3.0], "<f2").tobytes()


def answer(lease):
    unfamiliar, by_statistics = lease.index == STRANGE, lease.statistics is not None
    refused = (REJECTED, REJECTED + 1) if by_statistics else (REJECTED,)  # judged anew, the first cells are fewer
    verdict = "rejected" if lease.index in refused else "flagged" if unfamiliar else "confirmed"
    return judged(lease, verdict=verdict, unfamiliar=unfamiliar, by_statistics=by_statistics)


def find(lease, frames, *, better):
    if better and frames.index(lease.frame) == VIEW[0]:
        return seen_better(lease, ((frames[0], 0), (frames[0], 0)), new=EACH - 1)
    return cells(lease, whole=EACH)


def run(folder, seed, *, better, stop):
    """Count six fields in a random order; return the verdicts in theirs, and what each crop was leased with."""
    bench, chance = Bench(folder, stop_at_target=stop, target=TARGET), random.Random(seed)
    try:
        source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
        staff = [bench.peer("worker", f"w{number}", 5) for number in range(3)]
        frames = bench.offer(source, *(bytes([field]) for field in range(FIELDS)))
        out, served = [], {}
        while bench.hub.state != "done" and not bench.journal.fold.complete:
            for lease, _ in bench.hear(finder, FrameLease):
                finder.send(*find(lease, frames, better=better))
            for worker in staff:
                for lease, buffers in bench.hear(worker, CropLease):
                    out.append((worker, lease))
                    with_it = lease.statistics and (lease.statistics, bytes(buffers[1]))
                    served[frames.index(lease.frame), lease.index] = with_it
            chance.shuffle(out)
            for worker, lease in [out.pop() for _ in range((len(out) + 1) // 2)]:
                worker.send(answer(lease), [measured(frames.index(lease.frame), lease.index)])
        assert list(verify(bench.ledger)) == []
        events = [each.event for each in bench.ledger.events() if isinstance(each.event, Counted)]
        said = {(frames.index(each.frame), each.index): (each.verdict, each.statistics) for each in events}
        kept = {cell for cell in said if bench.ledger.moments(frames[cell[0]], cell[1]) == measured(*cell)}
        assert kept == set(said)
        return said, served, bench.journal.fold.cells
    finally:
        bench.close()


@cache
def without_target(folder, *, better):
    return run(folder, 1, better=better, stop=False)


@pytest.mark.parametrize("better", [False, True])
@pytest.mark.parametrize("seed", [2, 3])
def test_each_cell_up_to_the_target_is_judged_by_what_it_would_be_without_one(tmp_path_factory, tmp_path, seed, better):
    whole, leased_with, _ = without_target(tmp_path_factory.getbasetemp() / f"whole-{better}", better=better)
    assert sorted(whole) == ORDER
    assert None not in {number for cell, (_, number) in whole.items() if not (better and cell == (0, 0))}, (
        "all in the end"
    )
    said, served, reached = run(tmp_path / "stops", seed, better=better, stop=True)
    n, last = 0, 0
    while n < TARGET:
        n += whole[ORDER[last]][0] != "rejected" and not (better and ORDER[last] == VIEW)
        last += 1
    assert (list(said), reached) == (ORDER[:last], TARGET)
    assert said == {cell: whole[cell] for cell in ORDER[:last]}
    assert {cell: served[cell] for cell in said} == {cell: leased_with[cell] for cell in said}


@pytest.mark.parametrize("stop", [False, True])
def test_crops_that_wait_for_lost_ones_leave_room_for_them(tmp_path, stop):
    """A field seen first and found last fills all the room after a kill, and its crops wait for those of the others."""
    bench = Bench(tmp_path, crop_backlog=EACH, stop_at_target=stop, target=100)
    try:
        source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 3)
        lost = bench.peer("worker", "w", 1)
        frames = bench.offer(source, b"late", b"0", b"1")
        leases = {lease.frame: lease for lease, _ in bench.hear(finder, FrameLease, least=3)}
        for frame in frames[1:]:
            finder.send(*cells(leases[frame], whole=EACH))
        bench.turn_until(lambda: bench.journal.fold.cells_found == 2 * EACH)
        bench.crash()
        bench.leave(source, finder, lost)
        bench.open()
        finder, worker = bench.peer("finder", "f2", 1), bench.peer("worker", "w2", 4)
        for _ in range(40):
            if bench.journal.fold.complete:
                break
            for lease, _ in bench.hear(finder, FrameLease):
                finder.send(*cells(lease, whole=EACH))
            for lease, _ in bench.hear(worker, CropLease):
                worker.send(judged(lease), [measured(0, lease.index)])
        assert (bench.journal.fold.complete, bench.journal.fold.cells) == (True, 3 * EACH)
    finally:
        bench.close()
