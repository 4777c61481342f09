"""The next specimen at the hub: agreed once the line is written, nothing taken beyond it, done when all is counted."""

import hashlib

import pytest

from smearwatch.daemon.hub.hub import Hub
from smearwatch.daemon.hub.next_specimen import ANSWER_S
from smearwatch.daemon.record.earlier import Earlier, followed_in
from smearwatch.daemon.record.events import Seen, WaitingFile
from smearwatch.daemon.record.page_names import page_name
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.control import FileOnWire
from smearwatch.daemon.wire.messages import (
    Agreed,
    BeginNext,
    ControlRun,
    CropLease,
    DrawLine,
    FrameLease,
    FrameTaken,
    HoldLine,
    LineDrawn,
    OfferFrame,
    PauseReading,
    Refused,
    SourceState,
)
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration


def begin(bench, client, request=7, said=None, **changes):
    client.send(BeginNext(request, "A", {"specimen": "H2"} if said is None else said, **changes))
    return [answer for answer, _ in bench.hear(client, (Agreed, Refused))]


def drawn(bench, source, *names, request=7, begins=None):
    assert bench.hear(source, DrawLine, least=1)[0][0] == DrawLine(request)
    source.send(LineDrawn(request, tuple(FileOnWire(name, 3, 5, begins) for name in names)))
    bench.turn()


def count_all(bench, finder, worker):
    for lease, _ in bench.hear(finder, FrameLease, least=1):
        finder.send(*cells(lease))
    for crop, _ in bench.hear(worker, CropLease, least=1):
        worker.send(judged(crop))


def test_agreed_when_the_line_is_written_and_done_when_all_before_it_is_counted(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one")
    client = bench.peer("client", "c")
    client.send(ControlRun(1, "pause"))
    assert begin(bench, client, next_session="next", target=50)[0].text.startswith("paused")
    assert bench.hear(client) == []  # nothing is agreed to before it is written
    drawn(bench, source, "late.jpg")
    ((answer, _),) = bench.hear(client, (Agreed, Refused), least=1)
    assert answer.text.startswith("specimen H2 comes next, as session next: 2 pictures are finished first")
    followed = followed_in(bench.ledger)
    assert followed is not None
    assert followed.waiting == (WaitingFile("late.jpg", 3, 5),)
    assert (dict(followed.said), followed.next_session, followed.target) == ({"specimen": "H2"}, "next", 50)
    assert bench.hear(source, PauseReading)[-1][0] == PauseReading(False)  # what came before the line is read
    source.send(OfferFrame(8, "after.jpg", 5, "folder"), [b"two"])
    assert bench.hear(source, Refused, least=1)[0][0].code == "next_specimen"
    count_all(bench, finder, worker)
    bench.turn_until(lambda: bench.frames["counted"] == 1)
    source.send(SourceState(1, True, False, {}))
    bench.now += 6
    bench.turn()
    assert (bench.hub.state, bench.hub.next_begins) == ("running", False)  # late.jpg is still on its way
    client.send(ControlRun(2, "state"))
    assert bench.hear(client, Agreed)[0][0].text == "finishing this specimen, then session next"
    assert "ends already" in begin(bench, client)[0].detail
    source.send(OfferFrame(9, "late.jpg", 5, "folder"), [b"late"])
    assert len(bench.hear(source, FrameTaken, least=1)) == 1
    source.send(SourceState(0, True, False, {}))
    bench.now += 6
    bench.turn()
    assert bench.hub.state == "running"  # and is to be counted
    count_all(bench, finder, worker)
    bench.turn_until(lambda: bench.frames["counted"] == 2)
    bench.now += 2
    bench.turn_until(lambda: bench.hub.state == "done")
    assert bench.hub.next_begins
    assert list(verify(bench.ledger)) == []


def test_a_hub_that_comes_back_holds_the_line(staffed):
    bench, source, *_ = staffed
    assert bench.hear(source, HoldLine) in ([], [(HoldLine(None), [])])
    bench.offer(source, b"one")
    client = bench.peer("client", "c")
    begin(bench, client)
    drawn(bench, source, "late.jpg", begins="ab" * 32)
    bench.crash()
    bench._heard.clear()
    bench.open()
    again = bench.peer("source", "s")
    assert again in bench._heard
    assert bench.hear(again, HoldLine)[0][0].files == (FileOnWire("late.jpg", 3, 5, "ab" * 32),)
    again.send(OfferFrame(8, "after.jpg", 5, "folder"), [b"two"])
    got = bench.hear(again, Refused, least=1)
    assert got[0][0].code == "next_specimen"
    assert [seen.event.name for seen in bench.ledger.seen_frames() if isinstance(seen.event, Seen)] == ["0.jpg"]


def test_a_file_that_grew_until_it_was_taken_is_held_as_it_was_taken(staffed):
    bench, source, *_ = staffed
    bench.offer(source, b"one")
    begin(bench, bench.peer("client", "c"))
    drawn(bench, source, "late.jpg", "never.jpg")
    source.send(OfferFrame(8, "late.jpg", 77, "folder"), [b"all of it"])
    bench.hear(source)
    bench.crash()
    bench._heard.clear()
    bench.open()
    ((held, _), *_) = bench.hear(bench.peer("source", "s"), HoldLine, least=1)
    at = {file.name: (file.size_bytes, file.captured_at_ns) for file in held.files}
    assert at["late.jpg"] == (len(b"all of it"), 77)
    assert set(at) == {"late.jpg", "never.jpg"}
    assert at["never.jpg"] != at["late.jpg"]


def test_what_cannot_be_is_refused_and_nothing_is_changed(staffed):
    bench, source, *_ = staffed
    client = bench.peer("client", "c")
    assert "has no picture yet; correct what it is of" in begin(bench, client)[0].detail
    bench.offer(source, b"one")
    for changes, says in (
        ({"session": "yesterday"}, "the session t is being counted, not yesterday"),
        ({"said": {"note": "n"}}, "name the number of the specimen"),
        ({"said": {"specimen": "a/b"}}, "cannot be a number of one"),
        ({"said": {"colour": "red"}}, "nothing can be said of a session under 'colour'"),
        ({"next_session": "t"}, "there is a session t already"),
        ({"next_session": "../t"}, "cannot be the name of a session"),
    ):
        assert says in begin(bench, client, **changes)[0].detail
    assert begin(bench, client) == []
    assert "somebody asks for the next specimen just now" in begin(bench, client, request=8)[0].detail
    bench.hear(source, DrawLine, least=1)
    source.send(LineDrawn(7, why="the watched folder is away"))
    assert bench.hear(client, Refused, least=1)[0][0].detail == "no next specimen: the watched folder is away"
    assert begin(bench, client, request=9) == []
    bench.now += ANSWER_S + 1
    bench.turn()
    assert "has not answered" in bench.hear(client, Refused, least=1)[0][0].detail
    assert bench.hear(source, HoldLine, least=1)[-1][0] == HoldLine(None)
    source.send(LineDrawn(9))  # too late: the client was told that nothing was begun
    assert bench.hear(source, HoldLine, least=1)[-1][0] == HoldLine(None)
    assert followed_in(bench.ledger) is None


def test_at_the_target_what_came_before_the_line_is_read_all_the_same(tmp_path):
    bench = Bench(tmp_path, stop_at_target=True, target=1)
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, b"one")
    client = bench.peer("client", "c")
    begin(bench, client)
    drawn(bench, source, "late.jpg")
    count_all(bench, finder, worker)
    bench.turn_until(lambda: bench.journal.fold.target_reached)
    for _ in range(5):
        bench.hub.turn(0.01)
    assert not bench.hub.next_begins
    source.send(OfferFrame(9, "late.jpg", 5, "folder"), [b"late"])
    source.send(SourceState(0, True, False, {}))
    bench.turn_until(lambda: bench.hub.state == "done")
    assert (bench.frames["seen"], bench.frames["pending"], bench.hub.next_begins) == (2, 1, True)
    bench.close()


def test_pictures_of_the_specimen_before_are_passed_over_whatever_they_are_called_now(staffed):
    bench, source, *_ = staffed
    earlier = Earlier(["before"], {hashlib.sha256(b"old").hexdigest()})
    bench.hub = Hub(bench.plan, bench.journal, bench.sockets, earlier=earlier, clock=lambda: bench.now)
    source = bench.peer("source", "s")
    assert len(bench.offer(source, b"old", b"new")) == 2
    assert (bench.frames["seen"], bench.journal.counters["frames_of_earlier_specimens"]) == (1, 1)


def test_pages_of_a_file_that_waited_are_taken_and_those_of_a_later_one_are_not(staffed):
    bench, source, *_ = staffed
    bench.offer(source, b"one")
    begin(bench, bench.peer("client", "c"))
    drawn(bench, source, "stack.tif")
    source.send(OfferFrame(8, page_name("stack.tif", 2), 5, "folder"), [b"two"])
    assert len(bench.hear(source, FrameTaken, least=1)) == 1
    source.send(OfferFrame(9, page_name("later.tif", 2), 5, "folder"), [b"three"])
    assert bench.hear(source, Refused, least=1)[0][0].code == "next_specimen"
