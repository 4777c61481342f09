"""`smearwatch run --subfolders` with real processes: every frame in its own folder's session, whatever comes when."""

import json
import os
import shutil
import signal
import time

import psutil
import pytest

from smearwatch.daemon.record.events import Seen
from smearwatch.daemon.record.reading import LedgerReader
from tests.system.test_run import counted, fold_of, frames_seen, session_folder, smearwatch, start, wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module", name="fields")
def pictures(fields):
    """Ten fields of the simulated slide."""
    return sorted(fields.glob("*.jpg"))[:10]


def names_in(session):
    with LedgerReader.read(session_folder(session)) as ledger:
        return sorted(r.event.name for r in ledger.seen_frames() if isinstance(r.event, Seen))


def whole(session, frames):
    """A session that balances, with these frames and no other; gives how many cells it holds."""
    fold, cells = fold_of(session)
    assert fold.complete
    assert fold.balanced
    assert names_in(session) == sorted(path.name for path in frames)
    assert len(cells) == len(set(cells))
    return fold.cells


def test_frames_dropped_alternately_and_a_late_one(fields, tmp_path):
    """Two subfolders that exist, one that comes; names that cannot be; a picture beside; a client that looks on."""
    watched = tmp_path / "camera"
    for name in ("Slide 1", "Slide-1", "スライド", ".thumbnails"):
        (watched / name).mkdir(parents=True)
        if name != "Slide 1":
            shutil.copy(fields[0], watched / name / "x.jpg")
    shutil.copy(fields[0], watched)
    first, second = watched / "Slide 1", watched / "Präparat 2"
    run = start("run", "--watch", watched, "--subfolders", "--until-idle", "6", "--json")
    watch = start("watch", "--json")
    second.mkdir()
    for at, field in enumerate(fields[:8]):
        shutil.copy(field, second if at % 2 else first)
        time.sleep(0.8)  # as a camera does; faster than sessions are changed
    wait_for(lambda: frames_seen("Praparat-2") == 4)
    shutil.copy(fields[8], first)  # a late one, while the second is before the lens
    wait_for(lambda: frames_seen("Slide-1") == 5)
    out, err = run.communicate(timeout=200)
    assert run.returncode == 1, err
    seen, _ = watch.communicate(timeout=30)
    print(err, seen)
    lines, watched_lines = ([json.loads(line) for line in text.splitlines()] for text in (out, seen))
    assert {line["session"] for line in lines} == {"Slide-1", "Praparat-2"}
    assert {line["session"] for line in watched_lines} == {"Slide-1", "Praparat-2"}
    finals = {line["session"]: line for line in lines if line.get("final")}
    assert finals["Slide-1"]["cells"] == whole("Slide-1", [*fields[:8:2], fields[8]])
    assert finals["Praparat-2"]["cells"] == whole("Praparat-2", fields[1:8:2])
    counters = finals["Slide-1"]["subfolders"]
    assert counters == {
        "sessions": 2, "names_unusable": 1, "names_taken": 1, "ledgers_unusable": 0, "links_not_followed": 0,
        "files_beside": 1,
    }  # fmt: skip
    assert err.count(" is not counted: it ") == 2
    assert "smearwatch: 2 subfolders were not counted: " in err
    assert err.count("beside the subfolders") == 1
    assert err.count("networks loaded") == 1, "the networks are loaded once"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_begun_again_in_the_middle(fields, tmp_path, sent):
    watched = tmp_path / "camera"
    for name, some in (("a", fields[:3]), ("b", fields[3:6])):
        (watched / name).mkdir(parents=True)
        for field in some:
            shutil.copy(field, watched / name)
    run = start("run", "--watch", watched, "--subfolders", "--session", "t", "--json")
    wait_for(lambda: counted("t-a") + counted("t-b") > 0)
    children = psutil.Process(run.pid).children()
    os.kill(run.pid, sent)
    _, err = run.communicate(timeout=60)
    assert run.returncode == (0 if sent == signal.SIGTERM else -sent), err
    psutil.wait_procs(children, timeout=30)
    assert not any(child.is_running() for child in children)
    shutil.copy(fields[6], watched / "a")
    shutil.copy(fields[7], watched / "b")
    done = smearwatch("run", "--watch", watched, "--subfolders", "--session", "t", "--until-idle", "3", "--json")
    assert done.returncode == 0, done.stderr
    whole("t-a", [*fields[:3], fields[6]])
    whole("t-b", [*fields[3:6], fields[7]])
    again = smearwatch("run", "--watch", watched, "--subfolders", "--session", "t", "--until-idle", "1", "--json")
    assert again.returncode == 0, again.stderr
    everything_recorded = not any(word in again.stderr for word in (" begun", " continued: "))
    assert everything_recorded, again.stderr


def test_whoever_waits_is_told_what_for(tmp_path):
    watched = tmp_path / "camera"
    watched.mkdir()
    done = smearwatch("run", "--watch", watched, "--subfolders", "--until-idle", "0.5")
    assert done.returncode == 0, done.stderr
    (told,) = (line for line in done.stderr.splitlines() if not line.startswith("timestamp="))
    assert told.startswith(f"smearwatch: waiting for subfolders in {watched} (")
    (watched / "a").mkdir()
    done = smearwatch("run", "--watch", watched, "--subfolders", "--until-idle", "0.5")
    (told,) = (line for line in done.stderr.splitlines() if not line.startswith("timestamp="))
    assert told.startswith(f"smearwatch: nothing new in 1 subfolder of {watched}, waiting")


def test_a_subfolder_that_is_taken_away_holds_up_nothing(fields, tmp_path):
    watched = tmp_path / "camera"
    (watched / "a").mkdir(parents=True)
    shutil.copy(fields[0], watched / "a")
    run = start("run", "--watch", watched, "--subfolders", "--until-idle", "12", "--json")
    wait_for(lambda: counted("a") > 0)
    shutil.rmtree(watched / "a")
    (watched / "b").mkdir()
    shutil.copy(fields[1], watched / "b")
    out, err = run.communicate(timeout=200)
    assert run.returncode == 0, err
    whole("a", fields[:1])
    whole("b", fields[1:2])
    assert sum(bool(json.loads(line).get("final")) for line in out.splitlines()) == 2
