"""The unit file as systemd itself reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
UNIT = Path(__file__).parents[2] / "systemd" / "smearwatch.service"


@pytest.fixture
def analyze():
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on this machine")
    return tool


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there, for verify looks for it."""
    program = tmp_path / "smearwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/smearwatch/bin/smearwatch", str(program)))
    return copy


def test_verify_passes(analyze, unit):
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_would_notice(analyze, unit):
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notifying").replace("WatchdogSec=", "WatchdogSecs="))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert "WatchdogSecs" in done.stdout + done.stderr


def test_little_is_left_open(analyze, unit):
    command = [analyze, "security", "--offline=true", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
