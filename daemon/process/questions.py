"""Questions to a program of its own that is not to be loaded here: over its standard input and output, one by one.

A question and its answer have one form: a line of JSON, which says in ``bytes`` how many bytes follow it. The program
ends with the end of its input, so never later than whoever asks.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Timer
from typing import IO, Any, Final

_LONGEST_HEADER: Final = 64 * 1024


class NoAnswer(Exception):
    """The program did not answer: it has ended, or took too long and was ended."""

    hint = "try again; where it stays so, see `smearwatch doctor`"


class Questions:
    """Asks a module's program, and starts it with the first question. Safe for threads: one question at a time.

    Parameters
    ----------
    module
        What ``python -m`` runs; it calls `answer`.
    arguments
        What it is started with.
    longest_s
        After so long it is ended.
    """

    def __init__(self, module: str, *arguments: str, longest_s: float) -> None:
        # -P: what lies in the folder that one happens to be in is not taken for a part of Python.
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._longest_s = longest_s
        self._lock = Lock()
        self._program: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def ask(self, header: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Return the answer's header and bytes; raises `NoAnswer`."""
        with self._lock:
            program = self._program = self._program or self._started()
            late = Timer(self._longest_s, program.kill)
            late.daemon = True
            late.start()
            try:
                assert program.stdin is not None
                assert program.stdout is not None
                _send(program.stdin, header, data)
                return _receive(program.stdout)
            except (OSError, EOFError, ValueError) as error:
                self._end()
                raise NoAnswer("the program that was asked has ended") from error
            finally:
                late.cancel()

    def interrupt(self) -> None:
        """End the program in the middle of an answer, too; whoever asked gets `NoAnswer`."""
        if (program := self._program) is not None:
            program.kill()

    def close(self) -> None:
        """End the program; it may be asked again."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=null, start_new_session=True)

    def _end(self) -> None:
        program, self._program = self._program, None
        if program is None:
            return
        program.kill()
        for pipe in (program.stdin, program.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        program.wait()


def answer(reply: Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]) -> None:
    """Answer questions until there are no more, in the program that is asked."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with suppress(EOFError, BrokenPipeError), answers:
        while True:
            _send(answers, *reply(*_receive(questions)))


def _send(pipe: IO[bytes], header: dict[str, Any], data: bytes) -> None:
    pipe.write(json.dumps(header | {"bytes": len(data)}).encode() + b"\n")
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    line = pipe.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    size = header.pop("bytes")
    data = pipe.read(size)
    if len(data) != size:
        raise EOFError
    return header, data
