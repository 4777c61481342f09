"""The next specimen on one folder with real processes, killed in the middle: each picture is of one specimen."""

import hashlib
import json
import os
import shutil

import psutil
import pytest

from smearwatch.daemon.record.earlier import followed_in, follows
from smearwatch.daemon.record.events import Seen
from smearwatch.daemon.record.reading import LedgerReader
from tests.in_process import run_here
from tests.system.test_run import fold_of, frames_seen, session_folder, smearwatch, start, summary, wait_for

pytestmark = pytest.mark.system


def digests(pictures):
    return {hashlib.sha256(picture.read_bytes()).hexdigest() for picture in pictures}


def seen(name):
    with LedgerReader.read(session_folder(name)) as ledger:
        return {each.event.frame for each in ledger.seen_frames() if isinstance(each.event, Seen)}


def kill_all(run):
    """Kill a run and all that belongs to it in one go, as a power cut would."""
    processes = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    for process in processes:
        process.suspend()
    for process in processes:
        process.kill()
    run.communicate()


def test_killed_between_two_specimens_each_picture_is_counted_to_its_own_and_once(fields, tmp_path):
    watched = tmp_path / "camera"
    watched.mkdir()
    pictures = sorted(fields.glob("*.jpg"))
    first, second, growing = pictures[:3], pictures[3:6], pictures[6]
    for picture in first:
        shutil.copy(picture, watched)
    typed = ("run", "--watch", watched, "--session", "one", "--specimen", "H1", "--until-idle", "2", "--json")
    run = start(*typed)
    wait_for(lambda: frames_seen("one") == 3)
    half = growing.stat().st_size // 2
    with (watched / growing.name).open("wb") as file:
        file.write(growing.read_bytes()[:half])
        file.flush()
        asked = run_here("control", "next", "--specimen", "H2", "--name", "two", "--target", "7", "--json")
        assert asked.returncode == 0, asked.stderr
        assert json.loads(asked.stdout)["answer"].startswith("specimen H2 comes next, as session two")
        kill_all(run)
        file.write(growing.read_bytes()[half:])  # by the camera's computer, which goes on
    assert summary("one").pending > 0
    assert summary("two") is None
    for picture in second:
        shutil.copy(picture, watched)
    os.utime(watched / first[0].name)  # touched meanwhile: another time, the same bytes
    again = smearwatch(*typed)
    assert again.returncode == 0, again.stderr
    finals = [line for line in map(json.loads, again.stdout.splitlines()) if line.get("final")]
    assert [(f["session"], f["specimen"], f["target"], f["complete"]) for f in finals] == [
        ("one", "H1", 100, True),
        ("two", "H2", 7, True),
    ]
    assert (seen("one"), seen("two")) == (digests([*first, growing]), digests(second))
    for name in ("one", "two"):
        fold, _ = fold_of(name)
        assert fold.balanced
    with LedgerReader.read(session_folder("one")) as one, LedgerReader.read(session_folder("two")) as two:
        followed = followed_in(one)
        assert followed is not None
        assert (followed.next_session, follows(one), follows(two)) == ("two", None, "one")
    shown = run_here("sessions", "show", "two").stdout
    assert "on the same folder or camera after session one" in shown
    fresh = run_here("run", "--watch", watched, "--session", "fresh", "--until-idle", "1")
    assert (fresh.returncode, len(fresh.stderr.splitlines())) == (1, 1)
    assert "pictures of 2 specimens (one, two) lie there" in fresh.stderr
    assert not session_folder("fresh").exists()
    shutil.rmtree(session_folder("one"))
    alone = run_here("run", "--watch", watched, "--session", "two", "--until-idle", "1")
    assert (alone.returncode, len(alone.stderr.splitlines())) == (1, 1)
    assert "move the pictures of one out of the folder" in alone.stderr
