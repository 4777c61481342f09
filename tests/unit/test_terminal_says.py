"""The terminal is asked what pictures it draws, before the screen is there, and without what draws them."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

_ASK = (
    "import sys; from smearwatch.clients.terminal.terminal_says import graphics_of_terminal\n"
    "open(sys.argv[1], 'w').write(graphics_of_terminal())\n"
)
_ATTRIBUTES, _PIXEL = b"\x1b[c", b"\x1b_G"


def asked(path: Path, answers: dict[bytes, bytes]) -> tuple[str, bytes]:
    """Let a program ask a terminal that answers so; return what it found out, and all that it wrote."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    program = subprocess.Popen([sys.executable, "-c", _ASK, str(path)], stdin=theirs, stdout=theirs, stderr=theirs)
    written = b""
    try:
        while program.poll() is None:
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            piece = os.read(ours, 4096)
            written += piece
            for question, answer in answers.items():
                if question in piece:
                    os.write(ours, answer)
        assert termios.tcgetattr(theirs) == before, "the terminal is as it was"
    finally:
        os.close(ours)
        os.close(theirs)
    return path.read_text(), written


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({_ATTRIBUTES: b"\x1b[?62;4;22c"}, "sixel"),
        ({_PIXEL: b"\x1b_Gi=4711;OK\x1b\\", _ATTRIBUTES: b"\x1b[?62;22c"}, "kitty"),
        ({_PIXEL: b"\x1b_Gi=4711;ENOTSUPPORTED\x1b\\", _ATTRIBUTES: b"\x1b[?62;22c"}, "blocks"),
        ({_ATTRIBUTES: b"q\x1b[?62;44c"}, "blocks"),  # a key was pressed meanwhile; 44 is not 4
        ({_ATTRIBUTES: b"\x1b[?1;2"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_a_terminal_that_answers_so_draws_such_pictures(tmp_path, answers, found):
    got, written = asked(tmp_path / "found", answers)
    assert got == found
    assert _ATTRIBUTES in written
    assert (_PIXEL in written) == (found != "sixel" and b"c" in answers.get(_ATTRIBUTES, b""))


def test_what_is_no_terminal_is_not_asked(tmp_path):
    began_s = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", _ASK, str(tmp_path / "found")], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert (ran.stdout, (tmp_path / "found").read_text()) == (b"", "blocks")
    assert time.monotonic() - began_s < 60


def test_the_first_screen_loads_neither_pictures_nor_events():
    code = (
        "import sys, smearwatch.daemon.cli, smearwatch.clients.commands.watch, smearwatch.clients.terminal.start\n"
        "late = {'numpy', 'PIL', 'textual_image', 'zmq', 'scipy', 'structlog', 'smearwatch.daemon.record.events'}\n"
        "print(*late & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.split() == []
