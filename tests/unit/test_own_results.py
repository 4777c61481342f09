"""Results that a command made never take the place of what a person wrote, before it ran or while it runs."""

import json
import os
import shutil
import signal
import time

import pytest

from smearwatch.daemon.atomic_write import put_in_place
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.own_output import ChangedMeanwhile, NotOurs
from smearwatch.daemon.own_results import BESIDE, RECORD, own_results

NAMES = ("*/cells.csv", "report.md", "report.json")
MINE = "first, and what I thought of it"


def fill(folder, text):
    (folder / "left").mkdir(parents=True, exist_ok=True)
    for name in ("report.json", "report.md", "left/cells.csv"):
        (folder / name).write_text(text)


def written(folder, text, *, force=False, meanwhile=lambda: None):
    with own_results(folder, NAMES, force=force) as results:
        fill(results.folder, text)
        meanwhile()


def fail():
    raise ValueError("no cells")


def texts(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def whole(text):
    return dict.fromkeys(("report.json", "report.md", "left/cells.csv"), text)


def killed(folder, body):
    child = os.fork()
    if not child:
        try:
            body()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)


def end_here(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_are_written_over_while_nobody_changed_them(tmp_path):
    folder = tmp_path / "new" / "results"
    written(folder, "first")
    written(folder, "second")
    assert texts(folder) == whole("second")
    assert set(json.loads((folder / RECORD).read_bytes())["files"]) == set(whole(""))


@pytest.mark.parametrize("name", ["report.md", "left/cells.csv"])
def test_results_that_were_changed_stay(tmp_path, name):
    written(tmp_path, "first")
    (tmp_path / name).write_text(MINE)
    with pytest.raises(NotOurs, match=name):
        written(tmp_path, "second")
    assert texts(tmp_path) == {**whole("first"), name: MINE}
    written(tmp_path, "second", force=True)
    assert texts(tmp_path) == whole("second")
    written(tmp_path, "third")


@pytest.mark.parametrize("name", ["report.md", "left/cells.csv", "report.json"])
def test_what_is_changed_meanwhile_stays_and_the_results_lie_beside(tmp_path, name):
    written(tmp_path, "first")
    for text, beside in (("second", BESIDE), ("third", f"{BESIDE}-2")):
        (tmp_path / name).write_text("first")
        with pytest.raises(ChangedMeanwhile, match=rf"{name} .*{beside}$"):
            written(tmp_path, text, meanwhile=lambda: (tmp_path / name).write_text(MINE))
        assert texts(tmp_path / beside) == whole(text)
    assert {path: text for path, text in texts(tmp_path).items() if BESIDE not in path} == whole("first") | {name: MINE}


def test_what_comes_meanwhile_where_nothing_was_stays(tmp_path):
    with pytest.raises(ChangedMeanwhile):
        written(tmp_path, "first", meanwhile=lambda: (tmp_path / "report.md").symlink_to("nowhere"))
    assert (tmp_path / "report.md").is_symlink()
    assert texts(tmp_path / BESIDE) == whole("first")


def test_what_is_changed_between_the_look_and_the_last_look_stays(tmp_path, monkeypatch):
    """The first files are in place already when somebody saves the last one."""
    written(tmp_path, "first")
    copy = shutil.copyfile

    def copied(source, target):
        copy(source, target)
        if target.name.startswith(".report.json"):
            (tmp_path / "report.json").write_text(MINE)

    monkeypatch.setattr("smearwatch.daemon.own_results.shutil.copyfile", copied)
    with pytest.raises(ChangedMeanwhile, match=r"report\.json"):
        written(tmp_path, "second")
    assert (tmp_path / "report.json").read_text() == MINE
    assert texts(tmp_path / BESIDE) == whole("second")


def test_what_was_deleted_meanwhile_is_written_anew(tmp_path):
    written(tmp_path, "first")
    with own_results(tmp_path, NAMES, force=False) as results:
        fill(results.folder, "second")
        (tmp_path / "report.md").unlink()
    assert texts(tmp_path) == whole("second")


def test_what_is_published_can_be_read_at_once_and_changed_after(tmp_path):
    def body():
        with own_results(tmp_path, NAMES, force=False) as results:
            (results.folder / "report.md").write_text("half")
            results.publish()
            assert texts(tmp_path)["report.md"] == "half"
            fill(results.folder, "half")
            results.publish()
            (tmp_path / "report.md").write_text(MINE)
            fill(results.folder, "whole")
            results.publish()
            assert (tmp_path / "report.md").read_text() == MINE

    with pytest.raises(ChangedMeanwhile):
        body()
    assert texts(tmp_path / BESIDE) == whole("whole")


def test_what_no_command_wrote_stays(tmp_path):
    (tmp_path / "report.md").write_text("my own")
    (tmp_path / "notes.txt").write_text("mine too, and in nobody's way")
    with pytest.raises(NotOurs, match=r"report\.md"):
        written(tmp_path, "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "report.md"]


def test_who_fails_leaves_what_was_there_and_no_folder_of_their_own(tmp_path):
    new = tmp_path / "new" / "one"
    with pytest.raises(ValueError, match="no cells"):
        written(new, "half", meanwhile=fail)
    assert not (tmp_path / "new").exists()
    written(new, "first")
    with pytest.raises(ValueError, match="no cells"):
        written(new, "half", meanwhile=fail)
    assert texts(new) == whole("first")
    assert {path.name for path in new.iterdir()} == {"report.json", "report.md", "left", RECORD}


def test_who_was_killed_leaves_nothing_half_and_goes_on(tmp_path):
    def body():
        with own_results(tmp_path, NAMES, force=False) as results:
            fill(results.folder, "half")
            end_here()

    killed(tmp_path, body)
    assert not (tmp_path / "report.md").exists()
    written(tmp_path, "whole")
    assert texts(tmp_path) == whole("whole")


@pytest.mark.parametrize("at", range(4))
def test_who_was_killed_between_two_files_goes_on(tmp_path, monkeypatch, at):
    """An earlier result was replaced already, and nobody had the time to say so."""
    written(tmp_path, "first")
    left = [at]

    def put_here(*places):
        if not left[0]:
            end_here()
        put_in_place(*places)
        left[0] -= 1

    def body():
        monkeypatch.setattr("smearwatch.daemon.own_results.put_in_place", put_here)
        written(tmp_path, "second")
        end_here()

    killed(tmp_path, body)
    written(tmp_path, "third")
    assert texts(tmp_path) == whole("third")


def test_what_was_changed_after_a_kill_stays(tmp_path):
    written(tmp_path, "first")
    killed(tmp_path, lambda: (written(tmp_path, "second"), end_here()))
    (tmp_path / "report.md").write_text(MINE)
    with pytest.raises(NotOurs):
        written(tmp_path, "third")
    assert (tmp_path / "report.md").read_text() == MINE


def test_two_at_once_are_refused_before_their_work(tmp_path):
    with own_results(tmp_path, NAMES, force=False) as results:
        fill(results.folder, "first")
        with pytest.raises(Hinted, match="another command"), own_results(tmp_path, NAMES, force=False):
            raise AssertionError("begun")
    assert texts(tmp_path) == whole("first")


def test_where_a_folder_cannot_be_held_the_second_one_goes_beside(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError("not on this share")

    monkeypatch.setattr("smearwatch.daemon.alone.fcntl.flock", flock)
    with pytest.raises(ChangedMeanwhile):
        written(tmp_path, "slow", meanwhile=lambda: written(tmp_path, "quick"))
    assert texts(tmp_path / BESIDE) == whole("slow")
    assert (tmp_path / "report.md").read_text() == "quick"


def test_a_disk_that_is_full_at_the_end_loses_nothing(tmp_path, monkeypatch):
    def copyfile(*_):
        raise OSError(28, "No space left on device")

    written(tmp_path, "first")
    monkeypatch.setattr("smearwatch.daemon.own_results.shutil.copyfile", copyfile)
    with pytest.raises(Hinted, match=rf"no space left .*{BESIDE}"):
        written(tmp_path, "second")
    assert texts(tmp_path / BESIDE) == whole("second")


def test_results_of_before_that_would_mix_with_new_ones_go(tmp_path):
    def run(name):
        with own_results(tmp_path, NAMES, force=False, superseded=("events/*",)) as results:
            (results.folder / "events").mkdir()
            (results.folder / "events" / name).write_text("curve")

    run("one")
    (tmp_path / "events" / "notes.txt").write_text("mine")
    run("two")
    assert texts(tmp_path / "events") == {"two": "curve", "notes.txt": "mine"}
    (tmp_path / "events" / "two").write_text("mine, too")
    run("three")
    assert set(texts(tmp_path / "events")) == {"two", "three", "notes.txt"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    cases = ((tmp_path / "file" / "in", "cannot be written to"), (tmp_path / "file", "a file of this name"))
    for folder, what in cases:
        with pytest.raises(Hinted, match=what), own_results(folder, NAMES, force=False):
            raise AssertionError("begun")


def test_a_damaged_record_vouches_for_nothing(tmp_path):
    written(tmp_path, "first")
    for damaged in ("{", "[]", '{"files": [1]}', '{"files": {"report.md": 3}}'):
        (tmp_path / RECORD).write_text(damaged)
        with pytest.raises(NotOurs):
            written(tmp_path, "second")


def test_a_pipe_in_a_results_place_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "report.md")
    began = time.monotonic()
    with pytest.raises(NotOurs):
        written(tmp_path, "first")
    assert time.monotonic() - began < 60
