"""A session's lock is removed or replaced while a hub counts: no second hub mixes with it, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import EXIT_UNUSABLE
from smearwatch.daemon.record.events import Counted, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy, SessionLock, holder
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import FrameTaken, OfferFrame
from tests.integration.hub_process import Staff

pytestmark = pytest.mark.integration
_PATIENCE_S = 60.0


@contextmanager
def hub(tmp_path, name):
    """Run a hub of the one session, with sockets of its own; yields its process, which may end by itself."""
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / name, um_per_px=0.1)
    plan = RunPlan(settings=settings, session="t", source="folder").model_dump(mode="json")
    ours, theirs = os.pipe()
    with (tmp_path / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "smearwatch.daemon.process.role"],
            stdin=subprocess.PIPE,
            stderr=log,
            pass_fds=(theirs,),
        )
    os.close(theirs)
    order = {"name": "hub", "target": "smearwatch.daemon.hub.role:main", "beat_fd": theirs, "plan": plan}
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        process.settings = settings  # type: ignore[attr-defined]
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)
        process.stdin.close()
        os.close(ours)


@pytest.fixture
def staff_of():
    """Return what makes a source, a finder and a worker for a hub."""
    with ExitStack() as stack:

        def staff(hub):
            staff = Staff(hub.settings)
            stack.callback(staff.close)
            return staff

        yield staff


def wait_until(condition):
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def count(staff, folder, frame):
    """Have a frame counted; a hub that goes on leases others once more."""
    staff.source.send(OfferFrame(frame, f"{frame}.jpg", 5, "test"), [frame.to_bytes(4, "big") * 5_000])
    staff.wait_for(FrameTaken)

    def is_counted():
        staff.answer_once()
        with LedgerReader.read(folder) as ledger:
            counted = [recorded.event.frame for recorded in ledger.events() if isinstance(recorded.event, Counted)]
            names = dict(ledger.rows("SELECT frame, body FROM events, frames WHERE number = seen_number"))
        return any(f'"{frame}.jpg"' in names[each] for each in counted)

    wait_until(is_counted)


def remove(folder):
    (folder / "lock").unlink()


def move_away(folder):
    (folder / "lock").rename(folder / "lock.old")


def restore(folder):
    shutil.copy(folder / "lock", folder / "copy")
    (folder / "copy").replace(folder / "lock")


def check(folder, frames):
    """See that each frame was seen and counted once, and that the chain is whole."""
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        entries = list(ledger.events())
    fold = TallyFold()
    for recorded in entries:
        fold.apply(recorded.event)
    names = [recorded.event.name for recorded in entries if isinstance(recorded.event, Seen)]
    epochs = [recorded.epoch for recorded in entries]
    assert names == [f"{frame}.jpg" for frame in frames]
    assert (fold.cells, fold.frames["counted"], fold.complete) == (len(frames), len(frames), True)
    assert epochs == sorted(epochs), "two wrote by turns"


@pytest.mark.parametrize("lose", [remove, move_away, restore])
def test_a_lock_that_is_lost_is_taken_again(tmp_path, staff_of, lose):
    folder = session_folder(tmp_path / "state", "t")
    with hub(tmp_path, "a") as first:
        staff = staff_of(first)
        count(staff, folder, 1)
        lose(folder)
        wait_until(lambda: (folder / "lock").is_file() and holder(folder) is not None)
        with hub(tmp_path, "b") as second:
            assert second.wait(_PATIENCE_S) == EXIT_UNUSABLE
        assert f"is being written by process {first.pid}" in (tmp_path / "b.log").read_text()
        count(staff, folder, 2)
        assert first.poll() is None
    assert "lock was removed or replaced, and was taken again" in (tmp_path / "a.log").read_text()
    check(folder, [1, 2])


@pytest.mark.parametrize("lose", [remove, move_away, restore])
def test_a_hub_ends_where_another_has_its_session(tmp_path, staff_of, lose):
    folder = session_folder(tmp_path / "state", "t")
    with hub(tmp_path, "a") as first:
        before = staff_of(first)
        count(before, folder, 1)
        first.send_signal(signal.SIGSTOP)  # so that it is not the first to notice
        lose(folder)
        with hub(tmp_path, "b") as second:
            after = staff_of(second)
            count(after, folder, 2)
            before.source.send(OfferFrame(9, "9.jpg", 5, "test"), [b"never acknowledged" * 100])
            first.send_signal(signal.SIGCONT)
            assert first.wait(_PATIENCE_S) == EXIT_UNUSABLE
            assert before.source.receive(1.0) is None or "FrameTaken" not in str(before.source.receive(0.1))
            count(after, folder, 3)
            assert second.poll() is None
    (line,) = [line for line in (tmp_path / "a.log").read_text().splitlines() if line.startswith("smearwatch: ")]
    assert "another process has written to it (let one program alone write it" in line
    check(folder, [1, 2, 3])


def test_a_hub_whose_ledger_is_replaced_by_a_copy_ends(tmp_path, staff_of):
    folder = session_folder(tmp_path / "state", "t")
    with hub(tmp_path, "a") as first:
        staff = staff_of(first)
        count(staff, folder, 1)
        with LedgerReader.read(folder) as ledger, LedgerReader.read(folder) as _:
            ledger._connection.execute(f"VACUUM INTO '{folder / 'copy'}'")
        (folder / "copy").replace(folder / "ledger.sqlite")
        assert first.wait(_PATIENCE_S) == EXIT_UNUSABLE
    assert "another file was put in its place (restore sessions while" in (tmp_path / "a.log").read_text()


def test_what_two_write_is_not_mixed_even_without_a_lock(tmp_path):
    with Ledger.open(tmp_path / "t") as first:
        (tmp_path / "t" / "lock").unlink()
        with Ledger.open(tmp_path / "t") as second:
            second.append([opened(second)])
            with pytest.raises(LedgerUnusable, match="another process has written to it"):
                first.append([opened(first)])
            with pytest.raises(LedgerUnusable, match="another process has written to it"):
                first.hold_on()
            assert second.last_number == 1
            assert list(verify(second)) == []


def test_who_holds_a_lost_lock_is_told_who_took_it(tmp_path):
    with Ledger.open(tmp_path / "t") as ledger:
        assert not ledger.hold_on()
        (tmp_path / "t" / "lock").unlink()
        other = SessionLock(tmp_path / "t")
        with pytest.raises(
            LedgerUnusable, match="the file lock was removed or replaced, and session t is being written"
        ):
            ledger.hold_on()
        other.release()
        assert ledger.hold_on()
        assert not ledger.hold_on()
        with pytest.raises(SessionBusy):
            SessionLock(tmp_path / "t")


def test_a_ledger_that_is_away_alone_is_waited_for(tmp_path):
    with Ledger.open(tmp_path / "t") as ledger:
        ledger.path.rename(tmp_path / "elsewhere")
        with pytest.raises(LedgerUnusable, match="it is away") as raised:
            ledger.append([opened(ledger)])
        assert raised.value.may_pass
        (tmp_path / "elsewhere").rename(ledger.path)
        assert len(ledger.append([opened(ledger)])) == 1


def opened(ledger):

    return Opened(ledger.epoch, 1, "0", ledger.session, None, 33.0, "filament", {})
