"""The watched folder while the system around it fails: queues overflow, limits are reached, the share is away."""

import os
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from smearwatch.capture.sources.file_events import FolderNotices
from tests.integration.torture import Scene, no_more_files, picture

pytestmark = pytest.mark.integration

QUEUE = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@pytest.fixture(params=[False, True], ids=["told", "blind"])
def scene(request, tmp_path):
    with Scene(tmp_path / "in", blind=request.param) as scene:
        scene.wait(1.0)
        yield scene


def overflow(scene: Scene):
    """Do more to two files than the kernel keeps notices of, while nobody listens."""
    with scene.path("x.part").open("wb") as one, scene.path("y.part").open("wb") as other:
        for _ in range(QUEUE // 2 + 2):  # alternating, for the kernel joins equal neighbours
            for file in (one, other):
                os.pwrite(file.fileno(), b"x", 0)


@pytest.mark.skipif(QUEUE > 200_000, reason="this system's queue is too long to fill")
def test_an_overflown_queue_loses_nothing(tmp_path):
    with Scene(tmp_path / "in", rescan_s=600.0) as scene:
        scene.wait(1.0)
        with scene.path("open.jpg").open("wb") as file:
            file.write(picture(1))
            file.flush()
            scene.wait(1.0)
            overflow(scene)
            scene.path("unheard.jpg").write_bytes(picture(2))
        with capture_logs() as logs:
            scene.wait(3.0)  # far less than until the next scan that is due
        assert [line["event"] for line in logs] == ["notifications lost, the folder is scanned instead"]
        assert sorted(scene.contents()) == sorted([picture(1), picture(2)])


def test_no_notifications_is_one_line_and_they_come_back(tmp_path):
    with capture_logs() as logs, Scene(tmp_path / "in", blind=True) as scene:
        scene.wait(10.0)
        scene.path().write_bytes(picture(1))
        scene.wait(10.0)
        assert scene.contents() == [picture(1)]
        assert [(line["log_level"], line["event"][:16]) for line in logs] == [("warning", "no notifications")]
        assert "fs.inotify" in logs[0]["hint"]
        FolderNotices.attend(scene.source._notices)  # the system has room again
        assert logs[1]["event"] == "notifications are back"
        scene.path("b.jpg").write_bytes(picture(2))
        scene.poll()
        assert scene.contents() == [picture(1), picture(2)]


def descriptors():
    return sorted(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("left", range(4))
def test_an_instance_that_is_half_made_at_the_limit_is_given_back(tmp_path, left):
    before = descriptors()
    notices = FolderNotices(tmp_path)
    with capture_logs() as logs, no_more_files(left):
        notices.attend()
        notices.attend()
    assert notices.attending is (left == 3)  # one to listen with, two that watchdog needs beside it
    assert len(logs) == (left < 3)
    assert notices.attending or descriptors() == before
    notices.__exit__()
    assert descriptors() == before


@pytest.mark.parametrize("meanwhile", ["nothing", "told and read", "told and not read", "away"])
def test_every_descriptor_is_given_back(tmp_path, meanwhile):
    folder, before = tmp_path / "in", descriptors()
    folder.mkdir()
    with FolderNotices(folder) as notices:
        if meanwhile.startswith("told"):
            (folder / "a.jpg").touch()
        if meanwhile == "told and read":
            assert [notice.name for notice in notices.read()] == ["a.jpg", "a.jpg"]
        if meanwhile == "away":
            shutil.rmtree(folder)
            notices.attend()
            assert not notices.attending
            assert notices.lost()
        if meanwhile != "told and not read":
            assert list(notices.read()) == []  # and does not wait
    assert descriptors() == before


def gone_and_back(scene: Scene, how: str):
    """Take the folder away; gives what brings it back and a place to put files in meanwhile."""
    away = scene.folder.with_name("away")
    if how == "another folder":
        shutil.rmtree(scene.folder)
        away.mkdir()
    else:
        scene.folder.rename(away)
    return lambda: away.rename(scene.folder), away


@pytest.mark.parametrize("how", ["the same folder", "another folder", "a file in its place"])
@pytest.mark.parametrize("when", ["at rest", "in the middle of a file", "at the start"])
def test_a_share_that_is_away_for_two_minutes(scene, how, when):
    before = [] if when == "at the start" else [picture(1)]
    if before:
        scene.path().write_bytes(picture(1))
        scene.wait()
    if when == "in the middle of a file":
        scene.path("half.jpg").write_bytes(picture(2)[:700])
        scene.wait()
    back, away = gone_and_back(scene, how)
    if how == "a file in its place":
        scene.folder.touch()
    with capture_logs() as logs:
        scene.wait(120.0, step=0.5)
        assert [line["event"] for line in logs] == ["watched folder is away"]
        assert not scene.source.state().scanned, "nobody knows what waits there"
        assert scene.counters["files_gone"] == 0
        if how == "a file in its place":
            scene.folder.unlink()
        (away / "new.jpg").write_bytes(picture(3))
        back()
        scene.wait()
        assert [line["event"] for line in logs[1:]] == ["watched folder is back"]
    assert scene.contents() == [*before, picture(3)]
    if when == "in the middle of a file":
        scene.path("half.jpg").write_bytes(picture(2))
    scene.path("later.jpg").write_bytes(picture(4))
    if not scene.blind:
        scene.poll()  # at once: the kernel tells of the folder that is there now
    else:
        scene.wait()
    assert picture(4) in scene.contents()
    assert (picture(2) in scene.contents()) == (when == "in the middle of a file")


def test_a_folder_that_is_exchanged_between_two_looks(tmp_path):
    """The same name, another folder: the watch must move with the name although no look ever failed."""
    with Scene(tmp_path / "in") as scene:
        scene.wait(1.0)
        scene.folder.rename(scene.folder.with_name("old"))
        scene.folder.mkdir()
        scene.wait()
        scene.path().write_bytes(picture(1))
        (scene.folder.with_name("old") / "b.jpg").write_bytes(picture(2))
        scene.poll()
        assert scene.contents() == [picture(1)]
        assert scene.source.state().waiting == 0


def test_an_exchanged_folder_is_heard_of_and_looked_at_at_once(tmp_path):
    """Long before the scan that is due: the folder itself tells that it was moved."""
    with Scene(tmp_path / "in", rescan_s=600.0) as scene:
        scene.wait(1.0)
        scene.folder.rename(scene.folder.with_name("old"))
        scene.folder.mkdir()
        scene.path().write_bytes(picture(1))
        scene.wait(3.0)
        assert scene.contents() == [picture(1)]


def test_what_an_exchanged_folder_would_have_told_is_known_as_lost(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with FolderNotices(folder) as notices:
        for exchanged in (False, True, False):
            if exchanged:
                folder.rename(tmp_path / "old")
                folder.mkdir()
            notices.attend()
            assert notices.attending
            assert notices.lost() is exchanged
        (tmp_path / "old" / "old.jpg").touch()
        (folder / "new.jpg").touch()
        assert {notice.name for notice in notices.read()} == {"new.jpg"}


def test_a_source_may_start_while_the_share_is_away(tmp_path):
    scene = Scene(tmp_path / "in")
    scene.folder.rmdir()
    with scene:
        scene.wait(10.0)
        scene.folder.mkdir()
        scene.path().write_bytes(picture(1))
        scene.wait()
        assert scene.contents() == [picture(1)]


def test_no_descriptor_to_read_with_is_tried_again(tmp_path):
    with Scene(tmp_path / "in") as scene, capture_logs() as logs:
        scene.path().write_bytes(picture(1))
        with no_more_files():
            scene.wait(10.0)
        assert scene.contents() == []
        scene.wait(5.0)
        assert scene.contents() == [picture(1)]
        assert len(logs) <= 3  # the folder is away, is back; at the most a file that cannot be read


def test_pictures_in_a_subfolder_are_said_once(scene):
    (scene.folder / "empty").mkdir()
    (scene.folder / "slide 7").mkdir()
    with capture_logs() as logs:
        scene.wait(5.0)
        (scene.folder / "slide 7" / "a.jpg").write_bytes(picture(1))
        scene.wait(20.0)
    assert [(line["subfolder"], "--subfolders" in line["hint"]) for line in logs] == [("slide 7", True)]
    assert scene.counters["subfolders_ignored"] == 2
    assert scene.got == []
