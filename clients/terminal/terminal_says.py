"""What pictures a terminal says that it can draw, asked of it before the screen is there."""

import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ATTRIBUTES: Final = b"\x1b[c"  # what are you? every terminal answers that: ESC [ ? numbers c
_A_PICTURE: Final = b"\x1b_Gi=4711,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"  # could you draw this pixel? by Kitty's graphics
_HAS_DRAWN: Final = b"\x1b_Gi=4711;OK"
_ANSWER: Final = re.compile(rb"\x1b\[\?([0-9;]*)c")
_SIXEL: Final = b"4"
_PATIENCE_S: Final = 0.1
_LONGEST: Final = 4096


def graphics_of_terminal() -> str:
    """Return ``sixel`` or ``kitty`` as the terminal says, ``blocks`` where it says neither, or is none.

    The library that draws both asks this too, while it is imported, and brings numpy along: it is loaded only where it
    draws.
    """
    if sys.__stdin__ is None or sys.__stdout__ is None or not (sys.__stdin__.isatty() and sys.__stdout__.isatty()):
        return "blocks"
    keyboard, screen = sys.__stdin__.fileno(), sys.__stdout__.fileno()
    try:
        with _raw(keyboard):
            # Sixel first: some terminals say that they have Kitty's, and lack what is needed of them.
            answer = _asked(keyboard, screen, _ATTRIBUTES)
            said = _ANSWER.search(answer)
            if said is None:
                return "blocks"
            if _SIXEL in said[1].split(b";"):
                return "sixel"
            return "kitty" if _HAS_DRAWN in _asked(keyboard, screen, _A_PICTURE + _ATTRIBUTES) else "blocks"
    except (OSError, termios.error):
        return "blocks"


def _asked(keyboard: int, screen: int, question: bytes) -> bytes:
    """Return what comes until the terminal has said what it is, or says nothing for a while."""
    os.write(screen, question)
    answer, until_s = b"", time.monotonic() + _PATIENCE_S
    while _ANSWER.search(answer) is None and len(answer) < _LONGEST:
        if not select.select([keyboard], [], [], max(until_s - time.monotonic(), 0.0))[0]:
            break
        piece = os.read(keyboard, 1024)
        if not piece:
            break
        answer += piece
        until_s = time.monotonic() + _PATIENCE_S
    return answer


@contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Have the terminal hand on what it says at once, and not show it."""
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)
