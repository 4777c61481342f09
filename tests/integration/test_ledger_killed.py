"""A writer is killed at any moment; what it acknowledged is there, and the session goes on."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from smearwatch.daemon.record.events import CLASSES, Counted, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify

pytestmark = pytest.mark.integration

FRAMES = 150

# Writes the whole session from the beginning every time, as sources and workers do that deliver at least once, and
# says what was committed after each commit.
WRITER = """
import sys
from pathlib import Path
from smearwatch.daemon.record.events import CLASSES, Counted, Found, FoundCell, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger

shares = (1.0, *(0.0 for _ in CLASSES[1:]))
with Ledger.open(Path(sys.argv[1])) as ledger:
    ledger.append([Opened(ledger.epoch, 1, "0", "killed", None, 33.0, "filament", {})])
    for n in range(int(sys.argv[2])):
        frame = ledger.frames.put(f"frame {n}".encode() * 500)
        ledger.append([Seen(frame, f"{n}.jpg", 1, n, None, None, True, "folder")])
        print("seen", frame, flush=True)
        cells = tuple(FoundCell(i, (0, 0, 9, 9), (4.0, 4.0), 80.0, False, 1.0) for i in range(2))
        ledger.append([Found(frame, 10, 10, 0.1, "configured", None, 0.9, cells)])
        ledger.append([], {(frame, 0): b"jpeg"})
        for i in range(2):
            ledger.append([Counted(frame, i, CLASSES[(n + i) % len(CLASSES)], "confirmed", shares, shares, 0.0, "w")])
            print("counted", frame, i, flush=True)
print("done", flush=True)
"""


def run_until(folder: Path, lines: int | None) -> list[str]:
    """Start the writer, read `lines` of what it acknowledges (all of it for None), and kill it there."""
    command = [sys.executable, "-c", WRITER, str(folder), str(FRAMES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = []
        for line in child.stdout:
            told.append(line.strip())
            if lines is not None and len(told) >= lines:
                child.kill()
                break
        told += [line.strip() for line in child.stdout if line.endswith("\n")]
    return told


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again(tmp_path, seed):
    folder = tmp_path / "killed"
    chance = random.Random(seed)
    acknowledged: set[str] = set()
    epochs = 0
    # The first are killed at once, while the file is being made; the later ones somewhere in the middle.
    for lines in [1, chance.randrange(1, 40), chance.randrange(40, 200), chance.randrange(200, 420), None]:
        told = run_until(folder, lines)
        acknowledged.update(told)
        epochs += 1
        with Ledger.read(folder) as reader:
            assert list(verify(reader)) == []
            assert reader.epoch == epochs
            written = [recorded.event for recorded in reader.events()]
        there = {f"seen {e.frame}" for e in written if isinstance(e, Seen)}
        there |= {f"counted {e.frame} {e.index}" for e in written if isinstance(e, Counted)}
        assert acknowledged - {"done"} <= there
        fold = TallyFold()
        for event in written:
            fold.apply(event)
            assert fold.balanced
    assert "done" in acknowledged
    assert fold.complete
    assert fold.frames == {"seen": FRAMES, "counted": FRAMES, "rejected": 0, "pending": 0}
    assert fold.counts == dict.fromkeys(CLASSES, 2 * FRAMES // len(CLASSES))


def test_killed_before_it_said_anything(tmp_path):
    """Whatever stage the making of the file had reached, it is made to the end the next time."""
    folder = tmp_path / "killed"
    for delay_s in (0.0, 0.15, 0.2, 0.25, 0.3):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), "1"], stdout=subprocess.DEVNULL)
        with child:
            try:
                child.wait(delay_s)
            except subprocess.TimeoutExpired:
                child.kill()
    with Ledger.open(folder) as ledger:
        assert list(verify(ledger)) == []
        assert ledger.epoch == 1 + len({recorded.epoch for recorded in ledger.events()})
