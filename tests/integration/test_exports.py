"""Results that leave the house: every format says what `sessions show` says, and nothing is written over."""

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.exports.differential import COLUMNS
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.exports.format import format_lines
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from tests.documented import ROOT
from tests.installed import install
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

EXTRA = (ExtraClass("hairy_cell", "leukocyte", "h", "hairy"), ExtraClass("giant", "per_100", "g", "giant"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a session of 30 cells, six of them rejected by the machine; its frames are called as formulas are."""
    where = tmp_path_factory.mktemp("recorded") / "monday"
    record(where, 30, name='=1+1, "{}";.jpg', extra=EXTRA, again=3)
    return where


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """Return the session in a state folder of the test, with names that a person gave to eleven cells."""
    where = session_folder(load_settings().state_dir, "monday")
    shutil.copytree(recorded, where)
    labels = tmp_path / "labels.csv"
    with LedgerReader.read(where) as ledger:
        frame = next(ledger.found_frames()).frame
    named = ["neutrophil", "blast", "hairy_cell", "giant", "artefact", "band", "neutrophil", "band", "segmented"]
    rows = [f"{frame},{index},{label}" for index, label in enumerate(named)]
    rows += [f"{frame},{index},lymphocyte" for index in (18, 19)]  # rejected by the machine
    labels.write_text("\n".join(["frame,index,label", *rows]))
    typed("label", "monday", "--from", str(labels), "--by", "A. Reader")
    typed("describe", "monday", "--specimen", "H26-1", "--by", "A")
    close(where)
    return where


def typed(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result


def exported(*words: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(typed("export", "monday", *words).stdout))]


def shown() -> dict[str, Any]:
    return json.loads(typed("show", "monday", "--json").stdout)  # type: ignore[no-any-return]


def test_the_differential_says_what_is_shown(folder: Path):
    rows = {row["class"]: row for row in exported("--format", "differential")}
    said, reviewed = shown(), shown()["reviewed"]
    assert [*rows] == [*CLASSES, "neutrophils", "hairy_cell", "blast", "giant"]
    for name in (*CLASSES, "neutrophils"):
        counted = said["neutrophils"] if name == "neutrophils" else said["counts"][name]
        named = reviewed["neutrophils"] if name == "neutrophils" else reviewed["counts"][name]
        assert (int(rows[name]["counted"]), int(rows[name]["reviewed"]), int(rows[name]["cells"])) == (
            counted,
            named,
            named,
        )
        for column, share in (("counted", said["percent"][name]), ("reviewed", reviewed["percent"][name])):
            of_row = [float(rows[name][f"{column}_{part}"]) for part in ("percent", "low", "high")]
            assert of_row == [share["value"], share["low"], share["high"]]
    assert (rows["giant"]["reviewed"], rows["giant"]["kind"], rows["giant"]["percent"]) == ("1", "per_100", "")
    assert float(rows["blast"]["per_100"]) == reviewed["others_per_100"]["blast"]
    parts = [row for row in rows.values() if row["kind"] in ("class", "extra", "undivided")]
    assert sum(int(row["cells"]) for row in parts) == int(rows["band"]["of"]) == reviewed["cells"]
    band = rows["band"]
    left_out = sum(int(band[name]) for name in ("rejected", "at_edge", "seen_again", "pending"))
    assert int(band["found"]) == int(band["counted_of"]) + left_out
    assert (band["specimen"], band["status"], band["seen_again"]) == ("H26-1", "preliminary", "3")
    in_json = [
        json.loads(line) for line in typed("export", "monday", "--format", "differential", "--json").stdout.splitlines()
    ]
    assert [[*row] for row in in_json] == [[column.name for column in COLUMNS]] * len(rows)
    assert [row["cells"] for row in in_json] == [int(row["cells"]) for row in rows.values()]


def test_the_cells_add_up_to_the_differential(folder: Path):
    rows, said = exported(), shown()
    counted = [row for row in rows if row["counted"] == "True"]
    assert len(counted) == said["cells"] == 24
    assert {name: sum(row["class"] == name for row in rows) for name in CLASSES} == said["counts"]
    reviewed = [row for row in rows if row["counted_reviewed"] == "True"]
    assert len(reviewed) == said["reviewed"]["cells"]
    states = {state: sum(row["state"] == state for row in rows) for state in ("counted", "rejected", "seen_again")}
    assert states == {"counted": 24, "rejected": 6, "seen_again": 3}
    assert {row["class"] for row in rows if row["state"] == "rejected"} == {""}


def test_the_result_is_one_document(folder: Path):
    with LedgerReader.read(folder) as ledger:
        result = read_result(ledger)
    assert (result.cells, result.found, sum(left.cells for left in result.left_out)) == (24, 33, 9)
    assert result.began_at is not None
    assert result.began_at.utcoffset() is not None
    assert [(reader.name, reader.cells) for reader in result.readers] == [("A. Reader", 11)]
    assert result.row("band").share == result.row("band").reviewed_share
    assert result.standing == ("Preliminary until verified by a person.",)


FULL = """
def fail(export, path, options):
    path.write_text("half")
    raise OSError(28, "No space left on device")

FULL = Format("a full disk", fail)
BROKEN = 7
"""


def test_a_format_of_another_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    *_, documented = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)
    entries = {"acme": "acme_export:FORMAT", "acme-full": "acme_export:FULL", "acme-broken": "acme_export:BROKEN"}
    site = install(tmp_path / "site", "acme_export", documented + FULL, entries, group="smearwatch.exports")
    monkeypatch.syspath_prepend(site)
    neutrophils, leukocytes = shown()["reviewed"]["neutrophils"], shown()["reviewed"]["cells"]
    line = f"3;H26-1;{neutrophils};{leukocytes}\n"
    assert typed("export", "monday", "--format", "acme", "--option", "ward=3").stdout == line
    out = tmp_path / "acme.txt"
    typed("export", "monday", "--format", "acme", "--option", "ward=3", "--out", str(out))
    assert out.read_text() == line
    for words in (["--out", str(tmp_path / "full.txt")], ["--out", str(out), "--overwrite"], []):
        failed = CliRunner().invoke(app, ["export", "monday", "--format", "acme-full", *words])
        assert failed.exception is not None
        assert "No space left on device (free space on that disk, or give" in (one_line(failed.exception) or "")
        assert failed.stdout == ""
    assert out.read_text() == line, "whole or not at all"
    assert [path.name for path in tmp_path.iterdir() if "full" in path.name or "acme." in path.name] == ["acme.txt"]
    broken = CliRunner().invoke(app, ["export", "monday", "--format", "acme-broken"])
    assert "acme_export:BROKEN is no export format" in str(broken.exception)
    lines = [*format_lines()]
    assert "acme: neutrophils for the Acme system" in lines
    assert any(line.startswith("acme-broken: cannot be used") for line in lines)
    assert {line.partition(":")[0] for line in lines} >= {"cells", "crops", "differential", "sheet"}
    del sys.modules["acme_export"]
