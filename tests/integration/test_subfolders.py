"""Which subfolder is which session, and what is left to count in it: real files and real ledgers."""

import os
import shutil

import pytest
from structlog.testing import capture_logs

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Opened, Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import check_name, name_from, session_folder
from smearwatch.daemon.record.signature import OverruledName
from smearwatch.daemon.record.signing import amend, sign
from smearwatch.daemon.subfolders.folders import Subfolders
from tests.reviewed import close, record

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("folder", "session"),
    [
        ("slide-7", "slide-7"),
        ("Slide 7 (left)", "Slide-7-left"),
        ("Präparat 3", "Praparat-3"),
        ("24.11.2026 / 8", "24.11.2026-8"),
        ("-7", "7"),
        ("a" * 64, "a" * 64),
        ("a" * 65, None),
        ("スライド", None),
        ("日本 1", "1"),
        ("...", None),
        (" ", None),
        (os.fsdecode(b"a\xff"), "a"),
    ],
)
def test_a_folders_name_as_a_sessions(folder, session):
    assert name_from(folder) == session
    if session is not None:
        assert check_name(session) == session
        assert name_from(session) == session


class Desk:
    """Subfolders of a real folder; ``now`` is their clock."""

    def __init__(self, tmp_path, *, above="camera", prefix=None):
        self.folder = tmp_path / above
        self.folder.mkdir(exist_ok=True)
        settings = Settings(state_dir=tmp_path / "state", rescan_s=2.0)
        self.plan = RunPlan(settings=settings, session="-", source="folder", source_options={"dir": str(self.folder)})
        self.now = 1000.0
        self.subfolders = Subfolders(self.folder, self.plan, prefix, clock=lambda: self.now)

    def write(self, path, data=b"picture"):
        """Write a file and the folder above it."""
        path = self.folder / path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def look(self):
        """Look, a while later; gives the names of those with something to do."""
        self.now += 11.0
        self.subfolders.scan()
        return [s.path.name for s in self.subfolders.with_work()]

    def record(self, name, *paths, rejected=True):
        """Write into a subfolder's session what a run of it would."""
        subfolder = self.subfolders._known[name]
        plan = self.subfolders.plan(subfolder)
        with Ledger.open(session_folder(plan.settings.state_dir, plan.session)) as ledger:
            ledger.append([Opened(ledger.epoch, 1, "test", plan.session, 100, 33.0, "rule", plan.recorded_settings())])
            for path in paths:
                frame = ledger.frames.put(path.read_bytes())
                status = path.stat()
                seen = Seen(frame, path.name, status.st_size, status.st_mtime_ns, None, None, True, "folder")
                ledger.append([seen, *([Rejected(frame, "undecodable", "no", None)] if rejected else [])])
        return subfolder


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_what_the_ledger_has_is_done_also_after_a_restart(desk, tmp_path):
    one = desk.write("a/1.jpg")
    assert desk.look() == ["a"]
    desk.subfolders.compare_after_run(desk.record("a", one), began_s=desk.now, idle=True)
    assert desk.look() == []
    assert Desk(tmp_path).look() == []
    desk.write("a/2.jpg", b"another")
    assert desk.look() == ["a"]
    assert Desk(tmp_path).look() == ["a"]


def test_what_waits_in_the_ledger_is_work(desk, tmp_path):
    one = desk.write("a/1.jpg")
    desk.look()
    desk.record("a", one, rejected=False)
    assert Desk(tmp_path).look() == ["a"]


def test_the_same_bytes_again_are_looked_at_once(desk):
    """Another name or date for what is recorded never comes into the ledger; it must not be begun for ever."""
    one = desk.write("a/1.jpg")
    desk.look()
    subfolder = desk.record("a", one)
    os.link(one, one.with_name("2.jpg"))
    os.utime(one, ns=(5, 5))
    assert desk.look() == ["a"]
    desk.subfolders.compare_after_run(subfolder, began_s=desk.now - 1.0, idle=False)
    assert desk.look() == ["a"]
    desk.subfolders.compare_after_run(subfolder, began_s=desk.now, idle=True)
    assert desk.look() == []
    one.write_bytes(b"written over")
    assert desk.look() == ["a"]


def test_a_file_that_came_in_the_last_moment_of_a_run_is_not_forgotten(desk):
    one = desk.write("a/1.jpg")
    desk.look()
    subfolder = desk.record("a", one)
    began_s = desk.now
    desk.write("a/2.jpg", b"late")
    desk.now += 20.0
    desk.look()
    desk.now += 1.0
    desk.subfolders.compare_after_run(subfolder, began_s=began_s, idle=True)
    assert desk.look() == ["a"]


def test_the_newest_picture_comes_first(desk):
    for at, name in enumerate(("b", "c", "a")):
        os.utime(desk.write(f"{name}/1.jpg"), ns=(0, at))
    assert desk.look() == ["a", "c", "b"]


def test_names_that_cannot_be_and_names_that_meet(desk, capsys):
    for name in ("Slide 1", "Slide-1", "Slide (1)", "スライド", "a" * 65):
        desk.write(f"{name}/1.jpg")
    assert desk.look() == ["Slide (1)"] or desk.look() == ["Slide 1"]
    desk.look()
    refused = capsys.readouterr().err.splitlines()
    assert len(refused) == len(desk.subfolders.left) == 4
    says = "subfolder Slide-1 is not counted: it would be session Slide-1, which is that of Slide (1)"
    assert any(says in line for line in refused)
    assert desk.subfolders.counters()["names_unusable"] == 2
    assert desk.subfolders.counters()["names_taken"] == 2


def test_the_folder_that_a_session_began_with_keeps_it(desk, tmp_path):
    one = desk.write("Slide 1/1.jpg")
    desk.look()
    desk.subfolders.compare_after_run(desk.record("Slide 1", one), began_s=desk.now, idle=True)
    desk.write("Slide (1)/1.jpg")  # comes first in the alphabet
    for again in (desk, Desk(tmp_path)):
        assert again.look() == []
        assert again.subfolders.counters()["names_taken"] == 1
        assert again.subfolders.counters()["sessions"] == 1


def test_subfolders_of_the_same_name_in_two_folders_do_not_meet(desk, tmp_path, capsys):
    """Camera software begins every day with the same names; yesterday's patient is not today's."""
    one = desk.write("Export-01/1.jpg")
    desk.look()
    desk.record("Export-01", one)
    today = Desk(tmp_path, above="today")
    today.write("Export-01/1.jpg", b"another patient")
    assert today.look() == []
    said = capsys.readouterr().err
    assert "another watched folder" in said
    assert "--session" in said
    prefixed = Desk(tmp_path, above="today", prefix="wednesday")
    assert prefixed.look() == ["Export-01"]
    assert prefixed.subfolders.with_work()[0].session == "wednesday-Export-01"


def test_another_slides_folder_under_an_old_name_is_not_counted_into_its_session(desk, tmp_path, capsys):
    one = desk.write("Export-01/1.jpg")
    desk.look()
    desk.record("Export-01", one)
    assert Desk(tmp_path).look() == []
    one.write_bytes(b"another slide, exported under the same name")
    again = Desk(tmp_path)
    assert again.look() == []
    assert again.subfolders.left == ["Export-01"]
    assert "would carry on session Export-01, and other pictures lie in" in capsys.readouterr().err


def test_pictures_beside_links_and_hidden_folders(desk, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.jpg").write_bytes(b"picture")
    (desk.folder / "link").symlink_to(elsewhere)
    desk.write(".thumbnails/1.jpg")
    desk.write("1.jpg")
    desk.write("2.jpg")
    desk.write("notes.txt")
    with capture_logs() as logs:
        assert desk.look() == []
        assert desk.look() == []
    assert len(logs) == 2
    counters = desk.subfolders.counters()
    assert (counters["files_beside"], counters["links_not_followed"], counters["sessions"]) == (2, 1, 0)


def test_a_folder_that_goes_away_and_comes_back(desk):
    desk.write("a/1.jpg")
    desk.look()
    desk.folder.rename(desk.folder.with_name("away"))
    with capture_logs() as logs:
        desk.look()
        desk.look()
        assert desk.subfolders.away
        desk.folder.with_name("away").rename(desk.folder)
        assert desk.look() == ["a"]
    assert [line["event"] for line in logs] == ["watched folder is away", "watched folder is back"]
    shutil.rmtree(desk.folder / "a")
    assert desk.look() == []


def test_a_damaged_ledger_is_said_and_the_others_are_counted(desk, tmp_path):
    desk.write("a/1.jpg")
    desk.write("b/1.jpg")
    (tmp_path / "state" / "sessions" / "a").mkdir(parents=True)
    (tmp_path / "state" / "sessions" / "a" / "ledger.sqlite").write_bytes(b"no ledger" * 999)
    assert desk.look() == ["b"]
    assert desk.subfolders.counters()["ledgers_unusable"] == 1


def test_a_signed_subfolders_session_is_not_counted_until_it_is_amended(tmp_path):
    desk = Desk(tmp_path)
    picture = desk.write("monday/1.jpg")
    folder = session_folder(desk.plan.settings.state_dir, "monday")
    record(folder, 6)
    close(folder)
    why: dict[OverruledName, str] = {"target": "few cells on the slide"}
    sign(folder, by="A. Reader", overruled=why)
    plan = desk.plan.model_copy(update={"carry_on": True})  # the picture is none of those that were recorded
    desk.subfolders = Subfolders(desk.folder, plan, None, clock=lambda: desk.now)
    desk.subfolders.scan()
    (subfolder,) = desk.subfolders._known.values()
    assert picture.name in {mark[0] for mark in subfolder.unfinished}
    assert desk.subfolders.with_work() == []
    assert desk.subfolders.is_signed(subfolder)
    amend(folder, by="A. Reader", reason="the last pictures came late")
    desk.subfolders.scan()
    assert desk.subfolders.with_work() == [subfolder]
    sign(folder, by="A. Reader", overruled=why)
    with capture_logs() as logs:
        assert desk.subfolders.is_signed(subfolder)
    assert [(log["event"], log["subfolder"]) for log in logs] == [("signed, so not counted", "monday")]
    assert "signed by A. Reader" in logs[0]["why"]
