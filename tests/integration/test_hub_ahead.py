"""A finder without work gets a frame while its bytes go to the disk, and nothing hangs on that."""

import errno

import pytest

from smearwatch.daemon.wire.messages import FrameLease, FrameTaken, OfferFrame, Ready, Refused
from tests.integration.hub_bench import Bench, cells

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def staff(bench):
    """A source, a finder with credit for two frames, and a worker."""
    return bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)


def offer(source, name):
    source.send(OfferFrame(1, f"{name}.jpg", 5, "folder", 0.1, "configured"), [name.encode()])


def leases(bench, finder):
    return [lease for lease, _ in bench.hear(finder, FrameLease)]


def test_the_finder_has_it_while_it_is_written(bench, staff, monkeypatch):
    source, finder, _ = staff
    put, had = bench.ledger.frames.put, []

    def slowly(data, digest=None):
        got = finder.receive(5.0)
        had.append((got[0].name, bytes(got[1][0])))
        return put(data, digest)

    monkeypatch.setattr(bench.ledger.frames, "put", slowly)
    offer(source, "a")
    bench.hear(source, FrameTaken, least=1)
    assert had == [("a.jpg", b"a")]
    assert leases(bench, finder) == []  # and not once more
    assert bench.hub._frames.leases.out == 1


def test_frames_are_leased_in_the_order_in_which_they_are_seen(bench, staff):
    source, finder, _ = staff
    for name in "abcd":
        offer(source, name)
    bench.hear(source, FrameTaken, least=4)
    got: list[str] = []
    while len(got) < 4:
        new = leases(bench, finder)
        got += [lease.name for lease in new]
        for lease in new:
            finder.send(*cells(lease))
            assert bench.ledger.seen(lease.frame) is not None
    assert got == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [seen.event.name for seen in bench.ledger.seen_frames()] == got


def test_what_waits_comes_before_what_is_offered(bench, tmp_path):
    source, worker = bench.peer("source", "s"), bench.peer("worker", "w", 2)
    offer(source, "a")
    bench.hear(source, FrameTaken, least=1)
    finder = bench.peer("finder", "f")
    finder.send(Ready(1))
    offer(source, "b")
    bench.hear(source, FrameTaken, least=1)
    (lease,) = leases(bench, finder)
    assert lease.name == "a.jpg"
    assert worker


def test_what_could_not_be_kept_leaves_no_trace(bench, staff, monkeypatch):
    source, finder, _ = staff
    put = bench.ledger.frames.put

    def full(data, digest=None):
        with bench.ledger.frames._reported(bench.ledger.frames.folder):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bench.ledger.frames, "put", full)
    offer(source, "a")
    (refused, _), *_ = bench.hear(source, Refused, least=1)
    assert refused.code == "not_kept"
    (lost,) = leases(bench, finder)
    finder.send(*cells(lost))
    bench.turn()
    assert bench.ledger.found(lost.frame) is None
    assert bench.journal.counters["late_answers"] == 1
    assert bench.journal.counters["impossible_answers"] == 0
    assert bench.hub._frames.leases.out == bench.hub._frames.leases.queued == 0
    offer(source, "b")
    bench.hear(source, Refused, least=1)
    assert leases(bench, finder) == []  # while the disk takes nothing, nothing is searched in vain
    monkeypatch.setattr(bench.ledger.frames, "put", put)
    offer(source, "a")
    bench.hear(source, FrameTaken, least=1)
    (again,) = leases(bench, finder)
    assert (again.frame, again.lease > lost.lease) == (lost.frame, True)
    assert again.turn > lost.turn  # what the finder made of it before is to be forgotten
    assert bench.hub._frames.leases.attempts[again.frame] == 1
    finder.send(*cells(again))
    bench.turn()
    assert bench.ledger.found(again.frame) is not None


def test_a_frame_that_was_changed_while_it_waited_is_not_searched(bench):
    source, worker = bench.peer("source", "s"), bench.peer("worker", "w", 2)
    offer(source, "a")
    ((taken, _),) = bench.hear(source, FrameTaken, least=1)
    path = bench.ledger.frames.path(taken.frame)
    path.chmod(0o600)
    path.write_bytes(b"b")
    finder = bench.peer("finder", "f", 2)
    finder.send(Ready(1))
    bench.turn()
    assert leases(bench, finder) == []
    assert bench.journal.fold.rejected_by_reason == {"frame_bytes_lost": 1}
    assert worker


def test_what_is_no_event_all_the_same_is_not_searched(bench, staff):
    source, finder, _ = staff
    source.send(OfferFrame(1, "a.jpg", 5, "folder", 0.1, None), [b"a"])  # a scale from nowhere
    (refused, _), *_ = bench.hear(source, Refused, least=1)
    assert refused.code == "bad_body"
    for lease in leases(bench, finder):
        finder.send(*cells(lease))
    bench.turn()
    assert bench.hub._frames.leases.out == 0
    assert bench.journal.counters["impossible_answers"] == 0


def test_a_frame_that_is_known_is_not_searched_again(bench, staff):
    source, finder, _ = staff
    offer(source, "a")
    bench.hear(source, FrameTaken, least=1)
    (lease,) = leases(bench, finder)
    finder.send(*cells(lease))
    offer(source, "a")
    ((taken, _),) = bench.hear(source, FrameTaken, least=1)
    assert taken.known
    assert leases(bench, finder) == []


def test_it_is_searched_once_more_by_a_hub_that_comes_after_a_crash(bench, staff, monkeypatch):
    source, finder, _ = staff

    def killed(data, digest=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.ledger.frames, "put", killed)
    offer(source, "a")
    with pytest.raises(KeyboardInterrupt):
        bench.turn(20)
    bench.crash()
    bench.open()
    assert bench.ledger.pending_frames() == []
    source, finder = bench.peer("source", "s2"), bench.peer("finder", "f2", 2)
    bench.peer("worker", "w2", 2)
    offer(source, "a")
    bench.hear(source, FrameTaken, least=1)
    assert [lease.name for lease in leases(bench, finder)] == ["a.jpg"]
