"""`smearwatch --version`, as a person types it, without what is slow to load."""

import subprocess
import sys
from importlib.metadata import version

import pytest

pytestmark = pytest.mark.integration

HEAVY = {"torch", "cv2", "torchvision", "numpy", "zmq"}


def test_the_version_is_one_line_and_loads_nothing_heavy():
    code = (
        "import sys; from smearwatch.daemon.cli import main\n"
        "sys.argv = ['smearwatch', '--version']\n"
        f"code = main(); heavy = {HEAVY!r} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"smearwatch {version('smearwatch')}\n", "")


def test_the_version_is_asked_of_the_whole_not_of_a_command():
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "watch", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
