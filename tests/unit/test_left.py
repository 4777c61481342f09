"""What the end of a run left: remembered, forgotten once it is counted, said by summaries, a gate before signing."""

import json
from pathlib import Path
from typing import Any

import pytest

from smearwatch.clients.session_lines import show_lines
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.left_text import left_text, not_read_text
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.deidentifying import Deidentifier
from smearwatch.daemon.record.events import Closed, LeftFile, Seen, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.gates import gates_of
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.summary_lines import how_to_go_on, summary_lines

CUT, OPEN = LeftFile("cut.jpg", 90_000, 5, "incomplete"), LeftFile("b\x1b[31m.jpg", 7, 6, "being_written")
STACK = LeftFile("stack.tif", 8, 9, "waiting")
COUNTERS = {"files_ignored": 6, "not_read_heic": 2, "not_read_gif": 1, "not_read_nef": 0}
CLOSED = Closed(1, False, {}, COUNTERS, (CUT, OPEN, STACK), 2)


def seen(name: str) -> Seen:
    return Seen("ab" * 32, name, 5, 1, 0.1, "configured", True, "folder")


def closed_fold() -> TallyFold:
    fold = TallyFold()
    fold.apply(CLOSED)
    return fold


def told(fold: TallyFold) -> dict[str, Any]:
    return {**tally_json(fold, "t", 3), "counters": COUNTERS, "stages_ms": {}}


def test_an_end_that_leaves_files_names_them_and_is_not_complete():
    said = told(closed_fold())
    assert (said["files_left"], said["complete"], said["frames"]["pending"]) == (5, False, 0)
    assert [each["name"] for each in said["files_left_named"]] == ["cut.jpg", "b\x1b[31m.jpg", "stack.tif"]
    assert said["files_not_read"] == {".gif": 1, ".heic": 2}


def test_an_end_that_leaves_none_is_spelt_as_before():
    assert b"left" not in event_to_bytes(Closed(1, True, {}, {}))
    assert event_from_bytes(event_to_bytes(CLOSED)) == CLOSED
    fold = TallyFold()
    fold.apply(Closed(1, True, {}, {"files_ignored": 3}))
    assert (fold.complete, "left" in fold.snapshot()) == (True, False)
    assert (left_text(told(fold)), not_read_text(told(fold))) == (None, None)


@pytest.mark.parametrize(("name", "gone"), [("cut.jpg", "cut.jpg"), ("stack page 2.tif", "stack.tif")])
def test_what_is_taken_later_is_not_left_any_more(name, gone):
    fold = TallyFold.restore(json.loads(json.dumps(closed_fold().snapshot())))
    assert told(fold) == told(closed_fold())
    fold.apply(seen(name))
    assert gone not in [each["name"] for each in told(fold)["files_left_named"]]
    assert told(fold)["files_left"] == 4


def test_the_next_end_is_told_anew():
    fold = closed_fold()
    fold.apply(Closed(2, True, {}, {}))
    assert (told(fold)["files_left"], told(fold)["files_not_read"], fold.complete) == (0, {}, True)


def test_words_name_the_first_files_by_why_and_move_no_cursor():
    said = told(closed_fold())
    assert left_text(said) == (
        "5 files were there when the run ended and were not counted: cut.jpg (incomplete); "
        "b\N{REPLACEMENT CHARACTER}[31m.jpg (still being written); stack.tif (not read yet); and 2 more"
    )
    assert left_text(said, 1) == (
        "5 files were there when the run ended and were not counted: cut.jpg (incomplete); and 4 more"
    )
    assert not_read_text(said) == (
        "3 files of kinds that are not read: 2 .heic, 1 .gif; 3 other files are no pictures by their names"
    )


def test_summary_show_and_the_way_on_say_it(tmp_path: Path):
    said = told(closed_fold())
    begun = {"began_at_ns": 1, "last_at_ns": 2, "size_bytes": 1, "running": False, "cells_labelled": 0}
    shown = {**begun, "corrected": None, "tallies": [], "analysers": [], **said}
    for lines in (summary_lines(said), show_lines(shown, ())):
        text = " ".join(" ".join(lines).split())
        assert "warning: 5 files were there when the run ended and were not counted: cut.jpg (incomplete)" in text
        assert "warning: 3 files of kinds that are not read: 2 .heic, 1 .gif" in text
        assert "\x1b" not in text
    plan = RunPlan(settings=load_settings(None), session="t", source="folder", source_options={"dir": str(tmp_path)})
    assert str(how_to_go_on(said, plan)).startswith("5 files were not read; to go on")
    assert how_to_go_on(told(TallyFold()), plan) is None


def test_a_gate_stands_before_the_signature_and_can_be_overruled():
    (gate,) = (g for g in gates_of(closed_fold(), "t", counting=False, in_disorder=False) if g.name == "incomplete")
    assert (gate.passed, gate.n, gate.says) == (False, 5, "5 files were not counted when the run ended")
    assert gate.can_be_overruled


def test_a_copy_without_names_has_tokens_for_them():
    copy = event_from_bytes(Deidentifier(b"key", "t", {}).change(event_to_bytes(CLOSED).decode()))
    assert isinstance(copy, Closed)
    assert copy.left is not None
    assert [(file.name, file.why) for file in copy.left] == [
        ("frame-0001", "incomplete"), ("frame-0002", "being_written"), ("frame-0003", "waiting"),
    ]  # fmt: skip
