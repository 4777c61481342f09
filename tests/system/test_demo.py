"""`smearwatch demo` as a person starts it: in a terminal, in a pipe, for a machine, and with what cannot work."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

DEMO = [sys.executable, "-m", "smearwatch.daemon.cli", "demo"]
ALTERNATE_SCREEN, NORMAL_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture(autouse=True)
def _folders_of_its_own(monkeypatch):
    """Let what the demo leaves behind be seen; a socket's path must stay short, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield


def demo(*arguments, **environment):
    return subprocess.run(
        [*DEMO, *arguments], capture_output=True, text=True, timeout=200, env={**os.environ, **environment}
    )


class Terminal:
    """A command in a terminal of 80x24; `bytes` is what it drew so far."""

    def __init__(self, *arguments):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        surroundings = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [*DEMO, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings
        )
        os.close(theirs)
        self.bytes = b""

    def read_until(self, word, within_s=200.0):
        """Read until a word was drawn or the command has ended."""
        deadline = time.monotonic() + within_s
        while word not in self.bytes:
            assert time.monotonic() < deadline, self.bytes[-2000:]
            if not select.select([self._ours], [], [], 0.2)[0]:
                continue
            try:
                self.bytes += os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                return

    def press(self, keys):
        os.write(self._ours, keys)

    def ended(self):
        """Read all the rest and return the exit status."""
        self.read_until(b"never drawn")
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(40)
        os.close(self._ours)


def left_behind():
    return [name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("smearwatch-demo-")]


def test_in_a_terminal_it_shows_the_live_screen_and_then_the_truth():
    with Terminal("--cells", "6", "--rate", "1") as terminal:
        status = terminal.ended()
    drawn = terminal.bytes
    assert status == 0, drawn[-2000:]
    screen = drawn[drawn.index(ALTERNATE_SCREEN) : drawn.index(NORMAL_SCREEN)]
    for words in (
        "starting the count",
        "loading the networks",
        "simulated slide 1",
        "neutrophils",
        "Close this screen",
    ):
        assert words.encode() in screen, words
    after = drawn[drawn.index(NORMAL_SCREEN) :].decode()
    assert "beside the slide's truth" in after
    assert "For Research Use Only." in after
    assert b"level=" not in drawn
    assert b"warning" not in drawn
    assert left_behind() == []


def test_when_the_screen_is_closed_the_demo_goes_on_in_lines_and_ctrl_c_ends_all():
    with Terminal("--cells", "200") as terminal:
        terminal.read_until(b"loading the networks")
        terminal.press(b"q")
        terminal.read_until(b"# session demo")
        assert b"the demo goes on" in terminal.bytes
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.ended() == 130
    assert b"demo ended; nothing was kept" in terminal.bytes
    assert b"Traceback" not in terminal.bytes
    assert left_behind() == []


def test_a_signal_gives_the_terminal_back_and_leaves_nothing_behind():
    with Terminal("--cells", "200") as terminal:
        terminal.read_until(b"loading the networks")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.ended() == 130
    assert terminal.bytes.rindex(NORMAL_SCREEN) > terminal.bytes.rindex(ALTERNATE_SCREEN)
    assert b"Traceback" not in terminal.bytes
    assert left_behind() == []


def test_in_a_pipe_it_says_what_it_does_in_lines_of_80_columns():
    done = demo("--cells", "6", "--rate", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "# loading the networks" in lines
    assert "# finished" in lines
    assert any(line.endswith("flag  rej    frames") for line in lines)
    assert any("beside the slide's truth" in line for line in lines)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert left_behind() == []


def test_the_demo_ends_by_itself_with_the_truth_beside():
    done = demo("--cells", "12", "--rate", "1.5", "--json", "--keep")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert result["cells"] == 12
    assert result["balanced"]
    assert result["frames"]["seen"] >= result["frames"]["counted"]
    truth = result["against_truth"]
    assert truth["matched"] >= 12
    assert truth["missed"] <= 1
    assert 0.85 < truth["um_per_px_ratio_median"] < 1.15
    (kept,) = left_behind()
    assert (Path(os.environ["TMPDIR"]) / kept / "state" / "sessions" / "demo").is_dir()
    assert kept in done.stderr


def test_what_cannot_work_is_told_with_the_last_words_of_the_process():
    done = demo("--cells", "6", SMEARWATCH_WEIGHTS="/nowhere")
    assert done.returncode == 1
    *log, last = done.stderr.splitlines()
    assert any(line.startswith("  run: ") and "/nowhere" in line for line in log)
    assert last.startswith("smearwatch: the count ended too early, exit status 1 (run it again with --keep")
    assert left_behind() == []


def test_a_folder_with_too_long_a_name_is_refused_with_what_a_person_can_set(tmp_path):
    long = tmp_path / ("long-" * 20)
    long.mkdir()
    done = demo("--cells", "3", "--plain", TMPDIR=str(long))
    assert done.returncode == 1
    assert "set TMPDIR to a folder with a shorter name" in " ".join(done.stderr.split())
    assert os.listdir(long) == []
