"""The hub on real sockets: every frame accounted for, every cell once, every odd message answered."""

import json
from dataclasses import replace

import msgpack
import pytest

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import (
    WIRE_VERSION,
    CropLease,
    EventNotice,
    Events,
    FrameLease,
    FrameTaken,
    Hello,
    LeaseFailed,
    OfferFrame,
    Pulse,
    Ready,
    Refused,
    RefuseFrame,
    Snapshot,
    SourceState,
    TakeStalled,
    Thumbnails,
    WantEvents,
    WantSnapshot,
    WantThumbnails,
)
from smearwatch.daemon.wire.parts import PlaceOnWire
from tests.integration.hub_bench import CROP, Bench, cells, judged, rejected

pytestmark = pytest.mark.integration


def test_a_frames_whole_life(staffed):
    bench, source, finder, worker = staffed
    (frame,) = bench.offer(source, b"picture")
    assert bench.frames == {"seen": 1, "counted": 0, "rejected": 0, "pending": 1}
    assert bench.ledger.frames.read(frame) == b"picture"
    ((lease, data),) = bench.hear(finder, FrameLease)
    assert (lease.frame, bytes(data[0])) == (frame, b"picture")
    finder.send(*cells(lease, whole=2, edge=1))
    crops = bench.hear(worker, CropLease)
    assert [(c.index, bytes(pixels[0]) == CROP) for c, pixels in crops] == [(0, True), (1, True)]
    assert bench.frames["pending"] == 1
    for crop, _ in crops:
        worker.send(judged(crop))
    bench.turn()
    assert bench.frames == {"seen": 1, "counted": 1, "rejected": 0, "pending": 0}
    assert (bench.journal.fold.cells, bench.journal.fold.at_edge) == (2, 1)
    assert list(verify(bench.ledger)) == []


def test_a_cell_seen_before_is_neither_leased_nor_counted(staffed):
    bench, source, finder, worker = staffed
    first, second = bench.offer(source, b"one", b"two")
    (one, _), (two, _) = bench.hear(finder, FrameLease)
    finder.send(*cells(one))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop))
    message, buffers = cells(two, whole=2)
    place = PlaceOnWire("placed", 0, 30.0, -4.5, 2.0, 0.99, (first,))
    known, fresh = message.cells
    message = replace(message, cells=(replace(known, same_as=(first, 0)), fresh), cropped=(1,), placement=place)
    finder.send(message, buffers[1:])
    ((crop, _),) = bench.hear(worker, CropLease)
    assert (crop.frame, crop.index) == (second, 1)
    worker.send(judged(crop))
    bench.turn()
    fold = bench.journal.fold
    assert (fold.cells, fold.cells_found, fold.seen_again, fold.complete) == (2, 3, 1, True)
    found = bench.ledger.found(second)
    assert (found.cells[0].same_as.frame, found.placement.tied_to) == (first, (first,))
    assert list(verify(bench.ledger)) == []


def test_a_cell_said_to_be_one_that_was_never_counted_is_refused(staffed):
    bench, source, finder, _ = staffed
    bench.offer(source, b"one")
    ((lease, _),) = bench.hear(finder, FrameLease)
    message, buffers = cells(lease)
    finder.send(replace(message, cells=(replace(message.cells[0], same_as=("0" * 64, 0)),), cropped=()), buffers[1:])
    ((refused, _),) = bench.hear(finder, Refused)
    assert refused.code == "impossible_answer"
    assert "never counted" in refused.detail
    assert bench.frames["pending"] == 1


def test_the_same_bytes_are_the_same_frame(staffed):
    bench, source, _, _ = staffed
    first, again = bench.offer(source, b"picture", b"picture")
    assert first == again
    assert bench.frames["seen"] == 1
    assert bench.journal.counters["frames_offered_again"] == 1


def test_without_workers_frames_wait_on_disk(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 2)
    bench.offer(source, b"a", b"b")
    assert bench.hear(finder, FrameLease) == []
    bench.peer("worker", "w", 1)
    assert len(bench.hear(finder, FrameLease)) == 2


def test_credits_and_backlog_bound_what_is_out(tmp_path):
    bench = Bench(tmp_path, crop_backlog=3)
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 8), bench.peer("worker", "w", 0)
    bench.offer(source, *[bytes([n]) for n in range(6)])
    leases = bench.hear(finder, FrameLease)
    assert len(leases) == 3
    for lease, _ in leases:
        finder.send(*cells(lease))
    assert bench.hear(finder, FrameLease) == []
    worker.send(Ready(1))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop))
    assert len(bench.hear(finder, FrameLease)) == 1
    bench.close()


def test_a_dead_workers_crops_go_to_its_successor_at_once(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=2))
    stale = bench.hear(worker, CropLease)
    successor = bench.peer("worker", "w", 2)
    for index in (0, 1):  # one after the other: nobody knows at which of them the other one died
        ((crop, _),) = bench.hear(successor, CropLease)
        assert crop.index == index
        successor.send(judged(crop))
    bench.turn()
    worker.send(judged(stale[0][0], cls="basophil"))
    assert bench.hear(worker, Refused)[0][0].code == "unknown_peer"
    assert bench.journal.fold.counts["lymphocyte"] == 2
    assert bench.frames["pending"] == 0


def test_a_restarted_hub_carries_on_and_known_cells_are_skipped(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture", b"other")
    (first, _), _ = bench.hear(finder, FrameLease)
    finder.send(*cells(first, whole=2))
    crop = bench.hear(worker, CropLease)[0][0]
    worker.send(judged(crop))
    bench.turn()
    bench.crash()
    bench.open()
    assert bench.frames == {"seen": 2, "counted": 0, "rejected": 0, "pending": 2}
    finder, worker = bench.peer("finder", "f", 2), bench.peer("worker", "w", 4)
    (again, _), (second, _) = bench.hear(finder, FrameLease)
    assert (again.frame, again.known_cells, again.um_per_px) == (first.frame, (crop.index,), 0.1)
    finder.send(*cells(again, whole=2))
    finder.send(rejected(second))
    ((left, _),) = bench.hear(worker, CropLease)
    assert left.index != crop.index
    worker.send(judged(left))
    bench.turn()
    assert bench.frames == {"seen": 2, "counted": 1, "rejected": 1, "pending": 0}
    assert bench.journal.fold.cells == 2


def test_peers_that_never_said_hello_are_told_to(bench):
    finder = bench.peer("finder", "f", 1)
    bench.crash()
    bench.open()
    finder.send(Ready(1))
    bench.turn(10)
    assert bench.hear(finder, Refused)[0][0].code == "unknown_peer"


def test_a_frame_that_ends_its_finder_is_rejected_in_the_end(bench):
    source = bench.peer("source", "s")
    bench.peer("worker", "w", 1)
    bench.offer(source, b"poison", b"good")
    leased = []
    for life in range(5):
        finder = bench.peer("finder", "f", 1)
        leased += [lease.name for lease, _ in bench.hear(finder, FrameLease)]
        assert life < 3 or leased[-1] == "1.jpg"
    assert leased == ["0.jpg", "0.jpg", "0.jpg", "1.jpg", "1.jpg"]
    assert bench.journal.fold.rejected_by_reason == {"poisoned": 1}


def test_a_failed_lease_goes_back(staffed):
    bench, source, finder, _ = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(LeaseFailed(lease.lease, "no"))
    ((again, _),) = bench.hear(finder, FrameLease)
    assert again.frame == lease.frame
    assert bench.journal.counters["leases_failed"] == 1


@pytest.mark.parametrize(
    ("whole", "changes", "drop"),
    [(1, {"cropped": ()}, 1), (1, {"cropped": (5,)}, 0), (2, {"cropped": (0, 0)}, 0), (1, {}, 1)],
    ids=["a whole cell without its crop", "a crop of no cell", "the same twice", "a buffer too few"],
)
def test_impossible_findings_are_refused_and_the_frame_stays(staffed, whole, changes, drop):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    message, buffers = cells(lease, whole=whole, **changes)
    finder.send(message, buffers[drop:])
    assert bench.hear(finder, Refused)[0][0].code == "impossible_answer"
    assert bench.hear(worker, CropLease) == []
    assert bench.frames["pending"] == 1


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"cls": "plasma cell"}, "cls: Input should be 'band', 'segmented'"),
        ({"probabilities": (0.1,) * 5}, "probabilities: 6 numbers expected, one for each class, and 5 given"),
        ({"probabilities": (0.1,) * 7}, "probabilities: 6 numbers expected, one for each class, and 7 given"),
        ({"verifiers": (0.1,) * 7}, "verifiers: 6 numbers expected, one for each class, and 7 given"),
        ({"probabilities": ()}, "probabilities: 6 numbers expected, one for each class, and 0 given"),
        ({"probabilities": (0.1,) * 5 + (1.5,)}, "probabilities.5: Input should be less than or equal to 1"),
    ],
)
def test_an_impossible_verdict_is_refused_and_the_cell_stays(staffed, changes, detail):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    before = bench.ledger.last_number
    worker.send(judged(crop, **changes))
    ((refused, _),) = bench.hear(worker, Refused)
    assert refused.code == "impossible_answer"
    assert refused.detail.startswith(detail)
    assert "\n" not in refused.detail
    assert bench.journal.counters["impossible_answers"] == 1
    assert (bench.journal.fold.cells, bench.ledger.last_number) == (0, before)
    ((again, _),) = bench.hear(worker, CropLease)
    worker.send(judged(again))
    bench.turn()
    assert bench.journal.fold.cells == 1


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([b"\xc1"], "not_msgpack"),
        ([b""], "not_msgpack"),
        ([msgpack.packb({"v": 9, "k": "ready", "b": {}, "n": []})], "wrong_version"),
        ([msgpack.packb({"v": WIRE_VERSION, "k": "nuke", "b": {}, "n": []})], "unknown_kind"),
        ([msgpack.packb({"v": WIRE_VERSION, "k": "ready", "b": {"capacity": 2}, "n": [7]}), b"123"], "truncated"),
        (
            [
                msgpack.packb({"v": WIRE_VERSION, "k": "ready", "b": {"capacity": 2}, "n": [21_000_000]}),
                bytes(21_000_000),
            ],
            "too_large",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_counted_and_answered(staffed, parts, code):
    bench, source, _, _ = staffed
    source.socket.send_multipart(parts)
    bench.turn_until(lambda: bench.journal.counters[f"wire_{code}"])
    assert bench.hear(source, Refused)[0][0].code == code
    assert bench.journal.counters[f"wire_{code}"] == 1
    assert len(bench.offer(source, b"still here")) == 1


def test_a_frame_over_the_limit_is_refused(staffed):
    bench, source, _, _ = staffed
    source.send(OfferFrame(1, "big.png", 5, "folder"), [bytes(5000)])
    assert bench.hear(source, Refused)[0][0].code == "too_large"
    assert bench.frames["seen"] == 0


def test_what_a_source_could_not_take_is_accounted_for(staffed):
    bench, source, finder, _ = staffed
    for _ in range(2):
        source.send(RefuseFrame(1, "big.png", 5, "folder", "ee" * 32, 10**9, "file_too_large", "1 GB"))
    assert [taken.known for taken, _ in bench.hear(source, FrameTaken)] == [False, True]
    assert bench.frames == {"seen": 1, "counted": 0, "rejected": 1, "pending": 0}
    assert bench.journal.fold.rejected_by_reason == {"file_too_large": 1}
    assert bench.hear(finder, FrameLease) == []


def test_clients_join_late_and_catch_up(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=2))
    crops = bench.hear(worker, CropLease)
    worker.send(judged(crops[0][0]))
    bench.turn()
    client = bench.peer("client", "c")
    client.send(WantSnapshot(1))
    snapshot = bench.hear(client, Snapshot)[0][0]
    restored = TallyFold.restore(json.loads(snapshot.tally))
    assert restored.cells == 1
    assert len(snapshot.recent) == 1
    worker.send(judged(crops[1][0]))
    bench.turn()
    client.send(WantEvents(2, snapshot.number))
    events = bench.hear(client, Events)[0][0]
    assert [event.event for event in events.events] == ["counted"]
    assert events.events[0].number == snapshot.number + 1 == events.last_event
    client.send(WantThumbnails(3, ((lease.frame, 0), ("aa" * 32, 0))))
    thumbnails, pictures = bench.hear(client, Thumbnails)[0]
    assert thumbnails.cells == ((lease.frame, 0),)
    assert bytes(pictures[0]) == b"jpeg"


def test_the_feed_numbers_every_event_and_pulses(staffed):
    bench, source, _, _ = staffed
    listener = bench.listener()
    bench.now += 2.0
    bench.turn()
    bench.offer(source, b"a", b"b")
    heard = []
    while (message := listener.receive(0.5)) is not None:
        heard.append(message)
    numbers = [message.number for message in heard if isinstance(message, EventNotice)]
    assert numbers == [2, 3]
    pulse = next(message for message in heard if isinstance(message, Pulse))
    assert (pulse.state, pulse.finders, pulse.workers) == ("running", 1, 1)


def test_idle_ends_the_run_only_when_nothing_is_waited_for(staffed):
    bench, source, finder, _ = staffed
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)

    def later(seconds, state):
        bench.now += seconds
        for peer, message in ((source, state), (finder, Ready(1))):
            peer.send(message)
        bench.turn()
        return bench.hub.state

    quiet = SourceState(0, True, False, {})
    assert later(6.0, quiet) == "running"
    finder.send(rejected(lease))
    bench.turn()
    assert later(1.1, SourceState(1, True, False, {})) == "running"
    assert later(1.1, SourceState(0, False, False, {})) == "running"
    assert later(1.1, quiet) == "done"


def test_a_run_that_ends_when_idle_waits_for_nobody_who_has_stopped_writing(staffed):
    bench, source, finder, _ = staffed

    def later(seconds, state):
        for peer, message in ((source, state), (finder, Ready(1))):
            peer.send(message)
        bench.turn()  # all is heard before the time goes on
        bench.now += seconds
        bench.turn()
        return [type(message) for message, _ in bench.hear(source, TakeStalled)]

    assert later(6.0, SourceState(2, True, False, {}, stalled=1)) == []  # one is still written
    assert later(1.1, SourceState(1, True, False, {}, stalled=1)) == [TakeStalled]
    assert bench.hub.state == "running"
    bench.offer(source, b"half of a picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    assert later(9.0, SourceState(1, True, False, {}, stalled=1)) == []  # what was taken is looked at first
    finder.send(rejected(lease))
    assert later(1.1, SourceState(0, True, False, {})) == []
    assert later(6.0, SourceState(0, True, False, {})) == []
    assert (bench.hub.state, bench.frames["rejected"]) == ("done", 1)


def test_a_second_start_of_a_source_is_one_source(bench):
    first = bench.peer("source", "s")
    first.send(SourceState(3, True, False, {}))
    bench.turn()
    second = bench.peer("source", "s")
    second.send(Hello("source", "s", 2))
    second.send(SourceState(1, True, False, {}))
    bench.turn()
    assert [state.waiting for state in bench.hub._peers.sources()] == [1]


def test_the_ledger_can_be_read_while_it_is_written(staffed):
    bench, source, _, _ = staffed
    bench.offer(source, b"picture")
    with LedgerReader.read(bench.folder) as reader:
        assert reader.summary().frames == 1
