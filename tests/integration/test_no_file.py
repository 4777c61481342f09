"""A pipe in a file's place is refused in one line by whatever command opens it, and leaves nothing behind.

Opened as a file it would be waited at for ever.
"""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.daemon.cli import main
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.weights import shipped_weights
from tests.reviewed import close, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SCALE = ("--um-per-px", "0.1")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a pipe, and pipes where pictures, boxes and tensors belong; a session stands beside it."""
    where = session_folder(load_settings().state_dir, "monday")
    record(where, 3)
    close(where)
    desk = tmp_path / "desk"
    for name in ("tree/band", "tree/monocyte", "fields/frames", "fields/boxes"):
        (desk / name).mkdir(parents=True)
    picture = cv2.imencode(".png", np.full((64, 64, 3), 255, np.uint8))[1].tobytes()
    for name in ("tree/band/1.png", "fields/frames/a_1.png"):
        (desk / name).write_bytes(picture)
    shutil.copytree(shipped_weights(), desk / "weights")
    next((desk / "weights").glob("resnet*")).unlink()
    for name in ("pipe", "tree/monocyte/1.png", "fields/boxes/a_1.csv", "weights/resnet18.safetensors"):
        (desk / name).unlink(missing_ok=True)
        os.mkfifo(desk / name)
    monkeypatch.chdir(desk)
    return desk


def things(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "typed",
    [
        ("segment", "pipe", *SCALE),
        ("classify", "pipe", *SCALE),
        ("calibrate", "--micrometer", "pipe", "--length-um", "10"),
        ("sessions", "label", "monday", "--from", "pipe", "--by", "A"),
        ("sessions", "import", "pipe"),
        ("sessions", "verify", "monday", "--anchors", "pipe"),
        ("config", "check", "--config", "pipe"),
        ("slide", "--out", "new", "--fields", "1", "--truth", "pipe", "--force"),
        ("train", "--config", "pipe", "--out", "new"),
        ("leave-out", "--config", "pipe", "--out", "new"),
        ("evaluate", "--data", "tree", *SCALE, "--force-scale", "--out", "new"),
        ("evaluate", "--fields", "fields", "--fields-um-per-px", "0.1", "--force-scale", "--out", "new"),
        ("ablate", "--data", "tree", *SCALE, "--force-scale", "--out", "new"),
        ("paper", "--cells", "tree", *SCALE, "--force-scale", "--out", "new"),
        ("adapt", "--data", "tree", *SCALE, "--force-scale", "--out", "new"),
        ("weights", "changes", "monday", "--new", "weights"),
    ],
    ids=lambda typed: " ".join(typed[:2]),
)
def test_a_pipe_is_refused_in_one_line(desk, typed, monkeypatch, capfd):
    before = things(desk)
    monkeypatch.setattr("sys.argv", ["smearwatch", *typed])
    assert main() in (1, 2)
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = (line for line in err.splitlines() if line)
    assert line.startswith("smearwatch: ")
    assert "s a pipe, no file" in line or "is no file" in line
    assert things(desk) == before


@pytest.mark.parametrize("typed", [("promote", "--back"), ("keys", "revoke", "nobody")], ids=" ".join)
def test_a_refused_command_leaves_nothing(typed, monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", ["smearwatch", *typed])
    assert main() == 1
    assert len(capfd.readouterr().err.splitlines()) == 1
    state_dir = load_settings().state_dir
    assert not state_dir.exists() or list(state_dir.iterdir()) == []
