"""An archive counted again on a Ray cluster of two nodes: the same bytes as on this computer, whatever is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest

from tests.ray_cluster import RayCluster

pytestmark = [
    pytest.mark.system,
    pytest.mark.long,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: .venv-cluster, of make test-long"),
]
SESSIONS = 3


def start(*typed, **environment):
    command = [sys.executable, "-m", "smearwatch.daemon.cli", *map(str, typed)]
    # Whoever runs the tests in the background ignores Ctrl-C, and would hand that on.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, env={**os.environ, **environment}, preexec_fn=heeding)


def smearwatch(*typed, code=0, **environment):
    process = start(*typed, **environment)
    out, err = process.communicate(timeout=600)
    assert process.returncode == code, out + err
    return out, err


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Three sessions, one of which ended at its target, one as a file; and a file that is cut off."""
    for name in ("STATE", "CONFIG", "RUNTIME"):
        variable = f"XDG_{name}_HOME" if name != "RUNTIME" else "XDG_RUNTIME_DIR"
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / name))
    folder = tmp_path / "archive"
    (folder / "2026").mkdir(parents=True)
    sessions = tmp_path / "STATE" / "smearwatch" / "sessions"
    for number in range(1, SESSIONS + 1):
        pictures, name = tmp_path / f"pictures-{number}", f"s{number}"
        smearwatch("slide", "--out", pictures, "--fields", 4, "--rate", 0, "--seed", number)
        ends = ("--target", 3, "--stop-at-target") if number == 1 else ()
        smearwatch("run", "--watch", pictures, "--session", name, "--until-idle", 1, *ends)
        shutil.copytree(sessions / name, folder / "2026" / name)
    smearwatch("sessions", "export", "s2", "--format", "archive", "--out", folder / "s2.smearwatch")
    shutil.rmtree(folder / "2026" / "s2")
    (folder / "broken.smearwatch").write_bytes((folder / "s2.smearwatch").read_bytes()[:5000])
    return folder


def test_a_cluster_gives_the_same_bytes_as_this_computer_and_goes_on_after_a_loss(archive, tmp_path):
    of = ("replay", "--archive", archive, "--compare", "--json", "--results")
    out, err = smearwatch(*of, tmp_path / "here", "--processes", 2, code=1)
    summary = json.loads(out)
    assert (summary["done"], summary["identical"], list(summary["failed"])) == (3, 3, ["broken.smearwatch"])
    assert "smearwatch: broken.smearwatch: " in err
    with RayCluster() as cluster:
        ray = ("--engine", "ray", "--ray-address", cluster.address)
        token = {name: cluster.environment[name] for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")}
        wrong = {**token, "RAY_AUTH_TOKEN": "0" * 64}
        assert "no Ray cluster at" in smearwatch(*of, tmp_path / "wrong", *ray, code=1, **wrong)[1]
        assert "without a token" in smearwatch(*of, tmp_path / "none", *ray, code=1)[1]
        assert not (tmp_path / "none").exists()

        first = start(*of, tmp_path / "there", *ray, **token)
        until = time.monotonic() + 300
        while not list((tmp_path / "there" / "sessions").rglob("*.json")):
            assert first.poll() is None, first.communicate()
            assert time.monotonic() < until
            time.sleep(0.2)
        first.send_signal(signal.SIGINT)
        assert "the same command goes on from there" in first.communicate(timeout=120)[1]
        assert first.returncode == 130
        assert len(files(tmp_path / "there")) < len(files(tmp_path / "here"))

        second = start(*of, tmp_path / "there", *ray, **token)
        time.sleep(12.0)
        cluster.lose_node()
        out, err = second.communicate(timeout=600)
        assert second.returncode == 1, err
        assert json.loads(out)["done"] == 3
        assert json.loads(out)["done_before"] >= 1
    assert files(tmp_path / "there") == files(tmp_path / "here")
