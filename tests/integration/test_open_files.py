"""Few files may be opened: it is said in one line, the limit is raised where it can be, and no frame is lost for it."""

import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from smearwatch.daemon.config import Settings
from smearwatch.daemon.open_files import FEW, LEAST
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, FrameTaken, OfferFrame, Ready
from tests.integration.hub_bench import Bench, cells, judged
from tests.integration.hub_process import Staff
from tests.integration.test_folder_source import Watching, picture

pytestmark = pytest.mark.integration
READ_LATER = "frames cannot be read just now, and wait"
SMEARWATCH = [sys.executable, "-m", "smearwatch.daemon.cli"]


@contextmanager
def none_left():
    """Hold all files that this process may open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, limits[0]), limits[1]))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def environment(tmp_path):
    places = {"SMEARWATCH_STATE_DIR": str(tmp_path / "state"), "SMEARWATCH_RUNTIME_DIR": str(tmp_path / "run")}
    return {**os.environ, **places}


def limited(tmp_path, soft, hard, *arguments, **options):
    """Start a command in a process that may open so many files."""
    limits = f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"'
    command = ["bash", "-c", limits, "bash", *SMEARWATCH, *map(str, arguments)]
    return subprocess.Popen(command, env=environment(tmp_path), text=True, **options)


@pytest.mark.parametrize(
    "command", [("run", "--watch", "."), ("hub",), ("capture", "--watch", "."), ("worker",), ("review", "--follow")]
)
def test_with_too_few_files_nothing_begins(tmp_path, command):
    started = limited(tmp_path, 64, 64, *command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path)
    try:
        out, err = started.communicate(timeout=60)
    finally:
        started.kill()
    assert started.returncode == 1
    assert out == ""
    assert err.splitlines()[-1].startswith(
        f"smearwatch: this system lets a process open 64 files only, and {LEAST} are needed (raise the limit: "
    )
    assert "Traceback" not in err
    assert not (tmp_path / "state" / "sessions").exists()


def test_a_hub_raises_a_low_limit_and_says_that_it_stays_low(tmp_path):
    with (tmp_path / "log").open("w") as log:
        hub = limited(tmp_path, 48, 256, "hub", "--session", "t", "--um-per-px", "0.1", stderr=log, stdout=log)
    staff = Staff(Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run"))
    try:
        staff.source.send(OfferFrame(1, "1.jpg", 5, "test"), [b"a frame"])
        staff.wait_for(FrameTaken)
        roles = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
        for pid in (hub.pid, *roles):
            (limit,) = (line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line)
            assert limit.split()[3:5] == ["256", "256"]
    finally:
        staff.close()
        hub.send_signal(signal.SIGTERM)
        hub.wait(60)
    assert "this system lets a process open 256 files only: with many clients" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("hard", "state"), [(64, "failed"), (256, "warning"), (FEW, "ok")])
def test_doctor_says_it(tmp_path, hard, state):
    code = "from smearwatch.daemon.doctor.machine import open_files as f; print(f().state, f().says, f().mend)"
    command = ["bash", "-c", f'ulimit -n {hard}; exec "$@"', "bash", sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.startswith(f"{state} up to {hard} a process")
    assert ("LimitNOFILE=" in said) == (state != "ok")


def test_a_frame_that_the_hub_cannot_open_waits(tmp_path):
    bench = Bench(tmp_path)
    try:
        source = bench.peer("source", "s")
        (frame,) = bench.offer(source, b"one")
        bench.crash()
        bench.open()  # it lies on the disk now, and nowhere else
        finder, worker = bench.peer("finder", "f"), bench.peer("worker", "w", 2)
        finder.send(Ready(1))
        with none_left(), capture_logs() as logs:
            for _ in range(20):
                bench.hub.turn(0.05)
        assert bench.frames["rejected"] == 0
        assert next(entry["event"] for entry in logs if entry["log_level"] == "error") == READ_LATER
        ((lease, _),) = bench.hear(finder, FrameLease, least=1)
        assert lease.frame == frame
        finder.send(*cells(lease))
        ((crop, _),) = bench.hear(worker, CropLease, least=1)
        worker.send(judged(crop))
        bench.turn()
        assert (bench.frames["counted"], bench.frames["rejected"]) == (1, 0)
        assert list(verify(bench.ledger)) == []
    finally:
        bench.close()


def test_a_file_that_the_source_cannot_open_is_not_refused(tmp_path):
    with Watching(tmp_path / "in", incomplete_s=1.0) as watching:
        watching.poll(0.1)
        (tmp_path / "in" / "a.jpg").write_bytes(picture(1))
        with none_left():
            assert watching.poll(3.0) == []
        assert watching.until(1) == [picture(1)]
