"""A task for each session of an archive: what fails is named, what stands is left, and the rest goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from smearwatch.daemon.cli import main
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.tasks import child
from smearwatch.daemon.tasks.listing import ArchiveEmpty
from smearwatch.daemon.tasks.local import LocalEngine
from smearwatch.daemon.tasks.on_ray import RayEngine, RayUnusable
from smearwatch.daemon.tasks.over_archive import Request, do_each
from smearwatch.daemon.tasks.program import program
from smearwatch.daemon.tasks.results import ResultsUnusable
from tests.stage import wait_for
from tests.unit.clients_script import counted, found, opened, seen

pytestmark = pytest.mark.integration
TASK = "tests.archive_tasks:note"
NAMES = ("dies", "fails", "fine", "stumbles", "well")


def record(state_dir, name):
    with Ledger.open(session_folder(state_dir, name), session=name) as ledger:
        ledger.append([opened(ledger.epoch, name)])
        ledger.append([seen(1), found(1), counted(1)])


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Five sessions as folders, three of which make trouble as long as there is a file of that name."""
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), root]))
    for name in NAMES:
        record(tmp_path / "archive", name)
    (tmp_path / "archive" / "cut-off.smearwatch").write_bytes(b"PK\x03\x04")
    (tmp_path / "trouble").touch()
    return tmp_path / "archive"


def request(archive, results="results", factor=1):
    places = {"notes": str(archive.parent / "notes"), "trouble": str(archive.parent / "trouble")}
    return Request(archive, archive.parent / results, TASK, {"factor": factor}, places)


def do(archive, *, processes=2, told=lambda *_: None, **of):
    return do_each(request(archive, **of), LocalEngine(processes), told)


def tried(archive):
    """Which sessions were done since this was asked last."""
    path = archive.parent / "notes"
    names = sorted(path.read_text().split())
    path.unlink()
    return names


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_fails_is_named_and_tried_again_and_what_stands_is_left(archive, tmp_path):
    outcome = do(archive)
    assert outcome.done == ("sessions/fine", "sessions/well")
    assert sorted(outcome.failed) == ["cut-off.smearwatch", "sessions/dies", "sessions/fails", "sessions/stumbles"]
    assert "cut off, damaged, or no archived session" in outcome.failed["cut-off.smearwatch"]
    assert "has ended" in outcome.failed["sessions/dies"]
    assert outcome.failed["sessions/fails"] == "this one is bad (mend it)"
    assert outcome.failed["sessions/stumbles"] == "ZeroDivisionError: division by zero"
    assert tried(archive) == list(NAMES)
    manifest = json.loads((tmp_path / "results" / "manifest.json").read_text())
    assert manifest["failed"] == outcome.failed
    assert list(manifest["sessions"]) == ["sessions/fine", "sessions/well"]

    (tmp_path / "trouble").unlink()
    (archive / "cut-off.smearwatch").unlink()
    outcome = do(archive, processes=1)
    assert (outcome.earlier, outcome.failed) == (("sessions/fine", "sessions/well"), {})
    assert tried(archive) == ["dies", "fails", "stumbles"]
    assert outcome.results.read("sessions/dies") == {"session": "dies", "factor": 1}

    # In another folder at once, in another number of processes: the same bytes. A record that went on is done again.
    do(archive, processes=3, results="anew")
    assert tried(archive) == list(NAMES)
    assert files(tmp_path / "anew") == files(tmp_path / "results")
    with Ledger.open(session_folder(archive, "well"), session="well") as ledger:
        ledger.append([opened(ledger.epoch, "well")])
    fine = tmp_path / "results" / "sessions" / "sessions" / "fine.json"
    fine.write_text(fine.read_text().replace('"factor":1', '"factor":2'))
    do(archive)
    assert fine.read_bytes() == files(tmp_path / "anew")["sessions/sessions/fine.json"]
    assert tried(archive) == ["fine", "well"]


def test_interrupted_it_goes_on_and_leaves_no_process_behind(archive, tmp_path):
    (tmp_path / "trouble").unlink()

    def stop(name, done, total, failed):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do(archive, processes=1, told=stop)
    before = [each for each in psutil.Process().children(recursive=True) if child.__name__ in each.cmdline()]
    assert before == []
    first = set(tried(archive))
    assert len(first) in (2, 3), "the broken file is one of three, and another one may have been begun"
    outcome = do(archive)
    assert len(outcome.earlier) == 2
    assert len(outcome.done) == 5


def test_a_child_ends_with_whoever_gave_it_its_task(archive, tmp_path):
    (tmp_path / "trouble").unlink()
    record(archive, "sleeps")
    script = f"""
from tests.integration.test_archive_tasks import *
do(Path({str(archive)!r}), processes=1)
"""
    its = {**os.environ, "TMPDIR": str(tmp_path)}  # what it leaves, killed
    driver = subprocess.Popen([sys.executable, "-c", script], env=its, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "notes").exists() and "sleeps" in (tmp_path / "notes").read_text(), 60.0)
        children = psutil.Process(driver.pid).children()
        assert children
    finally:
        driver.kill()
        driver.wait()
    _, alive = psutil.wait_procs(children, 20)
    assert alive == []


def test_a_folder_of_other_results_is_left_alone(archive, tmp_path):
    (tmp_path / "trouble").unlink()
    do(archive)
    before = files(tmp_path / "results")
    with pytest.raises(ResultsUnusable, match="holds results of another factor"):
        do(archive, factor=2)
    assert files(tmp_path / "results") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(ResultsUnusable, match="holds something else"):
        do(archive, results="mine")
    with pytest.raises(ResultsUnusable, match=r"thesis\.txt is no folder"):
        do(archive, results="mine/thesis.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveEmpty, match="no session lies in"):
        do(tmp_path / "empty")


def test_a_computer_with_another_program_does_nothing():
    theirs = {**program(), "torch": "1.0"}
    header, result = child.reply({"task": TASK, "program": theirs}, b"{}")
    assert result == b""
    assert "torch" in header["failed"]
    assert "1.0 here (install the same version on every computer)" in header["failed"]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("--archive", "A"), "--archive without --results"),
        (("monday", "--archive", "A", "--results", "R"), "a session's name does not go with --archive"),
        (("--archive", "A", "--results", "R", "--speed", "2"), "--speed does not go with --archive"),
        (("monday", "--results", "R"), "--results without --archive"),
        (("--archive", "A", "--results", "R", "--engine", "auto"), "--engine auto: each computer would choose its own"),
        (("--archive", "A", "--engine", "ray", "--engine", "local"), "--engine ray and --engine local"),
        (
            ("monday", "--engine", "nonsense"),
            "option --engine: engine = 'nonsense': it is none of auto, eager, fused, bf16, openvino, onnx, graph",
        ),
        (("monday", "--engine", "ray"), "--engine ray without --archive"),
        ((), "nothing to replay"),
    ],
)
def test_what_does_not_go_together_is_one_line(monkeypatch, capfd, typed, line):
    monkeypatch.setattr("sys.argv", ["smearwatch", "replay", *typed])
    assert main() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"smearwatch: {line} (")
    assert len(err.splitlines()) == 1


def test_a_cluster_that_lets_in_anybody_is_not_joined(monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed: the extra cluster")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(RayUnusable, match="without a token"):
        RayEngine("auto")
