"""`smearwatch run` from a camera, from the simulated slide, and from a source that another package brings."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any

import psutil
import pytest

from smearwatch.daemon.record.events import Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from tests.installed import install, with_path
from tests.outside_source import documented
from tests.stage import MjpegCamera, film, wait_for, way

pytestmark = pytest.mark.system

SMEARWATCH = [sys.executable, "-m", "smearwatch.daemon.cli"]
SIZE = (960, 600)
A, B, C = (20.0, 20.0), (700.0, 60.0), (300.0, 280.0)


def smearwatch(*arguments, environment=None):
    command = [*SMEARWATCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)


def final(out):
    result = json.loads(out.splitlines()[-1])
    assert result["final"]
    assert result["complete"]
    assert result["balanced"]
    return result


def frames_in(tmp_path, session):
    """The names of the frames that a running session has seen, none while it has no ledger."""
    try:
        with LedgerReader.read(tmp_path / "state" / "smearwatch" / "sessions" / session) as ledger:
            return [event.name for recorded in ledger.seen_frames() if isinstance(event := recorded.event, Seen)]
    except LedgerUnusable:
        return []


def test_a_film_is_counted_to_its_end_and_replays_the_same(tmp_path):
    path = film(tmp_path / "film.avi", way(A, B, C, rest=8), size=SIZE)
    done = smearwatch("run", "--camera", path, "--session", "film", "--json")
    assert done.returncode == 0, done.stderr
    result = final(done.stdout)
    assert result["frames"] == {"seen": 3, "counted": 3, "rejected": 0, "pending": 0}
    assert result["cells"] > 0
    counters = result["counters"]
    assert (counters["camera_frames_taken"], counters["camera_fields_missed"]) == (3, 0)
    assert counters["camera_frames_read"] == len(way(A, B, C, rest=8))
    assert all(re.fullmatch(r"camera-.*Z-00000\d\.png", name) for name in frames_in(tmp_path, "film"))
    assert 'role=source event="camera opened"' in done.stderr
    replay = smearwatch("replay", "film", "--compare", "--json")
    assert replay.returncode == 0, replay.stderr
    assert json.loads(replay.stdout.splitlines()[-1])["comparison"]["identical"]


def test_a_stream_that_goes_away_and_comes_back_is_counted_on(tmp_path):
    with MjpegCamera(size=SIZE) as camera:
        camera.show(*A)
        command = [*SMEARWATCH, "run", "--camera", camera.url, "--session", "live", "--json"]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: len(frames_in(tmp_path, "live")) == 1, 120.0)
        camera.switch_off()
        camera.show(*B)
        camera.switch_on()
        wait_for(lambda: len(frames_in(tmp_path, "live")) == 2, 60.0)
        camera.show(*C)
        wait_for(lambda: len(frames_in(tmp_path, "live")) == 3, 60.0)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["final"]
    assert result["balanced"]
    assert result["frames"]["seen"] == 3
    assert err.count("camera lost") == err.count("camera is back") == 1
    assert "role restarts" not in err
    assert all(line.startswith("timestamp=") for line in err.splitlines()), err  # nothing of the libraries' own


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--camera", "97"), "camera /dev/video97 does not exist"),
        (("--camera", "ftp://microscope/live"), "camera ftp://microscope/live is no stream that can be read"),
        (("--source", "camera"), "source 'camera' needs the option 'camera'"),
        (("--source", "slide", "--source-option", "sed=3"), "did you mean seed?"),
        (("--source", "slide", "--source-option", "um_per_px=9"), "um_per_px"),
        (("--source", "folder", "--source-option", "dir=nowhere"), "folder nowhere does not exist"),
        (("--source", "replay", "--source-option", "session=nosuch"), "no session 'nosuch'"),
        (("--watch", ".", "--calibration", "ercs"), "no calibration 'ercs'"),
        (("--watch", ".", "--calibration", "torn"), "torn.json: damaged (calibrate again, or"),
        (("--watch", ".", "--calibration", "../torn"), "calibration = '../torn': use 1 to 64 letters"),
        (("--watch", ".", "--subfolders", "--calibration", "ercs"), "no calibration 'ercs'"),
        (("--watch", ".", "--scale-from", "micrometer"), "no scale from micrometer"),
        (("--watch", ".", "--scale-from", "configured"), "no scale from configured"),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else value,
)
def test_what_cannot_be_is_one_line_before_anything_is_begun(tmp_path, arguments, says, here):
    state_dir = tmp_path / "state" / "smearwatch"
    (state_dir / "calibrations").mkdir(parents=True)
    (state_dir / "calibrations" / "torn.json").write_text("{}")
    status, out, err = here("run", *arguments, "--json")
    assert status == 2
    assert err.startswith("smearwatch: ")
    assert says in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert [path.name for path in state_dir.iterdir()] == ["calibrations"]


def test_a_camera_that_does_not_answer_leaves_no_session(tmp_path):
    done = smearwatch("run", "--camera", "http://127.0.0.1:9/stream", "--json")
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if not line.startswith("timestamp=")]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("smearwatch: ")
    assert "cannot be reached: connection refused" in said[0]
    assert "role restarts" not in done.stderr
    assert "did not stop in time" not in done.stderr
    assert not any(json.loads(line).get("final") for line in done.stdout.splitlines())
    assert list((tmp_path / "state" / "smearwatch" / "sessions").iterdir()) == []


def test_the_simulated_slide_is_a_source():
    done = smearwatch("run", "--source", "slide", "--source-option", "seed=3", "--source-option", "fields=3", "--json")
    assert done.returncode == 0, done.stderr
    result = final(done.stdout)
    assert result["frames"]["seen"] == 3
    assert result["cells"] > 0
    assert result["counters"]["fields_drawn"] == 3


def test_the_documented_source_of_another_package_runs_as_it_stands(fields, tmp_path):
    import tomllib

    offered = tomllib.loads(documented("toml"))["project"]["entry-points"]["smearwatch.sources"]
    folder = install(tmp_path / "site", "acme_smearwatch", documented("python"), offered)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for field in sorted(fields.iterdir())[:3]:
        shutil.copy(field, pictures)
    environment = with_path(folder)
    listed = smearwatch("run", "--list-sources", "--json", environment=environment)
    known = {line["name"]: line["package"] for line in map(json.loads, listed.stdout.splitlines())}
    assert known["acme"] == "acme-smearwatch 1.0"
    assert set(known) == {"acme", "camera", "folder", "replay", "slide"}
    told = ("--source-option", f"pictures={pictures}", "--source-option", "um_per_px=0.09")
    done = smearwatch("run", "--source", "acme", *told, "--session", "acme", "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    result = final(done.stdout)
    assert result["frames"]["seen"] == 3
    assert result["counters"]["acme_safe"] == 3
    absent = ("--source-option", f"pictures={tmp_path / 'none'}")
    done = smearwatch("run", "--source", "acme", *absent, "--session", "absent", environment=environment)
    assert done.returncode == 2
    assert frames_in(tmp_path, "absent") == []
    assert len(done.stderr.splitlines()) == 1
    assert f"smearwatch: no Acme camera at {tmp_path / 'none'} (plug it in, or correct" in done.stderr
    replay = smearwatch("replay", "acme", "--compare", "--json")  # where the package is not installed
    assert replay.returncode == 0, replay.stderr
    assert json.loads(replay.stdout.splitlines()[-1])["comparison"]["identical"]


def test_a_package_that_cannot_be_loaded_is_named_once(tmp_path):
    folder = install(tmp_path / "site", "acme_broken", "import nosuch_sdk\n", {"acme": "acme_broken:main"})
    done = smearwatch("run", "--source", "acme", "--json", environment=with_path(folder))
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if line.startswith("smearwatch: ")]
    assert len(said) == 1
    assert "source 'acme' of acme-smearwatch 1.0 cannot be loaded: ModuleNotFoundError" in said[0]
    assert "Traceback" not in done.stderr
    assert "role restarts" not in done.stderr


def test_a_role_whose_parent_ended_before_its_order_ends_quietly():
    command = [sys.executable, "-m", "smearwatch.daemon.process.role", "worker"]
    for order in (b"", b'{"name": "wor'):
        ended = subprocess.run(command, input=order, capture_output=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize("after_s", [0.0, 0.15, 0.4])
def test_ctrl_c_just_after_the_start_is_no_traceback(tmp_path, after_s):
    """The whole group gets it, a child that still imports among them."""
    command = [*SMEARWATCH, "run", "--watch", str(tmp_path), "--session", "early"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Whoever runs the tests in the background ignores Ctrl-C, and would hand that on.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **pipes, start_new_session=True, preexec_fn=heeding) as run:
        try:
            wait_for(lambda: bool(psutil.Process(run.pid).children()), 60.0)
            time.sleep(after_s)
            os.killpg(run.pid, signal.SIGINT)
            _, err = run.communicate(timeout=60)
        finally:
            run.kill()
    assert "Traceback" not in err
    assert "KeyboardInterrupt" not in err
