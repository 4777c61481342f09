"""What a command did not write, or what was changed since, stays as it is."""

import json
import os

import pytest

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.own_output import RECORD, NotOurs, own_results, refuse_other, write_output

NAMES = ("report.*", "**/cells.csv")


def written(folder, text, *, force=False):
    with own_results(folder, NAMES, force=force):
        (folder / "left").mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(text)
        (folder / "left" / "cells.csv").write_text(text)


def test_a_file_is_replaced_by_the_same_alone(tmp_path):
    file = tmp_path / "mask.png"
    write_output(file, b"one", force=False)
    write_output(file, b"one", force=False)
    with pytest.raises(NotOurs, match=r"mask\.png exists already") as refused:
        write_output(file, b"two", force=False)
    assert "--force" in refused.value.hint
    assert file.read_bytes() == b"one"
    write_output(file, b"two", force=True)
    assert file.read_bytes() == b"two"


@pytest.mark.parametrize("there", ["folder", "dangling link"])
def test_what_is_no_file_is_refused_too(tmp_path, there):
    place = tmp_path / "it"
    place.mkdir() if there == "folder" else place.symlink_to(tmp_path / "away")
    with pytest.raises(NotOurs):
        write_output(place, b"one", force=False)
    with pytest.raises(NotOurs):
        refuse_other(place, force=False)


def test_results_are_written_over_while_nobody_changed_them(tmp_path):
    folder = tmp_path / "new" / "results"
    written(folder, "first")
    written(folder, "second")
    assert (folder / "report.md").read_text() == "second"
    assert set(json.loads((folder / RECORD).read_bytes())["files"]) == {"report.md", "left/cells.csv"}


@pytest.mark.parametrize("name", ["report.md", "left/cells.csv"])
def test_results_that_were_changed_stay(tmp_path, name):
    written(tmp_path, "first")
    (tmp_path / name).write_text("first, and what I thought of it")
    with pytest.raises(NotOurs, match=name):
        written(tmp_path, "second")
    assert (tmp_path / name).read_text() == "first, and what I thought of it"
    written(tmp_path, "second", force=True)
    assert (tmp_path / name).read_text() == "second"
    written(tmp_path, "third")


def test_what_no_command_wrote_stays(tmp_path):
    (tmp_path / "report.md").write_text("my own")
    (tmp_path / "notes.txt").write_text("mine too, and in nobody's way")
    with pytest.raises(NotOurs, match=r"report\.md"):
        written(tmp_path, "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "report.md"]


def test_who_fails_leaves_what_was_there_and_no_folder_of_their_own(tmp_path):
    with pytest.raises(ValueError, match="no cells"), own_results(tmp_path / "new", NAMES, force=False):
        raise ValueError("no cells")
    assert not (tmp_path / "new").exists()
    written(tmp_path, "first")
    with pytest.raises(ValueError, match="no cells"), own_results(tmp_path, NAMES, force=False):
        raise ValueError("no cells")
    written(tmp_path, "second")


def test_who_was_killed_goes_on(tmp_path):
    child = os.fork()
    if not child:
        with own_results(tmp_path, NAMES, force=False):
            (tmp_path / "report.md").write_text("half")
            os._exit(0)  # as a kill would: nothing is taken down
    os.waitpid(child, 0)
    written(tmp_path, "whole")
    assert (tmp_path / "report.md").read_text() == "whole"


def test_what_was_changed_after_a_kill_stays(tmp_path):
    written(tmp_path, "first")
    child = os.fork()
    if not child:
        with own_results(tmp_path, NAMES, force=False):
            os._exit(0)
    os.waitpid(child, 0)
    (tmp_path / "report.md").write_text("first, and what I thought of it")
    with pytest.raises(NotOurs):
        written(tmp_path, "second")
    assert (tmp_path / "report.md").read_text() == "first, and what I thought of it"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Hinted, match="cannot be written to"), own_results(tmp_path / "file" / "in", NAMES, force=False):
        pass
    with own_results(tmp_path / "file", NAMES, force=False):
        (tmp_path / "file").write_text("the body's own matter")


def test_a_damaged_record_vouches_for_nothing(tmp_path):
    written(tmp_path, "first")
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(NotOurs):
        written(tmp_path, "second")
