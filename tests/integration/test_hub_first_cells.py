"""The first cells of a strange session are judged anew by what all of them show: all or none, whatever dies."""

from dataclasses import replace

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.recent import RecentCells
from smearwatch.daemon.record.band_rule import BandRuleFold
from smearwatch.daemon.record.events import Counted, Labelled, Replaced, event_from_bytes
from smearwatch.daemon.record.session_statistics import FIRST
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.wire.messages import CropLease, FrameLease, LeaseFailed
from tests.integration.hub_bench import cells, judged
from tests.integration.test_hub_best_view import expect_sound, seen_better
from tests.integration.test_hub_statistics import MEASURED, finds

pytestmark = pytest.mark.integration

HALF = FIRST // 2


def leased(bench, worker):
    return [lease for lease, _ in bench.hear(worker, CropLease)]


def send(bench, worker, lease, cls="monocyte", verdict="flagged", **changes):
    """Answer as networks to which the session is strange: by its statistics where they came."""
    told = {"unfamiliar": True, "by_statistics": lease.statistics is not None, **changes}
    worker.send(judged(lease, cls, verdict, **told), [MEASURED])
    bench.turn()


def count_first(bench, source, finder, worker, **changes):
    """Count the first cells, two frames of them; return what is leased then, and the frames."""
    frames = finds(bench, source, finder, b"one", b"two", whole=HALF)
    for _ in range(FIRST):
        if not (now := leased(bench, worker)) or now[0].statistics is not None:
            return now, frames
        for lease in now:
            send(bench, worker, lease, **changes)
    return leased(bench, worker), frames


def judge_anew(bench, worker, now):
    asked = []
    while now:
        asked += now
        for lease in now:
            send(bench, worker, lease, "lymphocyte", "rejected" if lease.index == 3 else "confirmed")
        now = leased(bench, worker)
    return asked


def verdicts(bench):
    events = [recorded.event for recorded in bench.ledger.events() if isinstance(recorded.event, Counted)]
    first = {(event.frame, event.index): event for event in events if not event.anew}
    return first, [event for event in events if event.anew]


def test_once_all_are_counted_one_is_asked_then_the_others_and_all_change_together(staffed):
    bench, source, finder, worker = staffed
    now, frames = count_first(bench, source, finder, worker)
    fold = bench.journal.fold
    assert (fold.cells, fold.counts["monocyte"], fold.verdicts["flagged"], fold.complete) == (FIRST, FIRST, FIRST, True)
    assert [lease.statistics.cells for lease in now] == [FIRST], "one shows whether the session is strange"
    bench.journal.commit(
        Labelled(frames[0], 3, "monocyte", "A", 1, 5, Replaced(frames[0], 3, "monocyte", "flagged", True))
    )
    said = verdicts(bench)[0][frames[0], 0]
    for wrong in (replace(Replaced.of(said), cls="band"), replace(Replaced.of(said), verdict="confirmed")):
        with pytest.raises(LedgerRefused, match="not the one that stands"):
            bench.ledger.append([replace(said, instead_of=wrong, statistics=FIRST, anew=True)])
    send(bench, worker, now[0], "lymphocyte", "confirmed")
    assert fold.counts["lymphocyte"] == 0, "nothing changes before all are judged"
    asked = judge_anew(bench, worker, leased(bench, worker))
    assert len(asked) == FIRST - 1
    first, anew = verdicts(bench)
    assert [(event.frame, event.index) for event in anew] == [(f, index) for f in frames for index in range(HALF)]
    assert all(event.instead_of == Replaced.of(first[event.frame, event.index]) for event in anew)
    assert {(event.statistics, event.moments) for event in anew} == {(FIRST, None)}
    assert (fold.cells, fold.counts["monocyte"], fold.verdicts["rejected"]) == (FIRST - 2, 0, 2)
    assert (fold.judged_again, fold.seen_again, fold.unfamiliar) == (0, 0, FIRST - 2)
    assert fold.result.cells == FIRST - 1, "a person's label stands"
    expect_sound(bench)
    rows = [row for row in cell_rows(bench.ledger) if row["index"] != 3]
    assert {(row["class"], row["verdict"], row["judged_again"]) for row in rows} == {("lymphocyte", "confirmed", 0)}
    assert bench.ledger.standing(frames[0], 0) == anew[0] == bench.ledger.verdict(frames[0], 0)
    assert bench.ledger.labels(frames[0])[3].machine.cls == "monocyte"
    recents = RecentCells(8, pictures=False)
    for event in (*first.values(), *anew):
        recents.add(event)
    shown = recents.newest_first()
    assert [(cell.frame, cell.index) for cell in shown] == [(frames[1], index) for index in reversed(range(HALF))]
    assert {cell.cls for cell in shown} == {"lymphocyte"}
    shown_to_all = (event_from_bytes(notice.body) for notice in bench.journal.latest(256))
    told = {event.cls for event in shown_to_all if isinstance(event, Counted)}
    assert (len(bench.journal.latest(256)), told) == (FIRST, {"lymphocyte"}), "to a client that joins now"
    finds(bench, source, finder, b"three", whole=1)
    assert [lease.index for lease in leased(bench, worker)] == [0], "and it goes on"


def test_where_nothing_is_strange_no_event_is_written(staffed):
    bench, source, finder, worker = staffed
    now, frames = count_first(bench, source, finder, worker)
    send(bench, worker, now[0], by_statistics=False)
    assert (leased(bench, worker), verdicts(bench)[1]) == ([], [])
    assert not bench.hub._crops.anew.is_open
    bench.crash()
    bench.open()
    finder, worker = bench.peer("finder", "f2", 2), bench.peer("worker", "w2", 4)
    ((again, _),) = bench.hear(finder, FrameLease)
    assert (again.frame, again.known_cells) == (frames[0], tuple(range(1, HALF))), "one crop is cut again, to ask"
    finder.send(*cells(again, whole=HALF))
    (lease,) = leased(bench, worker)
    send(bench, worker, lease, by_statistics=False)
    assert (leased(bench, worker), verdicts(bench)[1]) == ([], [])


def test_where_no_cell_looks_strange_nobody_is_asked(staffed):
    bench, source, finder, worker = staffed
    now, _ = count_first(bench, source, finder, worker, unfamiliar=False)
    assert (now, bench.journal.fold.cells) == ([], FIRST)


def test_killed_meanwhile_all_are_judged_anew_by_what_is_cut_again(staffed):
    bench, source, finder, worker = staffed
    now, frames = count_first(bench, source, finder, worker)
    send(bench, worker, now[0], "lymphocyte", "confirmed")
    for lease in leased(bench, worker)[:2]:
        send(bench, worker, lease, "lymphocyte", "confirmed")
    assert verdicts(bench)[1] == []
    bench.crash()
    bench.open()
    finder, (failing, worker) = bench.peer("finder", "f2", 1), [bench.peer("worker", f"w{n}", 3) for n in range(2)]
    asked, failed = [], 0
    for _ in range(3 * FIRST):
        for lease, _ in bench.hear(finder, FrameLease):
            finder.send(*cells(lease, whole=HALF))
        for peer in (failing, worker):
            for lease in leased(bench, peer):
                asked.append(lease)
                if peer is failing and failed < 2:
                    failed += 1
                    peer.send(LeaseFailed(lease.lease, "no"))
                    bench.turn()
                else:
                    send(bench, peer, lease, "lymphocyte", "confirmed")
        if verdicts(bench)[1]:
            break
    assert {lease.statistics.cells for lease in asked} == {FIRST}
    assert {(event.frame, event.index) for event in verdicts(bench)[1]} == {(f, n) for f in frames for n in range(HALF)}
    expect_sound(bench)
    bench.crash()
    bench.open()
    bench.peer("finder", "f3", 1)
    assert leased(bench, bench.peer("worker", "w9", 3)) == [], "once is enough"


def test_a_frame_that_is_lost_leaves_them_as_they_are(staffed):
    bench, source, finder, worker = staffed
    _, frames = count_first(bench, source, finder, worker)
    bench.crash()
    for frame in frames:
        bench.ledger.frames.path(frame).unlink()
    bench.open()
    finder, worker = bench.peer("finder", "f2", 2), bench.peer("worker", "w2", 4)
    assert bench.hear(finder, FrameLease) == []
    assert not bench.hub._crops.anew.is_open
    assert verdicts(bench)[1] == []


def test_better_views_are_judged_before_or_after_and_never_meanwhile(staffed):
    bench, source, finder, worker = staffed
    one, two, three = bench.offer(source, b"one", b"two", b"three")
    leases = {lease.frame: lease for lease, _ in bench.hear(finder, FrameLease)}
    finder.send(*cells(leases[one], whole=HALF))
    finder.send(*seen_better(leases[two], ((one, 0), (one, 0)), new=HALF - 1))
    (last,) = [lease for lease, _ in bench.hear(finder, FrameLease)]
    finder.send(*seen_better(last, ((one, 0), (two, 0)), ((one, 1), (one, 1))))
    seen = []
    for _ in range(4 * FIRST):
        for lease in leased(bench, worker):
            seen.append((lease.frame, lease.index, lease.statistics is not None))
            send(bench, worker, lease, "lymphocyte", "confirmed" if lease.statistics else "flagged")
    first, anew = verdicts(bench)
    assert (one, 0) not in {(event.frame, event.index) for event in anew}, "its better view's verdict stood by then"
    assert len(anew) == FIRST - 1
    assert {first[three, index].instead_of.verdict for index in (0, 1)} == {"confirmed"}, "instead of those given anew"
    assert {cell[:2] for cell in seen[-2:]} == {(three, 0), (three, 1)}
    assert (bench.journal.fold.complete, bench.journal.fold.judged_again) == (True, 3)
    expect_sound(bench)
    assert list(verify(bench.ledger)) == []
    bands = BandRuleFold(bench.ledger.nucleus)
    for recorded in bench.ledger.events():
        bands.apply(recorded.event)
    assert bands.json()["neutrophils"] == 0
