"""From typing `smearwatch watch` to its screen, beside the bare interpreter and the bare terminal library."""

import os
import pty
import select
import subprocess
import sys
import tempfile
import time

from tests.bench.report import Report, spread

ROUNDS = 7
CASES = {
    "python -c pass": (["-c", "pass"], None),
    "import textual": (["-c", "import textual.app, textual.widgets"], None),
    "smearwatch watch on screen": (["-m", "smearwatch.daemon.cli", "watch"], b"Research Use Only"),
}


def main() -> None:
    """Measure in turn and report; no daemon runs, so the screen waits for one."""
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, (arguments, shown) in CASES.items():
            seconds[name].append(_once(arguments, shown))
    report = Report("watch_start", "seconds, runs in turn")
    for name, values in seconds.items():
        report.add(what=name, **spread(values))
    report.finish()


def _once(arguments: list[str], shown: bytes | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        environment |= {"SMEARWATCH_RUNTIME_DIR": folder, "SMEARWATCH_STATE_DIR": folder}
        ours, theirs = pty.openpty()
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
        )
        os.close(theirs)
        try:
            if shown is None:
                process.wait(30)
            else:
                _until(ours, shown)
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def _until(terminal: int, shown: bytes) -> None:
    screen = b""
    while shown not in screen:
        if not select.select([terminal], [], [], 30.0)[0]:
            raise SystemExit("nothing on the screen for 30 s")
        screen += os.read(terminal, 65536)


if __name__ == "__main__":
    main()
