"""A person's labels on the session that is being counted: the hub writes them, and everybody hears of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from smearwatch.clients.label_sending import LabelsNotTaken, send_labels
from smearwatch.clients.recent import RecentCells
from smearwatch.clients.session_state import Known
from smearwatch.daemon.record.events import Counted, Labelled, Replaced
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import (
    CropLease,
    FrameLease,
    LabelCells,
    LabelsTaken,
    Refused,
    Snapshot,
    WantSnapshot,
)
from smearwatch.daemon.wire.parts import LabelOnWire
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration


@pytest.fixture
def frame(bench: Bench) -> str:
    """A frame with two cells that are counted as lymphocytes, and one that is cut by its edge."""
    source = bench.peer("source", "s")
    finder, worker = bench.peer("finder", "f", 1), bench.peer("worker", "w", 2)
    bench.offer(source, b"one")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=2, edge=1))
    for crop, _ in bench.hear(worker, CropLease):
        worker.send(judged(crop))
    bench.turn_until(lambda: bench.journal.fold.cells == 2)
    return str(lease.frame)


def ask(bench: Bench, *labels: tuple[str, int, str], session: str = "t", by: str = "A. Reader"):
    client = bench.peer("client", "c")
    client.send(LabelCells(7, session, by, tuple(LabelOnWire(*label) for label in labels)))
    ((answer, _),) = bench.hear(client, (LabelsTaken, Refused))
    return answer


def test_labels_are_written_counted_and_published(bench: Bench, frame: str):
    client = bench.peer("client", "late")
    client.send(WantSnapshot(1))
    ((before, _),) = bench.hear(client, Snapshot)
    listener = bench.listener()
    assert ask(bench, (frame, 0, "monocyte"), (frame, 1, "lymphocyte")) == LabelsTaken(7, 2, 0)
    assert ask(bench, (frame, 0, "monocyte"), (frame, 0, "smudge")) == LabelsTaken(7, 1, 1)
    reviewed = bench.journal.fold.reviewed
    assert reviewed is not None
    assert (reviewed.cells, reviewed.counts["lymphocyte"], reviewed.set_aside) == (1, 1, {"smudge": 1})
    with LedgerReader.read(bench.folder) as ledger:
        (last,) = [each for index, each in ledger.labels(frame).items() if index == 0]
        stood = ledger.standing(frame, 0)
        assert isinstance(stood, Counted)
        assert (last.label, last.by, last.ordinal, last.machine) == ("smudge", "A. Reader", 2, Replaced.of(stood))
        assert list(verify(ledger)) == []
    # Who heard of them, and who joins now, know the same.
    known = Known(RecentCells(4, pictures=False), bench.journal.counters)
    known.restore(before)
    while (notice := listener.receive(0.5)) is not None:
        if notice.kind == "event":
            known.advance(notice)
    client.send(WantSnapshot(2))
    ((after, _),) = bench.hear(client, Snapshot)
    assert known.fold is not None
    assert known.fold.snapshot() == json.loads(after.tally)
    assert known.fold.reviewed == reviewed


def test_a_label_of_the_random_review_keeps_its_mark(bench: Bench, frame: str):
    client = bench.peer("client", "c")
    named = (LabelOnWire(frame, 0, "monocyte", drawn=True), LabelOnWire(frame, 1, "band"))
    client.send(LabelCells(7, "t", "A. Reader", named))
    bench.hear(client, LabelsTaken)
    assert {index: each.drawn for index, each in bench.ledger.labels(frame).items()} == {0: True, 1: None}


@pytest.mark.parametrize(
    ("label", "session", "code"),
    [
        (("{frame}", 0, "monocyte"), "yesterday", "other_session"),
        (("{frame}", 0, "metamyelocyte"), "t", "bad_label"),
        (("{frame}", 2, "monocyte"), "t", "not_labelled"),
        (("{frame}", 9, "monocyte"), "t", "not_labelled"),
        (("ee" * 32, 0, "monocyte"), "t", "not_labelled"),
    ],
    ids=["another session", "no label", "cut by the edge", "no such cell", "no such frame"],
)
def test_all_are_written_or_none(bench: Bench, frame: str, label: tuple[str, int, str], session: str, code: str):
    wrong = (label[0].format(frame=frame), label[1], label[2])
    answer = ask(bench, (frame, 1, "band"), wrong, session=session)
    assert isinstance(answer, Refused)
    assert answer.code == code
    assert "\n" not in answer.detail
    assert bench.ledger.labels(frame) == {}
    assert bench.journal.fold.reviewed is None
    assert isinstance(ask(bench, (frame, 1, "band")), LabelsTaken)


def test_a_second_reading_is_kept_apart_and_a_decision_is_always_written(bench: Bench, frame: str):
    client = bench.peer("client", "c")

    def say(by: str, *, second: bool = False, decides: bool = False):
        client.send(LabelCells(7, "t", by, (LabelOnWire(frame, 0, "monocyte", decides),), second))
        ((answer, _),) = bench.hear(client, (LabelsTaken, Refused))
        return answer

    assert say("B", second=True) == LabelsTaken(7, 1, 0)
    assert bench.ledger.labels(frame) == {}
    assert bench.journal.fold.reviewed is None
    assert say("A") == LabelsTaken(7, 1, 0)
    assert say("A") == LabelsTaken(7, 0, 1)
    assert say("A", decides=True) == LabelsTaken(7, 1, 0)
    assert bench.ledger.labels(frame)[0].ordinal == 2
    assert bench.ledger.last_labels(frame, "second")[0].by == "B"
    with LedgerReader.read(bench.folder) as ledger:
        assert list(verify(ledger)) == []


def test_many_labels_go_in_parts_and_a_refusal_is_one_line(bench: Bench, frame: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("smearwatch.clients.label_sending._AT_ONCE", 1)
    right = [Labelled(frame, index, "basophil", "B", 1, 5) for index in (0, 1)]
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send_labels, bench.plan.settings.runtime_dir, "t", right, by="B")
        bench.turn_until(sent.done)
        assert sent.result() == 2
        refused = pool.submit(send_labels, bench.plan.settings.runtime_dir, "u", right, by="B")
        bench.turn_until(refused.done)
    with pytest.raises(LabelsNotTaken, match="the session t is being counted, not u; 0 labels were written"):
        refused.result()
    assert {each.by for each in bench.ledger.labels(frame).values()} == {"B"}
