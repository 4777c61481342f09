"""The ledger takes nothing for a while, folders go away: all waits, and nothing is lost."""

import shutil
import sqlite3
from contextlib import contextmanager

import pytest

from smearwatch.daemon.hub.disk_watch import FolderWatch
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import Agreed, ControlRun, CropLease, FrameLease, Pulse, Refused, SourceState
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration
LONG_S = 500.0  # longer than any lease, and than a peer may be silent


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@contextmanager
def locked(bench):
    """Hold the ledger as another program could."""
    bench.ledger._connection.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(bench.ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def trouble(bench, listener):
    """What is said of it in the last pulse."""
    bench.now += 2.0
    bench.turn()
    said = None
    while (heard := listener.receive(0.5)) is not None:
        said = heard.trouble if isinstance(heard, Pulse) else said
    return said


def test_answers_wait_for_a_ledger_that_another_program_holds(bench):
    listener = bench.listener()
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 1), bench.peer("worker", "w", 1)
    bench.offer(source, b"one", b"two")
    ((lease, _),) = bench.hear(finder, FrameLease, least=1)
    with locked(bench):
        finder.send(*cells(lease, whole=1))
        bench.turn()
        assert "all waits: database is locked" in trouble(bench, listener)
        bench.now += LONG_S
        bench.turn()
        finder.send(ControlRun(7, "state"))
        ((agreed, _),) = bench.hear(finder, Agreed, least=1)
        assert (agreed.request, agreed.text) == (7, "counting")
        assert "all waits: database is locked" in agreed.trouble
        assert bench.hear(worker) == []
    bench.now += 2.0
    ((crop, _),) = bench.hear(worker, CropLease, least=1)
    with locked(bench):
        worker.send(judged(crop))
        bench.turn()
        bench.now += LONG_S
        bench.turn()
    bench.now += 2.0
    bench.turn()
    assert bench.journal.fold.cells == 1
    counters = bench.journal.counters
    assert counters["late_answers"] == counters["leases_released"] == bench.hub._crops.leases.expired == 0
    assert trouble(bench, listener) in ("", bench.hub._disk.trouble())
    assert list(verify(bench.ledger)) == []


def test_frames_that_cannot_be_kept_say_why(bench):
    listener = bench.listener()
    source = bench.peer("source", "s")
    with locked(bench):
        assert bench.offer(source, b"one") == []
        assert [message.code for message, _ in bench.hear(source, Refused)] == ["not_kept"]
        bench.now += 6.0
        assert "wait where they are: database is locked" in trouble(bench, listener)
    assert len(bench.offer(source, b"one")) == 1


def test_a_session_whose_folder_is_away_loses_no_frame_and_is_not_made_anew(bench, tmp_path):
    listener = bench.listener()
    source = bench.peer("source", "s")
    (frame,) = bench.offer(source, b"one")
    (tmp_path / "s").rename(tmp_path / "elsewhere")
    finder = bench.peer("finder", "f", 1)
    bench.peer("worker", "w", 1)
    assert bench.hear(finder, FrameLease) == []
    assert bench.offer(source, b"two") == []
    bench.now += 6.0
    assert "folder is away" in trouble(bench, listener)
    assert not (tmp_path / "s").exists()
    (bench.ledger.folder / "frames").mkdir(parents=True)  # another one comes to its place
    assert bench.hear(finder, FrameLease) == []
    assert bench.offer(source, b"two") == []
    shutil.rmtree(tmp_path / "s")
    assert bench.frames["rejected"] == 0
    (tmp_path / "elsewhere").rename(tmp_path / "s")
    ((lease, _),) = bench.hear(finder, FrameLease, least=1)
    assert lease.frame == frame
    assert len(bench.offer(source, b"two")) == 1
    assert list(verify(bench.ledger)) == []


def test_a_watched_folder_that_is_away_is_told_after_a_moment(tmp_path):
    now = [0.0]
    watch = FolderWatch(tmp_path, clock=lambda: now[0])
    there, away = SourceState(0, True, False, {}), SourceState(0, False, False, {})
    assert watch.trouble([away]) == "", "it was not looked at yet"
    assert watch.trouble([there]) == ""
    now[0] = 2.0
    assert watch.trouble([away]) == "", "a source that was started again has not looked yet"
    now[0] = 5.0
    assert watch.trouble([away]) == f"the watched folder is away: bring back {tmp_path}"
    assert watch.trouble([there]) == ""
