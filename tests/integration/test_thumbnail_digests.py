"""Each cell's small picture has its digest in the chain: one that was swapped or taken away is noticed."""

import json
import sqlite3
from pathlib import Path

import pytest

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import Found, FoundCell, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.verifying import thumbnails_without_digest, verify
from smearwatch.daemon.wire.messages import FrameLease
from tests.integration.hub_bench import cells
from tests.integration.test_archive import form, refused, rewritten, typed, with_ledger
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

CHANGED = {
    "UPDATE thumbnails SET jpeg = x'00' WHERE cell = 1": "small picture of cell 1",
    "DELETE FROM thumbnails WHERE cell = 0": "small picture of cell 0",
    "INSERT INTO thumbnails SELECT frame, 2, jpeg FROM thumbnails WHERE cell = 0": "small picture of cell 2",
    "INSERT INTO thumbnails SELECT frame, 777, jpeg FROM thumbnails WHERE cell = 0": "small picture of cell 777",
}


def make(name: str, *, digests: bool) -> Path:
    """Record a session of three cells, two of which have a small picture."""
    where = session_folder(load_settings().state_dir, name)
    with Ledger.open(where) as ledger:
        frame = ledger.frames.put(b"a frame")
        three = tuple(FoundCell(n, (20 * n, 0, 9, 9), (20.0 * n, 4.0), 90.0, n == 2, 1.0) for n in range(3))
        found = Found(frame, 64, 48, 0.1, "configured", None, 0.5, three)
        jpegs = {(frame, 0): b"first", (frame, 1): b"second"}
        opened = Opened(ledger.epoch, 1, "test", name, None, 33.0, "filament", {})
        seen = Seen(frame, "a.jpg", 7, 1, None, None, True, "folder")
        ledger.append([opened, seen, found.with_thumbnails(jpegs) if digests else found], jpegs)
    close(where)
    return where


def by_hand(folder: Path, statement: str) -> None:
    ledger = sqlite3.connect(folder / "ledger.sqlite")
    with ledger:
        ledger.execute(statement)
    ledger.close()


@pytest.mark.parametrize(("statement", "what"), CHANGED.items(), ids=["changed", "gone", "more", "of none"])
def test_a_small_picture_that_is_not_as_recorded_is_named(statement: str, what: str):
    where = make("monday", digests=True)
    assert form(where) == 14
    assert "small picture" not in typed("verify", "monday").stdout
    by_hand(where, statement)
    assert f"monday: the {what} in frame " in typed("verify", "monday", code=1).stdout


@pytest.mark.parametrize("options", [(), ("--deidentify",)], ids=["as it is", "without names"])
def test_an_archive_without_frames_vouches_for_its_small_pictures(tmp_path: Path, options: tuple[str, ...]):
    make("monday", digests=True)
    out = tmp_path / "light.smearwatch"
    typed("export", "monday", "--format", "archive", "--option", "frames=no", *options, "--out", str(out))
    typed("import", str(out), "--as", "copy")
    assert "small picture" not in typed("verify", "copy").stdout
    whole = out.read_bytes()
    for statement, what in CHANGED.items():
        out.write_bytes(whole)
        rewritten(out, with_ledger(statement))
        assert f"its record was changed: the {what}" in refused("import", str(out), "--as", "swapped")


def test_what_an_earlier_version_recorded_is_taken_and_said(tmp_path: Path):
    where = make("monday", digests=False)
    assert form(where) == 1
    said = (
        "2 small pictures have no digest, for an earlier version recorded them: whether they were changed is not known"
    )
    assert f"monday: {said}\n" in typed("verify", "monday").stdout
    assert json.loads(typed("verify", "monday", "--json").stdout)["thumbnails_without_digest"] == 2
    out = tmp_path / "light.smearwatch"
    typed("export", "monday", "--format", "archive", "--out", str(out))
    assert f"copy: {said}\n" in typed("import", str(out), "--as", "copy").stdout
    make("tuesday", digests=True)
    with LedgerReader.read(where.parent / "tuesday") as ledger:
        assert thumbnails_without_digest(ledger) == 0
    record(where.parent / "none", 3)
    close(where.parent / "none")
    assert "small picture" not in typed("verify", "none").stdout, "it has none"


def test_the_hub_records_digests(staffed):
    bench, source, finder, _ = staffed
    bench.offer(source, b"one")
    ((first, _),) = bench.hear(finder, FrameLease)
    answer, buffers = cells(first, whole=2)
    finder.send(answer, [*buffers[:-1], b""])  # the second cell came without one
    bench.turn()
    (found,) = bench.ledger.found_frames()
    assert [cell.thumbnail is None for cell in found.cells] == [False, True]
    assert (list(verify(bench.ledger)), thumbnails_without_digest(bench.ledger)) == ([], 0)
