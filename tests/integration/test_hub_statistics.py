"""The session's statistics go out with each crop once they are known, and stand in the verdict they served."""

from typing import Any

import numpy as np
import pytest

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, Refused
from tests.integration.hub_bench import WEIGHTS, cells, judged

pytestmark = pytest.mark.integration

MEASURED = np.array([1.0, -2.0, 0.5, 3.0], "<f2").tobytes()


def finds(bench, source, finder, *data, whole=8):
    frames = bench.offer(source, *data)
    for _ in data:
        for lease, _ in bench.hear(finder, FrameLease):
            finder.send(*cells(lease, whole=whole))
            bench.turn()
    return frames


def leased(bench, worker):
    return {(lease.frame, lease.index): (lease, buffers) for lease, buffers in bench.hear(worker, CropLease)}


def answer(bench, worker, leases, moments=MEASURED, **changes):
    for lease, _ in leases.values():
        worker.send(judged(lease, **changes), [] if moments is None else [moments])
        bench.turn()


def events(bench):
    return {(e.event.frame, e.event.index): e.event for e in bench.ledger.events() if isinstance(e.event, Counted)}


def judge_all(bench, worker, most=40, **changes):
    """Answer all that is leased; return the first lease of each cell."""
    out: dict[tuple[str, int], Any] = {}
    for _ in range(most):
        now = leased(bench, worker)
        if not now:
            return out
        out = now | out
        answer(bench, worker, now, **changes)
    return out


@pytest.mark.parametrize("looks", ["unfamiliar", "strange"])
def test_cells_go_out_with_what_the_blocks_before_show(staffed, looks):
    bench, source, finder, worker = staffed
    finds(bench, source, finder, b"one", b"two", b"three")
    out = judge_all(bench, worker, verdict="flagged", by_statistics=True, **{looks: True})
    assert len(out) == 24
    with_them = [(lease, buffers) for lease, buffers in out.values() if lease.statistics is not None]
    assert len(with_them) == 8, "those of the third block, the first that has one before the last"
    for lease, buffers in with_them:
        assert (lease.statistics.weights, lease.statistics.cells, lease.statistics.unfamiliar) == (WEIGHTS, 8, 8)
        assert np.frombuffer(buffers[1], "<f4").tolist() == pytest.approx([1.0, -2.0, 0.5, 3.0])
    assert sorted(event.statistics or 0 for event in events(bench).values()) == [8] * 8 + [16] * 16
    assert list(verify(bench.ledger)) == []


def test_after_a_crash_the_ledger_knows_them(staffed):
    bench, source, finder, worker = staffed
    finds(bench, source, finder, b"one", b"two", b"three")
    before: dict[tuple[str, int], Any] = {}
    while len(before) < 16:
        now = leased(bench, worker)
        before |= now
        answer(bench, worker, now)
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f2", 2), bench.peer("worker", "w2", 4)
    for lease, _ in bench.hear(finder, FrameLease):
        finder.send(*cells(lease, whole=8))
        bench.turn()
    after = judge_all(bench, worker)
    assert after
    assert all(lease.statistics.cells == 8 for lease, _ in after.values())
    assert bench.journal.fold.complete


def test_a_worker_that_measures_nothing_is_served_as_before(staffed):
    bench, source, finder, worker = staffed
    finds(bench, source, finder, b"one", b"two", b"three")
    out = judge_all(bench, worker, moments=None)
    assert len(out) == 24
    assert all(lease.statistics is None and len(buffers) == 1 for lease, buffers in out.values())
    assert bench.ledger.rows("SELECT name FROM sqlite_master WHERE name = 'moments'") == []


@pytest.mark.parametrize("buffers", [[b""], [b"abc"], [b"ab" * 2**16], [MEASURED, MEASURED]])
def test_moments_that_are_none_go_back(staffed, buffers):
    bench, source, finder, worker = staffed
    finds(bench, source, finder, b"one", whole=1)
    ((lease, _),) = bench.hear(worker, CropLease)
    worker.send(judged(lease), buffers)
    ((refused, _),) = bench.hear(worker, Refused)
    assert refused.code == "impossible_answer"
    assert "moments of" in refused.detail
    assert len(bench.hear(worker, CropLease)) == 1, "it is leased again"
