"""The power is cut at many moments; the disk has kept what fsync guarantees, and any part of what was written since."""

import random
import shutil
import subprocess
import sys

import pytest

from tests.integration.test_ledger_killed import WRITER
from tests.torture.cuts import cut
from tests.torture.disk import STRACE, Disk

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (apt-get install strace)"),
]
FRAMES, CUTS = 6, 60

# Says what was kept as soon as the ledger says so, and nothing else.
NOTING = """
import os
import smearwatch.daemon.record.ledger as kept

append, print = kept.Ledger.append, lambda *_, **__: None

def noting(self, *arguments):
    written = append(self, *arguments)
    for recorded in written:
        os.write(1, f"{recorded.number} {recorded.chain}\\n".encode())
    return written

kept.Ledger.append = noting
"""
LEDGER_NOT_SYNCED = """
connect = kept.connect_to_write

def careless(*arguments):
    connection = connect(*arguments)
    connection.execute("PRAGMA synchronous = OFF")
    return connection

kept.connect_to_write = careless
"""
FRAMES_NOT_SYNCED = "os.fsync = lambda _: None\n"


def cuts_of(folder, changes=""):
    """Write a session under strace, cut the power again and again; gives what came of it."""
    (folder / "state").mkdir()
    script = NOTING + changes + WRITER
    with (folder / "notes").open("w") as notes:
        typed = [sys.executable, "-c", script, str(folder / "state" / "killed"), str(FRAMES)]
        subprocess.run([*STRACE, "-o", str(folder / "log"), *typed], stdout=notes, check=True, timeout=120)
    disk = Disk(folder / "state", folder / "notes")
    return cut(folder / "log", disk, "killed", folder / "image", CUTS, random.Random(5))


def test_what_was_told_survives_a_loss_of_power(tmp_path):
    result = cuts_of(tmp_path)
    assert result["flaws"] == []
    assert result["told_at_the_end"] == 1 + 4 * FRAMES  # the first, and of each frame: seen, found, two cells
    assert result["by_what_was_left"] == {"least": CUTS // 4, "some": CUTS // 2, "most": CUTS // 4}


@pytest.mark.parametrize(
    ("changes", "says"),
    [(LEDGER_NOT_SYNCED, "was told, and is gone"), (FRAMES_NOT_SYNCED, "the bytes of frame")],
    ids=["ledger", "frames"],
)
def test_what_is_not_brought_to_the_disk_is_noticed(tmp_path, changes, says):
    flaws = cuts_of(tmp_path, changes)["flaws"]
    assert any(says in flaw for flaw in flaws)
