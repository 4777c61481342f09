"""The installed service under a real systemd, once and in short, for every run of the tests.

The box boots from this machine's own disk, over which it writes; `make test-systemd` does all that a service goes
through, in a Debian of its own.
"""

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.boot.box import NoBox, own_base
from tests.boot.conftest import HUB, UNITS, Machine

pytestmark = pytest.mark.system


def python_for_all() -> str:
    """Return a Python of this one's version that the service's user may run; raises `NoBox`."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        if python.startswith(("/root/", "/home/")) or not Path(python).exists():
            continue
        asked = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False, timeout=60)
        if said.stdout.strip() == version:
            return python
    raise NoBox(f"no Python {version} on this machine that is not in somebody's home")


def test_the_service_is_installed_counts_is_killed_counts_again_and_stops(tmp_path, wheel):
    patience = 30.0 * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))
    try:
        python = python_for_all()
        shown = {"/opt/packages": Path(sysconfig.get_path("purelib"))}
        machine = Machine(tmp_path, shown, own_base())
        machine.boot()
    except NoBox as error:
        pytest.skip(str(error))
    try:
        machine.install(wheel, python, "-m", "venv", "--without-pip")
        machine.run("systemctl", "start", "smearwatch.target")
        assert machine.active(*UNITS) == ["active"] * len(UNITS), machine.journal(30)
        machine.counts_again(within_s=patience)
        restarts = machine.restarts(HUB)
        machine.run("systemctl", "kill", "--kill-who=all", "-s", "KILL", HUB)
        machine.counts_again(within_s=patience)
        assert machine.restarts(HUB) == restarts + 1
        assert machine.counted().frames == machine.dropped == 2
        began_s = time.monotonic()
        machine.run("systemctl", "stop", "smearwatch.target")
        machine.wait_until_inactive(within_s=patience)
        assert time.monotonic() - began_s < patience
        machine.as_service("smearwatch", "sessions", "verify", "lab-1")
    finally:
        machine.cut_power()
