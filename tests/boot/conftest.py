"""A computer with the service installed from the wheel, as docs/service.md says it, for the tests in this folder."""

import json
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import pytest

from smearwatch.capture.slide.slide import Slide
from tests.boot.box import ROOT, Box, NoBox, make_base

CAMERA = "/srv/the camera"
PROGRAM = "/opt/smearwatch/bin/smearwatch"
SITE = f"/opt/smearwatch/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
HUB, CAPTURE, WORKER = "smearwatch-hub.service", "smearwatch-capture@folder.service", "smearwatch-worker@1.service"
UNITS = (HUB, CAPTURE, WORKER, "smearwatch-web.service")
_ASK = """
import json, sqlite3, sys
there = sqlite3.connect(f"file:/var/lib/smearwatch/sessions/{sys.argv[1]}/ledger.sqlite?mode=ro", uri=True)
asked = ("frames", "pending", "events WHERE kind = 'counted'")
print(json.dumps([there.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in asked]))
"""


_FIND = """
import glob, sys
for path in glob.glob("/proc/[0-9]*/cmdline"):
    words = open(path).read().replace("\\0", " ").split()
    if "smearwatch.daemon.process.role" in words and words[-1].rstrip("-0123456789") == sys.argv[1]:
        print(path.split("/")[2])
"""


class Counted(NamedTuple):
    """How far a session is."""

    frames: int
    pending: int
    cells: int


class Machine(Box):
    """A box beside a microscope."""

    session = "lab-1"

    dropped = 0

    def install(self, wheel: Path, *venv: str) -> None:
        """Install the program, and the service with it; ``venv`` makes an environment, with pip unless it is said."""
        self.write(f"/root/{wheel.name}", wheel.read_bytes())
        self.run(*(venv or ("python3", "-m", "venv")), "/opt/smearwatch")
        self.run("sh", "-c", f"echo /opt/packages > {SITE}/packages.pth")
        self.run(
            "/opt/smearwatch/bin/python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", f"/root/{wheel.name}"
        )
        self.run("mkdir", "-p", CAMERA)
        self.run(PROGRAM, "install-service", "--watch", CAMERA)
        self.run("sh", "-c", "echo um_per_px = 0.13 >> /etc/smearwatch/config.toml")

    def drop(self) -> None:
        """Take one more picture, with cells that are in no other."""
        slide = Slide(100 + self.dropped, um_per_px=0.13, width_px=800, height_px=600, leukocytes_per_mm2=600.0)
        picture = cv2.imencode(".png", slide.field(0).bgr)[1].tobytes()
        self.write(f"{CAMERA}/{self.dropped:03}.png", picture)
        self.dropped += 1

    def counts_again(self, *, within_s: float) -> float:
        """Take a picture and wait until it and all before it are counted, with a cell; returns how long it took."""
        before = self.counted()
        self.drop()
        return self.counts_all(frames=before.frames + 1, cells=before.cells + 1, within_s=within_s)

    def counts_all(self, *, frames: int, cells: int, within_s: float) -> float:
        """Wait until so many pictures and at least so many cells are counted; returns how long it took."""
        began_s = time.monotonic()
        while True:
            now, took_s = self.counted(), time.monotonic() - began_s
            if now.frames == frames and not now.pending and now.cells >= cells:
                return took_s
            if took_s > within_s:
                pytest.fail(f"{now}, and not {frames} frames, within {within_s} s: {self.journal(30)}")
            time.sleep(0.1)

    def counted(self, session: str | None = None) -> Counted:
        """Return how far a session is, None yet where it is not begun."""
        said = self.run("python3", "-c", _ASK, session or self.session, check=False)
        return Counted(*json.loads(said)) if said.startswith("[") else Counted(0, 0, 0)

    def pid_of_role(self, name: str) -> str:
        """Return the process in which a part of a unit runs."""
        return self.run("python3", "-c", _FIND, name).strip()

    def restarts(self, unit: str) -> int:
        """Return how often systemd has started a unit again by itself."""
        return int(self.run("systemctl", "show", "-p", "NRestarts", "--value", unit))

    def active(self, *units: str) -> list[str]:
        """Return of each unit whether it runs."""
        return self.run("systemctl", "is-active", *units, check=False).split()

    def wait_until_inactive(self, *, within_s: float) -> float:
        """Wait until no unit runs any more; returns how long it took."""
        began_s = time.monotonic()
        while self.active(*UNITS) != ["inactive"] * len(UNITS):
            if time.monotonic() > began_s + within_s:
                pytest.fail(f"{self.active(*UNITS)} after {within_s} s: {self.journal(20)}")
            time.sleep(0.05)
        return time.monotonic() - began_s

    def journal(self, lines: int) -> str:
        """Return what the service said last."""
        return self.run("journalctl", "--no-pager", "-n", str(lines), "-u", "smearwatch*", check=False)

    def as_service(self, *command: str) -> str:
        """Run a command as the service's own user."""
        return self.run("runuser", "-l", "smearwatch", "-s", "/bin/bash", "-c", " ".join(command))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A computer with the service installed and started."""
    try:
        shown = {"/opt/packages": Path(sysconfig.get_path("purelib"))}
        made = Machine(tmp_path_factory.mktemp("box"), shown, make_base())
        made.boot()
    except NoBox as error:
        pytest.skip(str(error))
    try:
        made.install(wheel)
        for account, group in (("alice", "smearwatch-watchers"), ("bob", "smearwatch-operators"), ("carol", "users")):
            made.run("useradd", "-m", "-s", "/bin/bash", "-G", group, account)
        yield made
    finally:
        made.cut_power()
