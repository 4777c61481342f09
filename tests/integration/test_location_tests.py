"""A cell-location test on real ledgers: blind, gone on with, each leukocyte once, kept, withdrawn, verified."""

import json
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.quality.draft import FILE
from smearwatch.clients.quality.location_test import LocationTest, NotNow
from smearwatch.clients.reviewing.pictures import NoPicture
from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.daemon.record.chain import link
from smearwatch.daemon.record.events import Labelled, LocationTested, Opened, event_to_bytes
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.keeping import StillCounted
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.location import Mark, MarkedField, location_tests
from smearwatch.daemon.record.lock import SessionLock
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.signing import sign, standing
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused, key_of
from tests.placed import At, Laid, record
from tests.reviewed import close

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path):
    """Record three fields: the second lies 20 um right of the first and shows its cell again, the third is alone."""
    where = tmp_path / "sessions" / "monday"
    first = [At(300, 200), At(600, 400, "monocyte"), At(3, 100, at_edge=True), At(100, 400, verdict="rejected")]
    second = [At(100, 200, same_as=(0, 0)), At(500, 100, "band")]
    record(where, [Laid(0, 0, 0, first), Laid(20, 0, 0, second), Laid(0, 0, 5, [])])
    close(where)
    return where


def events(folder):
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        return location_tests(ledger)


def begun(folder, order="in_order"):
    test = LocationTest(folder)
    test.begin("A. Reader", order)
    return test, test.state()["field"]


def test_a_test_from_beginning_to_end(folder):
    before = standing(folder).fold
    test, field = begun(folder)
    assert (field["number"], field["name"], field["before"]) == (1, "0.png", [])
    assert test.picture(field["frame"]).startswith(b"\xff\xd8")
    # Near the first cell, at the one that is cut, on the one that was rejected, and where the machine found nothing.
    said = test.compare(field["frame"], [(310, 205), (5, 101), (101, 401), (350, 440)])
    assert [(mark["is"], mark["rejected"]) for mark in said["compared"]["marks"]] == [
        ("found", False), ("cut", False), ("found", True), ("missed", False),
    ]  # fmt: skip
    assert [(cell["index"], cell["is"]) for cell in said["compared"]["cells"]] == [(1, "asked")]
    with pytest.raises(NotNow, match="still to be judged"):
        test.keep(None)
    # Another program goes on with it.
    again = LocationTest(folder)
    assert again.state()["compared"] == said["compared"]
    assert again.state()["field"]["frame"] == field["frame"]
    with pytest.raises(NotNow, match="another field"):
        again.compare(field["frame"], [(600, 400)])
    again.answer(field["frame"], 1, leukocyte=False)
    again.answer(field["frame"], 1, leukocyte=True)
    second = again.state()["field"]
    # What was marked lies 20 um further left in the second field; the missed one does, too.
    assert second["before"] == [pytest.approx((110, 205)), pytest.approx((150, 440))]
    said = again.compare(second["frame"], [(101, 201), (151, 441), (502, 99)])
    assert [mark["is"] for mark in said["compared"]["marks"]] == ["again", "again", "found"]
    assert said["compared"]["cells"] == []
    third = again.state()["field"]
    again.compare(third["frame"], [])
    assert again.state()["field"] is None
    kept = again.keep("new stain")
    assert (kept.marked, kept.found, kept.rejected, kept.overlooked, kept.not_leukocytes) == (4, 3, 1, 1, 0)
    assert (kept.aside("again"), kept.aside("cut"), len(kept.fields), kept.note) == (2, 1, 3, "new stain")
    assert not (folder / FILE).exists()
    assert events(folder) == [(kept, None)]
    with LedgerReader.read(folder) as ledger:
        assert ledger.rows("PRAGMA user_version") == [(12,)]
    now = standing(folder).fold
    assert (now.counts, now.result) == (before.counts, before.result)


def test_what_the_machine_found_is_not_told_before_the_marks_are_safe(folder):
    test, field = begun(folder, "random")
    assert "cells" not in json.dumps(test.state()["field"])
    assert test.state()["compared"] is None
    for place in ((641, 3), (3, float("nan"))):
        with pytest.raises(NotNow, match="outside"):
            test.compare(field["frame"], [place])
    with pytest.raises(NotNow, match="two marks lie on one leukocyte"):
        test.compare(field["frame"], [(310, 205), (100, 100), (310.5, 205)])
    with pytest.raises(NotNow, match="another field"):
        test.compare("c" * 64, [])
    with pytest.raises(NotNow, match="not asked for"):
        test.answer(field["frame"], 0, leukocyte=True)
    assert test.state()["test"]["fields"] == 0
    with pytest.raises(NotNow, match="no leukocyte was marked"):
        test.keep(None)
    with pytest.raises(NotNow, match="unfinished"):
        test.begin("B", "random")
    test.discard()
    assert test.state()["test"] is None
    test.begin("A. Reader", "random")
    another = LocationTest(folder, "B. Other")
    assert another.state()["of_another"] == "A. Reader"
    for do in (another.discard, lambda: another.keep(None), lambda: another.compare(field["frame"], [])):
        with pytest.raises(NotNow, match=r"is A\. Reader's"):
            do()
    draft = json.loads((folder / FILE).read_text())
    draft["fields"] = [{"frame": "c" * 64, "marks": [], "unmarked": {}}]
    (folder / FILE).write_text(json.dumps(draft))
    with pytest.raises(DraftUnusable, match="not in this session"):
        test.state()
    (folder / FILE).write_text("{}")
    with pytest.raises(DraftUnusable, match=r"location\.unfinished: not what"):
        test.state()


def test_fields_whose_files_are_damaged_are_passed_over_and_counted(tmp_path):
    folder = tmp_path / "sessions" / "deep"
    record(folder, [Laid(cells=[At(9, 9)], whole=False), Laid(island=1, cells=[At(300, 300)])])
    close(folder)
    test, field = begun(folder)
    assert field["number"] == 2
    test.compare(field["frame"], [(300, 300)])
    kept = test.keep(None)
    assert (kept.not_shown, kept.marked) == (1, 1)
    with pytest.raises(NoPicture):
        test.picture("c" * 64)


def test_a_signed_session_takes_a_test_and_one_that_is_counted_waits(folder):
    sign(folder, by="A", overruled={"rejected": "debris", "target": "few"})
    test, field = begun(folder)
    test.compare(field["frame"], [(300, 200), (600, 400)])
    test.keep(None)
    assert len(events(folder)) == 1
    assert standing(folder).fold.signed is not None
    other = folder.parent / "running"
    record(other, [Laid(cells=[At(300, 300)])])
    test, field = begun(other)
    test.compare(field["frame"], [(300, 300)])
    lock = SessionLock(other)
    try:
        with pytest.raises(StillCounted):
            test.keep(None)
    finally:
        lock.release()
    assert test.state()["test"]["marked"] == 1
    test.keep(None)


def test_the_record_refuses_what_cannot_be(folder):
    with LedgerReader.read(folder) as ledger:
        frame = next(ledger.found_frames()).frame
    with Ledger.open(folder) as ledger:
        for event, why in (
            (LocationTested("A", 1, 2, 1, "random", 6.0, (MarkedField(frame, (Mark(9.0, 9.0, 0),), ()),)), "elsewhere"),
            (LocationTested("A", 1, 2, 2, "random", 6.0, (MarkedField(frame, (Mark(9.0, 9.0),), ()),)), "no number 1"),
        ):
            with pytest.raises(LedgerRefused, match=why):
                ledger.append([event])
    assert events(folder) == []
    # Whoever writes past the program, with a right chain, is found out by what the test says.
    with LedgerReader.read(folder) as ledger:
        *_, last = ledger.events()
    event = LocationTested("A", 1, 2, 1, "random", 6.0, (MarkedField(frame, (Mark(9.0, 9.0, 0),), ()),))
    body = event_to_bytes(event)
    chain = link(bytes.fromhex(last.chain), last.number + 1, last.epoch, 5, event.kind, body)
    row = (last.number + 1, last.epoch, 5, event.kind, key_of(event), body.decode(), chain)
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection, connection:
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    with LedgerReader.read(folder) as ledger:
        (fault,) = verify(ledger)
    assert "is a location test that cannot be: it pairs a mark with a cell that lies elsewhere" in fault.what


def typed(folder, *words):
    given = {"SMEARWATCH_STATE_DIR": str(folder.parents[1])}
    return CliRunner().invoke(app, list(words), env=given)


def test_tests_are_listed_withdrawn_and_shown_by_day(folder):
    assert "has no location test" in str(typed(folder, "location", "monday").exception)
    assert "no session has a location test" in str(typed(folder, "location").exception)
    for _ in range(2):
        test, field = begun(folder)
        test.compare(field["frame"], [(300, 200), (600, 400)])
        test.keep("new stain")
    said = typed(folder, "location", "monday", "--withdraw", "2", "--by", "B", "--reason", "the wrong slide")
    assert "location test 2 is withdrawn, and stays in the record" in said.stdout
    for number, why in ((2, "was withdrawn already, by B"), (3, "is not there")):
        said = typed(folder, "location", "monday", "--withdraw", str(number), "--by", "B", "--reason", "x")
        assert why in str(said.exception)
    assert typed(folder, "location", "monday", "--withdraw", "1", "--by", "B").exit_code == 2
    assert typed(folder, "location", "monday", "--by", "B").exit_code == 2
    assert typed(folder, "location", "--withdraw", "1", "--by", "B", "--reason", "x").exit_code == 2
    (_, none), (_, gone) = events(folder)
    assert (none, gone.reason) == (None, "the wrong slide")
    listed = json.loads(typed(folder, "location", "monday", "--json").stdout)
    assert [each["withdrawn"] and each["withdrawn"]["by"] for each in listed["tests"]] == [None, "B"]
    shown = json.loads(typed(folder, "location", "--json").stdout)
    (day,) = shown["days"]
    assert (day["marked"], day["found"], day["sessions"], day["notes"]) == (2, 2, ["monday"], ["new stain"])
    (folder.parent / "broken").mkdir()
    (folder.parent / "broken" / "ledger.sqlite").write_bytes(b"no ledger" * 100)
    said = typed(folder, "location").stdout
    assert "2     2   100.0%" in said
    assert "broken is unreadable" in said
    typed(folder, "location", "monday", "--withdraw", "1", "--by", "B", "--reason", "another wrong slide")
    said = typed(folder, "location")
    assert (said.exit_code, "Every location test was withdrawn" in said.stdout) == (0, True)
    assert "broken is unreadable" in said.stdout


def test_coverage_by_command(folder):
    report = json.loads(typed(folder, "coverage", "monday", "--json").stdout)
    assert report["fields"] == {"searched": 3, "placed": 2, "unplaced": [{"number": 3, "name": "2.png"}]}
    assert report["area_mm2"] == pytest.approx(84 * 48 / 1e6, abs=2e-4)
    assert (report["route_mm"], report["parts"], report["revisited"]) == (0.02, [2], 0)
    assert report["cells"] == {"placed": 3, "all": 3}  # the rejected one is in neither, the one seen again stands once
    with Ledger.open(folder) as ledger:  # whatever persons call leukocytes, they lie on the map
        frame = next(each.frame for each in ledger.found_frames())
        names = enumerate(("neutrophil", "leukocyte:atypical_lymphocyte"))
        own = (ExtraClass("atypical_lymphocyte", "leukocyte", "w", "atypical"),)
        ledger.append([Opened(ledger.epoch, 1, "test", "monday", 100, 33.0, "filament", {}, None, own)])
        ledger.append([Labelled(frame, index, name, "A", 1, 1) for index, name in names])
    report = json.loads(typed(folder, "coverage", "monday", "--json").stdout)
    assert report["cells"] == {"placed": 3, "all": 3}
    with Ledger.open(folder.parent / "older") as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", "older", 100, 33.0, "filament", {})])
    assert "were not placed on the slide" in typed(folder, "coverage", "older").stdout
