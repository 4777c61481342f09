"""Extra classes of a laboratory: recorded with the session, named by persons, counted where the laboratory says."""

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands.sessions import app
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.corrected import corrected_json
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import (
    Counted,
    Found,
    FoundCell,
    Labelled,
    Opened,
    Replaced,
    Seen,
    Tallied,
    event_from_bytes,
    event_to_bytes,
)
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signing import sign
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused

pytestmark = pytest.mark.integration

HAIRY = ExtraClass("hairy_cell", "per_100", "h", "hairy")
ATYPICAL = ExtraClass("atypical_lymphocyte", "leukocyte", "v", "atyp. lymph")
SIX = (0.9, 0.1, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def folder() -> Path:
    """Record eight bands, the last one rejected, in a session that knows two extra classes."""
    where = session_folder(load_settings().state_dir, "monday")
    with Ledger.open(where, clock_ns=lambda: 5) as ledger:
        frame = ledger.frames.put(b"a frame")
        found = tuple(FoundCell(n, (n * 20, 0, 9, 9), (n * 20 + 5.0, 5.0), 90.0, False, 1.0) for n in range(8))
        ledger.append([Opened(1, 5, "0", "monday", None, 33.0, "filament", {}, None, (ATYPICAL, HAIRY))])
        ledger.append([Seen(frame, "a.jpg", 7, 0, None, None, True, "folder")])
        ledger.append([Found(frame, 200, 90, 0.1, "configured", None, 0.5, found)])
        verdicts = ["confirmed"] * 7 + ["rejected"]
        ledger.append(Counted(frame, n, "band", verdicts[n], SIX, SIX, 0.1, "w" * 64) for n in range(8))  # type: ignore[arg-type]
    return where


def run(*typed: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, typed)
    assert result.exit_code == code, result
    return result.output


def label(tmp_path: Path, *names: str, code: int = 0) -> str:
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["frame,index,label", *(f"a.jpg,{at},{name}" for at, name in enumerate(names))]) + "\n")
    return run("label", "monday", "--from", str(table), "--by", "A. Reader", code=code)


def shown() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("show", "monday", "--json"))
    return told


def test_each_counts_where_the_laboratory_says(folder: Path, tmp_path: Path):
    names = [
        "hairy cell",
        "atypical_lymphocyte",
        "leukocyte:atypical_lymphocyte",
        "band",
        "smudge",
        "",
        "",
        "Hairy_Cell",
    ]
    label(tmp_path, *names)
    reviewed = shown()["reviewed"]
    assert reviewed["counts"] == {
        **{"band": 3, "segmented": 0, "eosinophil": 0, "basophil": 0, "monocyte": 0, "lymphocyte": 0},
        "leukocyte:atypical_lymphocyte": 2,
    }
    assert (reviewed["cells"], reviewed["others"], reviewed["set_aside"]) == (
        5,
        {"per_100:hairy_cell": 2},
        {"smudge": 1},
    )
    assert reviewed["others_per_100"] == {"per_100:hairy_cell": 40.0}
    assert reviewed["percent"]["leukocyte:atypical_lymphocyte"] == {"value": 40.0, "low": 5.27, "high": 85.34}
    assert (reviewed["labelled"], reviewed["changed"], reviewed["rejected"]) == (6, 4, 0)
    assert shown()["counts"]["band"] == 7  # as counted
    text = run("show", "monday")
    assert "  atypical lymphocyte     2    40.0 %" in text
    assert "  hairy cell: 2, 40.0 for each 100 leukocytes" in text
    assert "extra classes: atypical lymphocyte (among the leukocytes), hairy cell (for each 100 leukocytes)" in text
    assert [each["name"] for each in shown()["extra_classes"]] == ["atypical_lymphocyte", "hairy_cell"]
    out = tmp_path / "cells.csv"
    run("export", "monday", "--out", str(out))
    with out.open(newline="") as file:
        rows = [row["reviewed_as"] for row in csv.DictReader(file)]
    atypical = ["leukocyte:atypical_lymphocyte"] * 2
    assert rows == ["per_100:hairy_cell", *atypical, "band", "smudge", "band", "band", "per_100:hairy_cell"]


def test_a_name_that_the_session_does_not_know_is_refused_in_one_line(folder: Path, tmp_path: Path):
    said = label(tmp_path, "hairy_cel", "per_100:atypical_lymphocyte", "leukocyte:new", code=1)
    assert "line 2: 'hairy_cel' is no label in this session (did you mean hairy_cell?)" in " ".join(said.split())
    assert said.count("is no label in this session") == 3
    with Ledger.open(folder) as ledger:
        seen = next(each.event for each in ledger.events() if isinstance(each.event, Seen))
        for wrong in ("per_100:new", "leukocyte:hairy_cell"):
            with pytest.raises(LedgerRefused, match=f"the session knows no extra class {wrong}"):
                ledger.append([Labelled(seen.frame, 0, wrong, "A", 1, 9)])
        # What a later start names is known from then on, and what an earlier one named still is.
        more = ExtraClass("new", "per_100", "k", "new")
        ledger.append([Opened(ledger.epoch, 9, "0", "monday", None, 33.0, "filament", {}, None, (more,))])
        ledger.append([Labelled(seen.frame, 0, "per_100:new", "A", 1, 9)])
        ledger.append([Labelled(seen.frame, 1, HAIRY.label, "A", 1, 9)])


def test_the_result_is_signed_verified_corrected_and_carried_on_with_them(folder: Path, tmp_path: Path):
    label(tmp_path, "hairy cell", "atypical lymphocyte", *["band"] * 5, "artefact")
    sign(folder, by="A. Reader", overruled={"incomplete": "a test"}, note=None, seen=None)
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        fold, draws, last = TallyFold(), DrawFold(), 0
        for recorded in ledger.events():
            fold.apply(recorded.event)
            draws.apply(recorded)
            last = recorded.number
    told = tally_json(fold, "monday", last)
    assert told["signed"]["by"] == "A. Reader"
    assert tally_json(TallyFold.restore(json.loads(json.dumps(fold.snapshot()))), "monday", last) == told
    # Every cell is named: 5 bands of 6 leukocytes, the atypical lymphocyte among them and the hairy cell not.
    corrected = corrected_json(draws)
    assert corrected is not None
    assert corrected["percent"]["band"] == {"value": 83.3333, "low": 35.88, "high": 99.58}
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    assert by_hand.execute("PRAGMA user_version").fetchone() == (12,)
    by_hand.close()


def test_events_without_them_are_spelt_as_before():
    opened = Opened(1, 5, "0", "monday", None, 33.0, "filament", {})
    assert b"extra" not in event_to_bytes(opened)
    knows = Opened(1, 5, "0", "monday", None, 33.0, "filament", {}, None, (ATYPICAL, HAIRY))
    assert event_from_bytes(event_to_bytes(knows)) == knows
    tallied = Tallied("A", 1, 2, 1, 100, {"band": 3, HAIRY.label: 2})
    assert event_from_bytes(event_to_bytes(tallied)) == tallied
    machine = Replaced("aa" * 32, 0, "band", "flagged")
    with pytest.raises(ValueError, match="is no label"):
        Labelled("aa" * 32, 0, "beside:hairy_cell", "A", 1, 9, machine)
