"""The unit files as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))
REVIEW_PAGE = Path(__file__).parents[2] / "docs" / "review-access.md"


@pytest.fixture
def analyze():
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on this machine")
    return tool


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request, tmp_path):
    """A unit with a program that is there, for verify looks for it."""
    program = tmp_path / "smearwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / request.param.name
    copy.write_text(request.param.read_text().replace("/opt/smearwatch/bin/smearwatch", str(program)))
    return copy


def test_verify_passes(analyze, unit):
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_would_notice(analyze, unit):
    unit.write_text(unit.read_text().replace("Type=", "Types="))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert "Types" in done.stdout + done.stderr


def test_the_changes_that_let_others_in_pass_too(analyze, tmp_path):
    (added,) = re.findall(r"^```ini\n(\[Service\]\n.*?)^```", REVIEW_PAGE.read_text(), re.MULTILINE | re.DOTALL)
    program = tmp_path / "smearwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "smearwatch-web.service"
    whole = (UNITS[0].parent / unit.name).read_text() + added
    unit.write_text(whole.replace("/opt/smearwatch/bin/smearwatch", str(program)))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_little_is_left_open(analyze, unit):
    """Below 1.6 of 10, where what is wanted is 2.0."""
    command = [analyze, "security", "--offline=true", "--threshold=16", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
