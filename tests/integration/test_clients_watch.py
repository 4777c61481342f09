"""``smearwatch watch`` as a process: what it loads, prints and returns."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager

import pytest

from smearwatch.clients import lines_role
from smearwatch.clients.wording import DASH
from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from tests.integration.hub_bench import Bench
from tests.reviewed import record
from tests.unit.clients_script import closed, counted_frames

pytestmark = pytest.mark.integration

WATCH = [sys.executable, "-m", "smearwatch.daemon.cli", "watch"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recorded session ``old`` in folders of its own, and no daemon."""
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path / "s"))
    monkeypatch.setenv("SMEARWATCH_RUNTIME_DIR", str(tmp_path / "r"))
    with Ledger.open(tmp_path / "s" / "sessions" / "old") as ledger:
        ledger.append([Opened(1, 1, "test", "old", 100, 33.0, "rule", {}), *counted_frames(0, 7), closed()])
    return tmp_path


def watch(*arguments, **options):
    return subprocess.run([*WATCH, *arguments], capture_output=True, text=True, timeout=30, check=False, **options)


def test_a_recorded_session_as_json(place):
    done = watch("old", "--json")
    (line,) = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    got = json.loads(line)
    assert (got["session"], got["cells"], got["complete"], got["ended"]) == ("old", 7, True, "recorded")


def test_a_recorded_session_as_plain_lines_where_there_is_no_terminal(place):
    done = watch("old")
    assert done.returncode == 0
    assert "For Research Use Only. Not for use in diagnostic procedures." in done.stdout
    assert "# recorded" in done.stdout.splitlines()
    assert f"segmented         7    100.0    59.0 {DASH} 100.0" in done.stdout.splitlines()
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_as_a_role_of_a_run_it_has_the_last_word_even_when_stopped_at_once(place, capsys):
    settings = Settings(state_dir=place / "s", runtime_dir=place / "r")
    ours, theirs = os.pipe()
    role = Role("lines", theirs)
    role.stop()
    lines_role.main(RunPlan(settings=settings, session="old", source="folder", as_json=True), role)
    os.close(theirs)
    with os.fdopen(ours, "rb") as beats:
        assert beats.read(), "the parent hears of it"
    assert json.loads(capsys.readouterr().out)["cells"] == 7


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("older",), 1, ["no session 'older'", "did you mean old?"]),
        (("../old",), 2, ["cannot be the name of a session"]),
        (("--once",), 1, ["no count is running", "smearwatch run"]),
        (("--json", "--plain"), 2, ["--plain or --json"]),
        (("--pictures", "oil"), 2, ["'oil'", "sixel"]),
        (("--config", "/nowhere.toml"), 2, ["/nowhere.toml"]),
    ],
)
def test_what_cannot_be_is_told_in_one_line(place, arguments, code, words):
    done = watch(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    if code == 1:
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("smearwatch: ")


def test_a_damaged_ledger_is_told_in_one_line(place):
    (place / "s" / "sessions" / "old" / "ledger.sqlite").write_bytes(b"no database" * 1000)
    done = watch("old", "--json")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "ledger.sqlite" in done.stderr


def test_neither_torch_nor_cv2_is_loaded(place):
    code = (
        "import sys; from smearwatch.daemon.cli import main\n"
        "import smearwatch.clients.terminal.start, smearwatch.clients.feed, smearwatch.clients.lines_role\n"
        "sys.argv = ['smearwatch', 'watch', 'old', '--json']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'torchvision', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("smearwatch.daemon.hub.role", "torch cv2 numpy scipy sklearn textual starlette matplotlib"),
        ("smearwatch.clients.web.serving", "torch cv2 numpy scipy sklearn textual matplotlib"),
        ("smearwatch.daemon.process.supervisor", "torch cv2 numpy zmq textual starlette"),
    ],
)
def test_no_role_waits_for_what_another_one_needs(module, late):
    code = (
        f"import sys, {module}\n"
        f"late = set({late.split()!r}) & set(sys.modules)\n"
        "sys.exit(f'loaded: {late}' if late else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_first_screen_waits_for_neither_sockets_nor_statistics():
    code = (
        "import sys; import smearwatch.clients.commands.watch, smearwatch.clients.terminal.start\n"
        "late = {'zmq', 'scipy', 'numpy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {late}' if late else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_away_ends_it_quietly(place):
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    assert reader.stdin is not None
    done = subprocess.run(
        [*WATCH, "old", "--json"], stdout=reader.stdin, stderr=subprocess.PIPE, timeout=30, check=False
    )
    reader.stdin.close()
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_waits_for_the_daemon_follows_it_and_ends_with_it(place):
    process = subprocess.Popen([*WATCH, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    bench = Bench(place)
    try:
        bench.journal.commit(*counted_frames(0, 3))
        wait_for(lambda: turn_in_time(bench), lambda: readable(process.stdout))
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["cells"] == 3
        bench.journal.commit(*counted_frames(3, 9))
        bench.hub.close(stopping=False)
        rest, errors = process.communicate(timeout=20)
    finally:
        bench.close()
        process.kill()
    last = json.loads(rest.splitlines()[-1])
    assert (last["cells"], last["complete"], last["ended"], errors, process.returncode) == (9, True, "finished", "", 0)


def test_a_signal_ends_it_quietly(place):
    waiting = {
        number: subprocess.Popen([*WATCH, "--plain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    for number, process in waiting.items():
        assert process.stderr is not None
        assert "no count is running; waiting for one" in process.stderr.readline()
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
        assert (out, errors, process.returncode) == ("", "", 0)


def test_once_gives_the_present_state_of_a_running_daemon(place):
    bench = Bench(place)
    try:
        bench.journal.commit(*counted_frames(0, 4))
        process = subprocess.Popen([*WATCH, "--once", "--json"], stdout=subprocess.PIPE, text=True)
        wait_for(lambda: turn_in_time(bench), lambda: process.poll() is not None)
        out, _ = process.communicate()
    finally:
        bench.close()
    (line,) = out.splitlines()
    assert (process.returncode, json.loads(line)["cells"], json.loads(line)["workers"]) == (0, 4, 0)


@contextmanager
def in_terminal(*arguments, **surroundings):
    """Run the command in a terminal of 80x24, and yield what it draws so far, and how to type."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 800, 480))
    unset = ("COLORTERM", "TMUX", "STY", "LC_TERMINAL", "TERM_PROGRAM")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    env |= {"TERM": "xterm-256color", **surroundings}
    process = subprocess.Popen([*WATCH, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    screen = bytearray()

    def until(word, times=1):
        wait_for(lambda: screen.extend(read_some(ours)), lambda: screen.count(word) >= times, within_s=60)

    try:
        yield screen, until, lambda keys: os.write(ours, keys)
        os.write(ours, b"q")
        wait_for(lambda: screen.extend(read_some(ours)), lambda: process.poll() is not None)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert process.returncode == 0, bytes(screen[-2000:])


def test_in_a_terminal_it_draws_and_quits_by_key(place):
    with in_terminal("old", COLORTERM="truecolor") as (screen, until, _):
        until(b"recorded")
    assert b"Not for use in diagnostic procedures." in screen
    assert b"38;2;" in screen


def test_a_terminal_of_256_colours_gets_their_numbers(place):
    record(place / "s" / "sessions" / "drawn", 24)
    with in_terminal("drawn") as (screen, until, type_keys):
        until(b"recorded")
        type_keys(b"n")
        until("\N{LOWER HALF BLOCK}".encode())
    assert b"38;5;" in screen
    assert b"38;2;" not in screen
    assert b"48;2;" not in screen


@pytest.mark.parametrize(
    ("kind", "begins"), [("kitty", b"\x1b_G"), ("sixel", b"\x1bP"), ("iterm", b"\x1b]1337;File="), ("none", b"")]
)
def test_pictures_come_by_the_graphics_that_were_asked_for(place, kind, begins):
    record(place / "s" / "sessions" / "drawn", 24)
    with in_terminal("drawn", "--pictures", kind, "--by", "A. Reader") as (screen, until, type_keys):
        until(b"recorded")
        asked = screen.count(begins)  # the terminal itself is asked what it can
        type_keys(b"n")
        until(b"why flagged")
        if kind == "none":
            type_keys(b"p")
            until(b"There are no pictures, as --pictures none says.")
        else:
            until(begins, asked + 1)
        type_keys(b"6")
        until(b"says A. Reader")
    assert "\N{LOWER HALF BLOCK}".encode() not in screen
    with Ledger.read(place / "s" / "sessions" / "drawn") as ledger:
        assert ledger.summary().cells_labelled == 1


def read_some(descriptor):
    if not select.select([descriptor], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is gone
        return b""


def readable(stream):
    return bool(select.select([stream], [], [], 0)[0])


def wait_for(turn, done, within_s=20.0):
    deadline = time.monotonic() + within_s
    while not done():
        turn()
        assert time.monotonic() < deadline, "never came"


def turn_in_time(bench):
    """Let the bench's clock go on, so that the hub pulses."""
    bench.now += 0.05
    bench.hub.turn(0.02)
