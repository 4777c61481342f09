"""What is said while the environment is made: how far pip is, and what may help when a step fails."""

import re
import sys
import threading

import pytest

import make_environment
from make_environment import Progress, Screen, StepFailed, run
from tests.audit import LOCKS
from tests.documented import ROOT


def test_pips_words_become_how_far_it_is():
    progress = Progress(118)
    said = [
        progress.words(line)
        for line in (
            "WARNING: Location 'x' is ignored: it is neither a file nor an index",
            "Collecting absl-py==2.3.1 (from -r requirements.txt (line 7))",
            "  Downloading absl_py-2.3.1-py3-none-any.whl (135 kB)",
            "Collecting torch==2.11.0 (from -r requirements.txt (line 9))",
            "  Downloading torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl (915.6 MB)",
            "Installing collected packages: torch, absl-py",
        )
    ]
    assert said == [
        "starting",
        "1 of 118: absl-py 2.3.1",
        "1 of 118: absl-py 2.3.1, 135 kB",
        "2 of 118: torch 2.11.0",
        "2 of 118: torch 2.11.0, 915.6 MB",
        "unpacking; this takes a while",
    ]


def python(code):
    return [sys.executable, "-c", code]


def test_a_step_that_fails_holds_its_last_lines_without_the_noise():
    code = (
        "import sys\n"
        "for n in range(50): print('line', n)\n"
        "print('WARNING: Location x is ignored: it is neither a file nor an index')\n"
        "sys.exit('no space left')"
    )
    with pytest.raises(StepFailed) as failed:
        run(Screen(), "installing the packages", python(code), "make room")
    assert failed.value.hint == "make room"
    assert "no space left" in failed.value.output
    assert "line 49" in failed.value.output
    assert len(failed.value.output) == make_environment.LAST_LINES
    assert not any("ignored" in line for line in failed.value.output)
    with pytest.raises(StepFailed):
        run(Screen(), "an empty environment", ["/no/such/python"], "install it")


def test_in_a_pipe_a_step_is_one_line_and_a_failure_says_what_may_help(tmp_path, monkeypatch, capsys):
    (tmp_path / "requirements.txt").write_text("no-such-package-of-smearwatch==1.0 --hash=sha256:00\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert make_environment.main("env") == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Making the environment in env: once, some minutes.",
        "[1/3] an empty environment",
        "[2/3] 1 package, most of it PyTorch: about 3 GB to download, 6 GB on disk",
    ]
    assert err.splitlines()[-1].startswith("installing the packages failed (check the network")


def test_nothing_that_stays_on_the_screen_is_wider_than_80_columns(monkeypatch, capsys):
    class Wide(Screen):
        def __init__(self):
            self._moves = True

    Wide().show("x" * 200)
    assert capsys.readouterr().out == "\r\x1b[K" + "x" * 79


def test_two_at_once_wait_for_each_other(tmp_path, capsys):
    folder = tmp_path / "env"
    entered, left = threading.Event(), []

    def second():
        with make_environment.alone(make_environment.Screen(), folder):
            left.append("second")
        entered.set()

    with make_environment.alone(make_environment.Screen(), folder):
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.3)
        left.append("first")
    other.join(10)
    assert left == ["first", "second"]
    assert "waiting for it" in capsys.readouterr().out


def test_the_locks_name_no_place_to_fetch_from_and_each_package_by_its_hashes():
    for lock in LOCKS:
        text = lock.read_text()
        assert "://" not in text
        assert not re.search(r"^ *-", text.replace("    --hash=sha256:", ""), re.MULTILINE)
        assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:])
    assert re.search(r"^weasyprint==", (ROOT / "requirements.txt").read_text(), re.MULTILINE), "nothing would test it"
