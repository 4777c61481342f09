"""A person says what a session is of while it is counted: written, published, refused in one line."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from smearwatch.clients.asking import NotAgreed, ask
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import Agreed, DescribeSession, EventNotice, Refused

pytestmark = pytest.mark.integration


def say(bench, changes, session="t"):
    client = bench.peer("client", "c")
    client.send(DescribeSession(7, session, "A. Reader", changes))
    ((answer, _),) = bench.hear(client, (Agreed, Refused), least=1)
    return answer


def test_it_is_written_published_and_corrected(bench):
    listener = bench.listener()
    assert say(bench, {"specimen": "H1", "operator": "A"}) == Agreed(7, "described")
    assert say(bench, {"specimen": "H1"}) == Agreed(7, "it says so already")
    assert say(bench, {"specimen": "H2", "operator": None}) == Agreed(7, "described")
    assert (bench.journal.fold.said["specimen"], bench.journal.fold.said["operator"]) == ("H2", None)
    assert [each.said["specimen"] for each in bench.ledger.descriptions()] == ["H1", "H2"]
    heard = []
    while (message := listener.receive(0.5)) is not None:
        heard += [message.event] if isinstance(message, EventNotice) else []
    assert heard == ["described", "described"]
    assert list(verify(bench.ledger)) == []


@pytest.mark.parametrize(
    ("changes", "session", "code"),
    [
        ({"specimen": "a/b"}, "t", "bad_body"),
        ({"patient": "N. N."}, "t", "bad_body"),
        ({"title": "two\nlines"}, "t", "bad_body"),
        ({"specimen": "H1"}, "u", "other_session"),
    ],
)
def test_what_cannot_be_said_is_refused_in_one_line(bench, changes, session, code):
    answer = say(bench, changes, session)
    assert (type(answer), answer.code) == (Refused, code)
    assert "\n" not in answer.detail
    assert bench.ledger.description() is None


def test_a_client_asks_and_hears_the_answer_or_that_nobody_is_there(bench, tmp_path):
    runtime_dir = bench.plan.settings.runtime_dir
    with ThreadPoolExecutor(1) as pool:
        agreed = pool.submit(ask, runtime_dir, DescribeSession(3, "t", "A", {"note": "n"}), 3)
        bench.turn_until(agreed.done)
        assert agreed.result() == "described"
        refused = pool.submit(ask, runtime_dir, DescribeSession(4, "u", "A", {"note": "n"}), 4)
        bench.turn_until(refused.done)
    with pytest.raises(NotAgreed, match="the session t is being counted, not u"):
        refused.result()
    with pytest.raises(NotAgreed, match="no count answers: the one that runs is busy"):
        ask(runtime_dir, DescribeSession(5, "t", "A", {"note": "n"}), 5, answer_s=0.2)  # it is there, and does not turn
    began_s = time.monotonic()
    with pytest.raises(NotAgreed, match="no count answers: none is running here"):
        ask(tmp_path / "nobody", DescribeSession(6, "t", "A", {"note": "n"}), 6, answer_s=20.0)
    assert time.monotonic() - began_s < 2.0
    bench.crash()  # its address stays on the disk
    with pytest.raises(NotAgreed, match="none is running here"):
        ask(runtime_dir, DescribeSession(7, "t", "A", {"note": "n"}), 7, answer_s=20.0)
