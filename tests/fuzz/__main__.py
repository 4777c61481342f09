"""Fuzz what reads bytes from outside: ``python -m tests.fuzz MINUTES [READER ...]`` (``make fuzz MINUTES=10``).

Each reader gets its share of the minutes, in a process of its own. What ends, hangs or swells one is kept in
``.fuzz/found`` and said; then the exit status is 1. What was worth knowing lies in ``.fuzz/corpus``, and the next run
goes on from there.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.readers import READERS
from tests.fuzz.seeds import seeds

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".fuzz"
LONGEST_S: Final = 20
MOST_MB: Final = 3000
_IN_MEMORY: Final = Path("/dev/shm")


def main(minutes: float, names: list[str]) -> int:
    """Fuzz the readers one after the other; returns the exit status."""
    faults = [name for name in names if fuzz(name, max(5, round(60 * minutes / len(names))))]
    print(f"{len(names)} readers, {len(faults)} with a fault{': ' if faults else ''}{', '.join(faults)}")
    return int(bool(faults))


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one reader; returns whether something was found."""
    corpus, found = KEPT / "corpus" / name, KEPT / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    for each in seeds(name):
        (corpus / hashlib.sha256(each).hexdigest()[:16]).write_bytes(each)
    options = {
        "max_total_time": seconds,
        "timeout": LONGEST_S,
        "rss_limit_mb": MOST_MB,
        "max_len": max(4096, 2 * max(map(len, seeds(name)))),
        "artifact_prefix": f"{found}/{name}-",
        "close_fd_mask": 3,  # decoders in C complain of each input
        "print_final_stats": 1,
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.one", name, str(corpus)]
    command += [f"-{option}={value}" for option, value in options.items()]
    environment = os.environ | ({"TMPDIR": str(_IN_MEMORY)} if os.access(_IN_MEMORY, os.W_OK) else {})
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    reached = [*re.finditer(r"cov: (\d+)", done.stderr)]
    counted = f"{runs[1] if runs else '?'} inputs, {reached[-1][1] if reached else '?'} places reached"
    if done.returncode == 0:
        print(f"{name}: {counted}", flush=True)
        return False
    print(f"{name}: {counted}; ended with {done.returncode}", flush=True)
    for artifact in found.glob(f"{name}-[!s]*"):  # a slow one is kept, and is no fault
        print(f"{artifact.relative_to(ROOT)}:\n  {_read_again(name, artifact)}", flush=True)
    return True


def _read_again(name: str, artifact: Path) -> str:
    """Return what becomes of an input without the fuzzer around, which does not say."""
    program = "import sys; from tests.fuzz.readers import READERS; READERS[sys.argv[1]](open(sys.argv[2], 'rb').read())"
    command = [sys.executable, "-W", "ignore", "-c", program, name, str(artifact)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3 * LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {3 * LONGEST_S} seconds"
    return "\n  ".join(done.stderr.strip().splitlines()[-12:] or [f"it ended with {done.returncode}, without a word"])


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 10.0, sys.argv[2:] or [*READERS]))
