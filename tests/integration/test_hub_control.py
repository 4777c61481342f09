"""A client of this computer stops, pauses and resumes a run: in good order, and what is wrong in one line."""

import msgpack
import pytest

from smearwatch.daemon.hub.control import STOP_S
from smearwatch.daemon.record.events import Closed, LeftFile
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.control import FileLeft
from smearwatch.daemon.wire.messages import (
    WIRE_VERSION,
    Agreed,
    ControlRun,
    CropLease,
    FrameLease,
    OfferFrame,
    PauseReading,
    Pulse,
    Refused,
    SourceState,
)
from tests.integration.hub_bench import cells, judged

pytestmark = pytest.mark.integration


def ask(bench, action, session=None):
    client = bench.peer("client", "c")
    client.send(ControlRun(7, action, session))
    ((answer, _),) = bench.hear(client, (Agreed, Refused), least=1)
    return answer


def idle(bench, source, seconds):
    """Let time go by while the source says that it waits for nothing."""
    for _ in range(int(seconds)):
        bench.now += 1.0
        source.send(SourceState(0, True, False, {}))
        bench.turn(2)


def test_paused_nothing_new_is_read_what_was_read_is_counted_and_the_run_does_not_end(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one")
    listener = bench.listener()
    answer = ask(bench, "pause")
    assert (type(answer), answer.text.startswith("paused: no new pictures")) == (Agreed, True)
    assert [message.paused for message, _ in bench.hear(source, PauseReading, least=1)] == [True]
    ((lease, _),) = bench.hear(finder, FrameLease, least=1)
    finder.send(*cells(lease))
    for crop, _ in bench.hear(worker, CropLease, least=1):
        worker.send(judged(crop))
    bench.turn_until(lambda: bench.frames["counted"] == 1)
    idle(bench, source, 10)
    assert bench.hub.state == "running"
    pulses = []
    while (message := listener.receive(0.5)) is not None:
        pulses += [message] if isinstance(message, Pulse) else []
    assert (pulses[-1].paused, pulses[-1].idle_s) == (True, None)
    assert ask(bench, "state").text == "paused"
    assert ask(bench, "pause").text.startswith("paused already")
    late = bench.peer("source", "s")  # a source that was started anew learns of it
    assert bench.hear(late, PauseReading, least=1)[0][0] == PauseReading(True)
    assert ask(bench, "resume").text == "pictures are read again"
    assert bench.hear(late, PauseReading, least=1)[-1][0] == PauseReading(False)
    idle(bench, late, 10)
    assert bench.hub.state == "done"
    assert bench.journal.counters["paused_by_client"] == 1


def test_stopped_in_good_order_with_what_is_in_hand(staffed):
    bench, source, finder, worker = staffed
    bench.offer(source, b"one", b"two", b"three")
    leases = [lease for lease, _ in bench.hear(finder, FrameLease, least=2)]
    finder.send(*cells(leases[0], whole=3))
    ((first, _), (second, _)) = bench.hear(worker, CropLease, least=2)
    assert ask(bench, "stop").text == "session t is being stopped; 3 frames wait in it"
    assert (bench.hub.stopped, bench.hub.state) == (False, "draining")
    source.send(OfferFrame(9, "late.jpg", 5, "folder"), [b"late"])
    ((refused, _),) = bench.hear(source, Refused, least=1)
    assert (refused.code, bench.frames["seen"]) == ("draining", 3)
    worker.send(judged(first))
    assert bench.hear(worker, CropLease) == []
    worker.send(judged(second))
    for lease in (leases[1], bench.hear(finder, FrameLease, least=1)[0][0]):
        assert not bench.hub.stopped
        finder.send(*cells(lease))
        bench.turn()
    bench.turn_until(lambda: bench.hub.stopped)
    assert ask(bench, "stop").text == "session t is being stopped already"
    bench.hub.close(stopping=True)
    fold = bench.journal.fold
    assert (fold.cells, fold.frames["pending"], fold.balanced, bench.hub.state) == (2, 3, True, "stopping")
    assert list(verify(bench.ledger)) == []


def test_a_stop_waits_for_nobody_for_ever(staffed):
    bench, source, finder, _ = staffed
    bench.offer(source, b"one")
    assert len(bench.hear(finder, FrameLease, least=1)) == 1
    ask(bench, "stop")
    assert not bench.hub.stopped
    bench.now += STOP_S
    assert bench.hub.stopped


def test_another_session_and_what_is_no_order_are_refused_in_one_line(bench):
    answer = ask(bench, "stop", "yesterday")
    assert (type(answer), answer.detail) == (Refused, "the session t is being counted, not yesterday")
    client = bench.peer("client", "odd")
    for action in ("delete", 7, None):
        body = {"request": 1, "action": action, "session": None}
        client.socket.send(msgpack.packb({"v": WIRE_VERSION, "k": "control_run", "b": body, "n": []}))
        ((refused, _),) = bench.hear(client, Refused, least=1)
        assert "\n" not in refused.detail
    assert (bench.hub.state, bench.hub.stopped) == ("running", False)


def test_a_stopped_run_records_the_files_that_its_source_still_waited_for(staffed):
    """A frame that came since the source's last word is not among them."""
    bench, source, _, _ = staffed
    left = (FileLeft("cut.jpg", 5, 7, "incomplete"), FileLeft("f1.jpg", 3, 5, "waiting"))
    source.send(SourceState(2, True, False, {"not_read_heic": 1}, left=left, left_more=3))
    source.send(OfferFrame(1, "f1.jpg", 5, "folder"), [b"one"])
    bench.turn_until(lambda: bench.frames["seen"] == 1)
    bench.hub.close(stopping=True)
    (closed,) = bench.ledger.of_kind(Closed)
    assert (closed.left, closed.left_more, closed.complete) == ((LeftFile("cut.jpg", 5, 7, "incomplete"),), 3, False)
    assert closed.counters["not_read_heic"] == 1
    assert bench.journal.fold.left["files_left"] == 4
    assert list(verify(bench.ledger)) == []
