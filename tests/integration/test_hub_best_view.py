"""A leukocyte that a later field shows better is judged again, after its first view and in its place, whatever dies."""

from dataclasses import replace

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.daemon.record.events import Counted, Replaced
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, LeaseFailed, Refused
from smearwatch.daemon.wire.parts import PlaceOnWire
from tests.integration.hub_bench import CROP, Bench, cells, judged

pytestmark = pytest.mark.integration


def seen_better(lease: FrameLease, *views, new=0):
    """A finder's answer: its first cells are better views, each of a (counted, beaten) pair; then new ones."""
    message, buffers = cells(lease, whole=len(views) + new)
    known = [
        replace(cell, same_as=counted, better_than=beaten)
        for cell, (counted, beaten) in zip(message.cells, views, strict=False)
    ]
    place = PlaceOnWire("placed", 0, 30.0, -4.5, 2.0, 0.99, (views[0][0][0],))
    return replace(message, cells=(*known, *message.cells[len(views) :]), placement=place), buffers


def verdicts(bench):
    """The verdicts in the ledger: frame, index, class, and what each was given instead of."""
    told = [recorded.event for recorded in bench.ledger.events() if isinstance(recorded.event, Counted)]
    return [(event.frame, event.index, event.cls, event.instead_of) for event in told]


def expect_sound(bench):
    """Nothing is wrong in the file, and a fold over it from the beginning comes to what the hub says."""
    assert list(verify(bench.ledger)) == []
    fold = TallyFold()
    for recorded in bench.ledger.events():
        fold.apply(recorded.event)
        assert fold.balanced
    assert fold.snapshot() == bench.journal.fold.snapshot()


def test_the_better_views_verdict_stands_instead(staffed):
    bench, source, finder, worker = staffed
    first, second = bench.offer(source, b"blurred", b"sharp")
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(one))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, "monocyte", "flagged"))
    finder.send(*seen_better(two, ((first, 0), (first, 0))))
    ((better, pixels),) = bench.hear(worker, CropLease)
    assert (better.frame, better.index, bytes(pixels[0])) == (second, 0, CROP)
    fold = bench.journal.fold
    assert (fold.cells, fold.cells_found, fold.cells_pending, fold.seen_again, fold.balanced) == (1, 2, 1, 0, True)
    assert bench.frames["pending"] == 1
    worker.send(judged(better, "lymphocyte"))
    bench.turn()
    assert (fold.cells, fold.counts["monocyte"], fold.counts["lymphocyte"], fold.verdicts["flagged"]) == (1, 0, 1, 0)
    assert (fold.seen_again, fold.judged_again, fold.complete) == (1, 1, True)
    assert verdicts(bench) == [
        (first, 0, "monocyte", None),
        (second, 0, "lymphocyte", Replaced(first, 0, "monocyte", "flagged")),
    ]
    expect_sound(bench)


def test_it_waits_for_the_verdict_that_it_replaces(staffed):
    """Three views before any verdict: they are judged in the order of getting better."""
    bench, source, finder, worker = staffed
    a, b, c = bench.offer(source, b"a", b"b", b"c")
    leases = bench.hear(finder, FrameLease)
    finder.send(*cells(leases[0][0]))
    finder.send(*seen_better(leases[1][0], ((a, 0), (a, 0)), new=1))
    ((third, _),) = bench.hear(finder, FrameLease)
    finder.send(*seen_better(third, ((a, 0), (b, 0))))
    crops = {(crop.frame, crop.index): crop for crop, _ in bench.hear(worker, CropLease)}
    assert set(crops) == {(a, 0), (b, 1)}
    worker.send(judged(crops[b, 1]))
    assert bench.hear(worker, CropLease) == []
    worker.send(judged(crops[a, 0], "band"))
    ((crop, _),) = bench.hear(worker, CropLease)
    assert (crop.frame, crop.index) == (b, 0)
    worker.send(LeaseFailed(crop.lease, "out of memory"))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, "segmented", "rejected"))
    ((crop, _),) = bench.hear(worker, CropLease)
    assert (crop.frame, crop.index) == (c, 0)
    worker.send(judged(crop, "basophil"))
    bench.turn()
    fold = bench.journal.fold
    assert {name: count for name, count in fold.counts.items() if count} == {"lymphocyte": 1, "basophil": 1}
    assert (fold.verdicts["rejected"], fold.seen_again, fold.judged_again) == (0, 2, 2)
    assert fold.complete
    expect_sound(bench)


def test_a_killed_hub_carries_on_to_the_same_end(staffed):
    """Killed before either view is judged, and again between the two; the frames come back in whichever order."""
    bench, source, finder, worker = staffed
    sharp, blurred = bench.offer(source, b"sharp", b"blurred")
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(two))  # answered first, though seen later
    bench.turn()
    finder.send(*seen_better(one, ((blurred, 0), (blurred, 0)), new=1))
    assert len(bench.hear(worker, CropLease)) == 2
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f", 1), bench.peer("worker", "w", 4)
    ((again, _),) = bench.hear(finder, FrameLease)
    assert again.frame == sharp
    finder.send(*seen_better(again, ((blurred, 0), (blurred, 0)), new=1))
    ((crop, _),) = bench.hear(worker, CropLease)
    assert (crop.frame, crop.index) == (sharp, 1)
    worker.send(judged(crop, "eosinophil"))
    ((again, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(again))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, "monocyte"))
    assert [crop.frame for crop, _ in bench.hear(worker, CropLease)] == [sharp]
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f", 1), bench.peer("worker", "w", 4)
    ((again, _),) = bench.hear(finder, FrameLease)
    assert (again.frame, again.known_cells) == (sharp, (1,))
    finder.send(*seen_better(again, ((blurred, 0), (blurred, 0)), new=1))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, "lymphocyte"))
    bench.turn()
    fold = bench.journal.fold
    assert {name: count for name, count in fold.counts.items() if count} == {"eosinophil": 1, "lymphocyte": 1}
    assert (fold.judged_again, fold.complete) == (1, True)
    expect_sound(bench)


def test_crops_that_wait_for_another_leave_room_for_it(tmp_path):
    """After a kill the better views may come in first, and as many as fit: those that they are better than still do."""
    bench = Bench(tmp_path)
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 2)
    bench.peer("worker", "w", 1)
    sharp, blurred = bench.offer(source, b"sharp", b"blurred")
    (later, _), (sooner, _) = bench.hear(finder, FrameLease, least=2)
    views = [((blurred, index), (blurred, index)) for index in range(2)]
    finder.send(*cells(sooner, whole=2))
    bench.turn()
    finder.send(*seen_better(later, *views))
    bench.turn_until(lambda: bench.journal.fold.cells_found == 4)
    bench.crash()
    smallest = bench.plan.settings.model_copy(update={"crop_backlog": 1})
    bench.plan = bench.plan.model_copy(update={"settings": smallest})
    bench.open()
    finder, worker = bench.peer("finder", "f", 1), bench.peer("worker", "w", 1)
    ((again, _),) = bench.hear(finder, FrameLease)
    assert again.frame == sharp
    finder.send(*seen_better(again, *views))
    ((again, _),) = bench.hear(finder, FrameLease)
    assert again.frame == blurred
    finder.send(*cells(again, whole=2))
    judgements = 0
    while crops := bench.hear(worker, CropLease):
        for crop, _ in crops:
            worker.send(judged(crop))
            judgements += 1
    assert judgements == 4
    assert (bench.journal.fold.cells, bench.journal.fold.judged_again, bench.journal.fold.complete) == (2, 2, True)
    expect_sound(bench)
    bench.close()


@pytest.mark.parametrize(
    ("beaten", "cropped", "why"),
    [
        (("0" * 64, 0), (0,), "not the best one"),
        ("other", (0,), "not the best one"),
        ("first", (), "crops of other cells"),
    ],
)
def test_a_better_view_that_cannot_be_is_refused(staffed, beaten, cropped, why):
    bench, source, finder, worker = staffed
    first, _ = bench.offer(source, b"one", b"two")
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(one, whole=2))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop))
    view = {"first": (first, 0), "other": (first, 1)}.get(beaten, beaten) if isinstance(beaten, str) else beaten
    message, buffers = seen_better(two, ((first, 0), view))
    finder.send(replace(message, cropped=cropped), buffers[1 - len(cropped) :])
    ((refused, _),) = bench.hear(finder, Refused)
    assert refused.code == "impossible_answer"
    assert why in refused.detail
    assert bench.frames["pending"] == 1
    expect_sound(bench)


def test_the_export_tells_the_verdict_that_stands_once(staffed):
    bench, source, finder, worker = staffed
    first, second = bench.offer(source, b"blurred", b"sharp")
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(one, whole=2))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop, "monocyte"))
    finder.send(*seen_better(two, ((first, 1), (first, 1))))
    ((crop, _),) = bench.hear(worker, CropLease)

    def told():
        keys = ("state", "class", "best_frame", "best_index", "views", "judged_again")
        return {(row["frame"], row["index"]): tuple(row[key] for key in keys) for row in cell_rows(bench.ledger)}

    assert told() == {
        (first, 0): ("counted", "monocyte", first, 0, 1, 0),
        (first, 1): ("counted", "monocyte", first, 1, 2, 0),
        (second, 0): ("pending", None, first, 1, 2, 0),
    }
    worker.send(judged(crop, "lymphocyte"))
    bench.turn()
    assert told() == {
        (first, 0): ("counted", "monocyte", first, 0, 1, 0),
        (first, 1): ("counted", "lymphocyte", second, 0, 2, 1),
        (second, 0): ("seen_again", None, second, 0, 2, 1),
    }
    assert bench.ledger.summary().cells_counted == 2
