import os
import subprocess
import sys

import pytest

from smearwatch.daemon.names import NameUnusable
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import LockUnusable, SessionBusy, SessionLock, holder
from smearwatch.daemon.record.sessions import (
    SessionMissing,
    check_name,
    delete_session,
    describe_session,
    find_session,
    session_folder,
    session_names,
)


@pytest.mark.parametrize("name", ["a", "monday-3", "2026-11-23T19-03-55", "A.b_c-d", "_x", "x" * 64])
def test_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-flag", "a/b", "../a", "a b", "a\n", "ä", "x" * 65, "a\0", "C:\\a"]
)
def test_names_that_are_none(tmp_path, name):
    for ask in (check_name, lambda n: session_folder(tmp_path, n), lambda n: delete_session(tmp_path, n)):
        with pytest.raises(NameUnusable, match="cannot be the name of a session") as caught:
            ask(name)
        assert caught.value.hint


@pytest.fixture
def state(tmp_path):
    for name in ("monday", "tuesday"):
        with Ledger.open(session_folder(tmp_path, name)) as ledger:
            ledger.frames.put(b"frame of " + name.encode())
    (tmp_path / "sessions" / "not-a-session").mkdir()
    (tmp_path / "sessions" / ".hidden").mkdir()
    return tmp_path


def test_listing(state, tmp_path_factory):
    assert session_names(state) == ["monday", "tuesday"]
    assert session_names(tmp_path_factory.mktemp("empty")) == []


def test_a_missing_session_names_those_near_it(state):
    with pytest.raises(SessionMissing, match="no session 'mondy'") as caught:
        find_session(state, "mondy")
    assert caught.value.hint == "did you mean monday?"
    with pytest.raises(SessionMissing) as caught:
        find_session(state, "zzz")
    assert "sessions list" in caught.value.hint


def test_describing(state):
    described = describe_session(state, "monday")
    assert (described.running, described.pid) == (False, None)
    files = [file for file in described.path.rglob("*") if file.is_file()]
    assert described.size_bytes == sum(file.stat().st_size for file in files) > 15


def test_deleting_leaves_the_others(state):
    assert delete_session(state, "monday") > 0
    assert session_names(state) == ["tuesday"]
    assert sorted(path.name for path in (state / "sessions").iterdir()) == [".hidden", "not-a-session", "tuesday"]
    with pytest.raises(SessionMissing):
        delete_session(state, "monday")


def test_a_session_that_is_written_is_not_deleted(state):
    with Ledger.open(session_folder(state, "monday")), pytest.raises(SessionBusy, match="being written"):
        delete_session(state, "monday")
    assert session_names(state) == ["monday", "tuesday"]
    delete_session(state, "monday")


def test_a_half_deleted_session_is_out_of_sight_and_goes_with_the_next(state):
    doomed = state / "sessions" / ".deleted-monday"
    doomed.mkdir()
    (doomed / "left.jpg").write_bytes(b"x")
    assert session_names(state) == ["monday", "tuesday"]
    delete_session(state, "monday")
    assert not doomed.exists()


def test_the_lock_names_its_holder_and_goes_with_its_process(tmp_path):
    """A real second process holds the session; killed, it holds nothing."""
    script = (
        "import sys; from pathlib import Path; from smearwatch.daemon.record.lock import SessionLock\n"
        "lock = SessionLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(SessionBusy, match=f"process {child.pid}") as caught:
            SessionLock(tmp_path)
        assert caught.value.pid == child.pid
        busy = holder(tmp_path)
        assert busy is not None
        assert busy.pid == child.pid
        child.kill()
    assert holder(tmp_path) is None
    lock = SessionLock(tmp_path)
    lock.release()
    lock.release()


@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to("elsewhere"), os.mkdir])
def test_what_is_no_file_in_the_place_of_a_lock_keeps_nobody_waiting(tmp_path, put):
    put(tmp_path / "lock")
    assert holder(tmp_path) is None
    with pytest.raises(LockUnusable, match="is no file"):
        SessionLock(tmp_path)
    assert holder(tmp_path) is None
    assert holder(tmp_path / "nowhere") is None
