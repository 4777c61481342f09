"""Folders and files that may not be read, as a user who is not root sees them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

# Imports first: after giving up root the interpreter's own folders may be out of reach.
BECOME_NOBODY = """
import json, os, sys, time
from pathlib import Path
from smearwatch.capture.sources.folder import FolderSource
from smearwatch.capture.sources.file_events import FolderNotices
from smearwatch.daemon.config import Settings
from smearwatch.daemon.log import configure
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.folder_check import FolderUnusable, check_watch_dir
import encodings.idna, hashlib, tempfile
configure("warning", role="source")
folder = Path(sys.argv[1])
settings = Settings(settle_s=0.05, incomplete_s=1.0, rescan_s=0.2, state_dir=folder, runtime_dir=folder)
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""

LOOK = """
try:
    check_watch_dir(folder / "closed")
    print(json.dumps("no error"))
except FolderUnusable as error:
    print(json.dumps(one_line(error)))
"""

TAKE = """
got = []
with FolderSource(folder / "open", RunPlan(settings=settings, session="t", source="folder")) as source:
    end = time.monotonic() + 4.0
    while time.monotonic() < end and len(got) < 3:
        for frame in source.ready(4):
            got.append(frame)
            source.taken(frame, known=False)
        time.sleep(0.02)
print(json.dumps([[frame.name, frame.refusal] for frame in sorted(got, key=lambda frame: frame.name)]))
"""

ATTEND = """
with FolderNotices(folder / "closed") as notices:
    notices.attend()
    print(json.dumps([notices.attending, list(notices.read()), notices.lost()]))
"""

OPENED_LATER = """
said = ""
with FolderSource(folder / "open", RunPlan(settings=settings, session="t", source="folder")) as source:
    end = time.monotonic() + 30.0
    while time.monotonic() < end and said != "taken":
        for frame in source.ready(4):
            said = "rejected" if frame.data is None else "taken"
            print(said)
            source.taken(frame, known=False)
        if not said and source.state().counters["read_errors"]:
            said = "tried"
            print(said)
        time.sleep(0.02)
"""


@pytest.fixture
def folder():
    """Two folders that anybody can reach, one of them to be closed; not where another test session shuts the door."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "open").mkdir(mode=0o755)
        (path / "closed").mkdir()
        yield path
        (path / "closed").chmod(0o755)


def as_nobody(script, folder, warnings=0):
    done = subprocess.run(
        [sys.executable, "-c", BECOME_NOBODY + script, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == warnings, done.stderr
    return json.loads(done.stdout)


def test_a_closed_folder_is_one_line(folder):
    (folder / "closed").chmod(0o000)
    line = as_nobody(LOOK, folder)
    assert "may not be read" in line
    assert "chmod" in line


def test_a_closed_folder_tells_nothing(folder):
    (folder / "closed").chmod(0o000)
    assert as_nobody(ATTEND, folder) == [False, [], False]


def test_a_closed_file_is_refused_after_a_while_and_the_others_are_taken(folder):
    for name, mode in (("closed.jpg", 0o000), ("open.jpg", 0o644)):
        (folder / "open" / name).write_bytes(b"no picture, but bytes")
        (folder / "open" / name).chmod(mode)
    (folder / "open" / "closed too.jpg").touch(0o000)
    assert as_nobody(TAKE, folder, warnings=1) == [
        ["closed too.jpg", ["unreadable", "Permission denied"]],
        ["closed.jpg", ["unreadable", "Permission denied"]],
        ["open.jpg", None],
    ]


@pytest.mark.parametrize("word", ["tried", "rejected"])
def test_a_file_that_is_opened_later_is_read_then(folder, word):
    path = folder / "open" / "later.jpg"
    path.write_bytes(b"no picture, but bytes")
    path.chmod(0o000)
    command = [sys.executable, "-u", "-c", BECOME_NOBODY + OPENED_LATER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as nobody:
        assert nobody.stdout is not None
        while nobody.stdout.readline().strip() not in (word, ""):
            pass
        path.chmod(0o644)
        out, err = nobody.communicate(timeout=60)
    assert out.split()[-1:] == ["taken"], err
    assert out.count("rejected") == 0
    assert len(err.splitlines()) == 1
