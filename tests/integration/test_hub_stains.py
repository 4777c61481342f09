"""The session's stain goes out with each crop, the same whenever it is leased, and stands in the verdict it served."""

from dataclasses import replace

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.daemon.record.events import Counted, SessionStain
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from smearwatch.daemon.wire.parts import StainOnWire
from tests.integration.hub_bench import cells, judged

pytestmark = pytest.mark.integration

RED = (0.2, 0.3, 0.2)


def stained(lease, *values, red=RED):
    """A finder's answer with a cell for each value of its nucleus's density."""
    message, buffers = cells(lease, whole=len(values))
    with_stains = tuple(
        replace(cell, stain=StainOnWire((value, 2 * value, value), red, red_cell_um=10 * value))
        for cell, value in zip(message.cells, values, strict=True)
    )
    return replace(message, cells=with_stains), buffers


def nuclei(leases):
    return {
        (lease.frame, lease.index): None if lease.stain is None else lease.stain.nucleus_bgr[0] for lease, _ in leases
    }


def verdicts(bench):
    return {(e.event.frame, e.event.index): e.event for e in bench.ledger.events() if isinstance(e.event, Counted)}


def test_each_crop_goes_out_with_the_stain_at_it_and_the_verdict_says_so(staffed):
    bench, source, finder, worker = staffed
    one, two = bench.offer(source, b"one", b"two")
    (first, _), (second, _) = bench.hear(finder, FrameLease)
    finder.send(*stained(first, 0.1, 0.3))
    finder.send(*stained(second, 0.9))
    leases = bench.hear(worker, CropLease)
    assert nuclei(leases) == {(one, 0): 0.1, (one, 1): 0.2}
    for lease, _ in leases:
        worker.send(judged(lease, restained=lease.index == 1))
    ((last, _),) = bench.hear(worker, CropLease)
    assert nuclei([(last, [])]) == {(two, 0): 0.3}
    worker.send(judged(last, restained=True))
    bench.turn()
    stains = {key: event.stain for key, event in verdicts(bench).items()}
    assert stains == {
        (one, 0): None,
        (one, 1): SessionStain((0.2, 0.4, 0.2), RED, 2.0),
        (two, 0): SessionStain((0.3, 0.6, 0.3), RED, 3.0),
    }
    assert len(bench.journal.stains) == 0
    assert list(verify(bench.ledger)) == []
    rows = {(row["frame"], row["index"]): row for row in cell_rows(bench.ledger)}
    assert rows[one, 0]["stain_nucleus_blue"] is None
    assert (rows[one, 1]["stain_nucleus_green"], rows[one, 1]["stain_red_cells_green"]) == (0.4, 0.3)
    assert (rows[one, 0]["red_cell_um"], rows[one, 1]["red_cell_um"]) == (None, 2.0)


def test_after_a_crash_and_whoever_judges_a_cell_has_the_stain_that_it_had(staffed):
    bench, source, finder, worker = staffed
    one, two = bench.offer(source, b"one", b"two")
    (first, _), (second, _) = bench.hear(finder, FrameLease)
    finder.send(*stained(first, 0.1, 0.3, 0.5))
    finder.send(*stained(second, 0.9))
    leases = bench.hear(worker, CropLease)
    worker.send(judged(leases[0][0], restained=True))
    later = bench.hear(worker, CropLease)
    before = nuclei([*leases, *later])
    assert len(before) == 3
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f2", 2), bench.peer("worker", "w2", 4)
    for lease, _ in bench.hear(finder, FrameLease):
        # Another version may measure otherwise: what the ledger holds stands.
        finder.send(*stained(lease, *([7.0] * 3 if lease.frame == one else [7.0])))
        bench.turn()
    after = nuclei(bench.hear(worker, CropLease))
    assert after == {(one, 1): 0.2, (one, 2): 0.3, (two, 0): 0.4}
    assert {key: value for key, value in before.items() if key in after}.items() <= after.items()
    assert list(verify(bench.ledger)) == []


def test_without_red_cells_anywhere_there_is_no_stain(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one")
    ((first, _),) = bench.hear(finder, FrameLease)
    finder.send(*stained(first, 0.1, red=None))
    ((lease, _),) = bench.hear(worker, CropLease)
    assert lease.stain is None


def test_a_finder_that_measures_no_stain_is_served_as_before(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one")
    ((first, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(first))
    ((lease, _),) = bench.hear(worker, CropLease)
    assert lease.stain is None
    worker.send(judged(lease))
    bench.turn()
    assert [event.stain for event in verdicts(bench).values()] == [None]
    assert bench.ledger.rows("PRAGMA user_version") == [(14,)], "its small picture has a digest"
