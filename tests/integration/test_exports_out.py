"""Exports as other programs read them: spreadsheets, pandas, pictures; and nothing is written over."""

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas
import pytest
from PIL import Image
from typer.testing import CliRunner

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.exports.crops import SIZE_PX
from smearwatch.clients.exports.writing import MARKER, _harmless
from smearwatch.clients.label_table import read_table
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.frame_store import FrameStore
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.spreadsheet import as_it_was, neutralised
from tests.integration.test_exports import exported, folder, recorded, shown, typed

pytestmark = pytest.mark.integration

__all__ = ["folder", "recorded"]

NAME = '=1+1, "0";.jpg'


def refused(*words: str) -> str:
    result = CliRunner().invoke(app, ["export", "monday", *words])
    assert result.exit_code == 1
    assert result.exception is not None
    return one_line(result.exception) or ""


@pytest.mark.parametrize("text", ["=1+1", "+4", "-4", "@x", "\tx", "\r=x", "'=x", "''-x", "'x", "plain", "", "a=b"])
def test_a_text_is_no_formula_and_comes_back_as_it_was(text: str):
    safe = neutralised(text)
    assert safe[:1] not in tuple("=+-@\t\r")
    assert as_it_was(safe) == text


def test_a_spreadsheet_of_a_land_with_decimal_commas(folder: Path, tmp_path: Path):
    out = tmp_path / "cells.csv"
    typed("export", "monday", "--separator", "semicolon", "--bom", "--out", str(out))
    assert out.read_bytes().startswith(b"\xef\xbb\xbfsession;")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = [*csv.DictReader(file, delimiter=";")]
    assert (rows[0]["name"], rows[0]["probability_band"], rows[0]["um_per_px"]) == (f"'{NAME}", "0,9", "0,1")
    read = read_table(out)
    assert (read[0][1]["name"], len(read)) == (NAME, 33)
    frame = pandas.read_csv(out, sep=";", decimal=",")
    assert (frame["counted"].sum(), frame["counted_reviewed"].sum()) == (24, shown()["reviewed"]["cells"])
    assert str(pandas.to_datetime(frame["captured_at"]).dt.tz) != "None"


def test_labels_typed_into_a_table_are_taken_by_name_and_kept(folder: Path, tmp_path: Path):
    out = tmp_path / "cells.csv"
    typed("export", "monday", "--separator", "semicolon", "--out", str(out))
    with out.open(newline="") as file:
        rows = [*csv.DictReader(file, delimiter=";")]
    for row in rows:
        row["frame"] = ""  # the name alone says which
        row["label_number"] = f"{row['label_number']}.0" if row["label_number"] else ""
    changed = next(row for row in rows if row["name"] == f"'{NAME}" and not row["label"])
    changed["label"] = "monocyte"
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    for words in ((), ("--force", "--format", "crops")):
        assert "was left as it is" in refused("--out", str(out), *words)
    said = json.loads(
        typed("label", "monday", "--from", str(out), "--by", "B. Chief", "--json").stdout.splitlines()[-1]
    )
    assert (said["labelled"], said["unchanged"]) == (1, 11)
    (mine,) = [row for row in exported() if row["labelled_by"] == "B. Chief"]
    assert (mine["index"], mine["reviewed_as"]) == (changed["index"], "monocyte")


def test_a_table_of_an_earlier_version_is_taken(folder: Path, tmp_path: Path):
    old = tmp_path / "old.csv"
    with LedgerReader.read(folder) as ledger:
        frame = next(ledger.found_frames()).frame
    header = "session,frame,name,captured_at_ns,index,state,class,verdict,label,labelled_by,label_number,signed_at_ns"
    rows = [
        f"monday,{frame},=1+1.jpg,9,{index},counted,band,confirmed,{label},,"
        for index, label in ((20, "band"), (21, ""))
    ]
    old.write_text("\n".join([header, *(f"{row}," for row in rows)]))
    typed("label", "monday", "--from", str(old), "--by", "B")
    assert [row["label"] for row in exported() if row["labelled_by"] == "B"] == ["band"]


def test_parquet_has_types(folder: Path, tmp_path: Path):
    for name in ("cells", "differential"):
        out = tmp_path / f"{name}.parquet"
        typed("export", "monday", "--format", name, "--parquet", "--out", str(out))
        table = pandas.read_parquet(out)
        from_csv = exported("--format", name)
        assert [*table] == [*from_csv[0]]
        assert len(table) == len(from_csv)
    assert str(table["began_at"].dtype).startswith("datetime64")
    assert table["cells"].sum() == sum(int(row["cells"] or 0) for row in from_csv)


def test_parquet_without_its_package_is_one_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pip install 'smearwatch[parquet]'" in refused("--parquet", "--out", str(tmp_path / "x.parquet"))
    assert [*tmp_path.glob("*.parquet")] == []


def test_crops(folder: Path, tmp_path: Path):
    out = tmp_path / "crops"
    typed("export", "monday", "--format", "crops", "--out", str(out))
    with (out / "manifest.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 30
    reviewed = shown()["reviewed"]
    in_folders = Counter(path.parent.name for path in out.rglob("*.png"))
    assert {name: n for name, n in in_folders.items() if name in reviewed["counts"]} == {
        name: n for name, n in reviewed["counts"].items() if n and ":" not in name
    }
    assert (in_folders["hairy_cell"], in_folders["giant"], in_folders["rejected"]) == (1, 1, reviewed["rejected"])
    first = next(row for row in rows if row["index"] == "6")
    with (
        Image.open(out / first["file"]) as crop,
        Image.open(io.BytesIO(FrameStore(folder / "frames").read(first["frame"]))) as frame,
    ):
        assert crop.size == (SIZE_PX, SIZE_PX)
        middle, own = crop.getpixel((SIZE_PX // 2, SIZE_PX // 2)), frame.convert("RGB").getpixel((50, 160))
    assert isinstance(middle, tuple)
    assert isinstance(own, tuple)
    assert max(abs(a - b) for a, b in zip(middle, own, strict=True)) <= 3
    (tmp_path / "crops" / "notes.txt").write_text("mine")
    assert "notes.txt in it is of no export" in refused("--format", "crops", "--out", str(out), "--force")
    (tmp_path / "crops" / "notes.txt").unlink()
    assert "--force replaces" in refused("--format", "crops", "--out", str(out))
    typed("export", "monday", "--format", "crops", "--flagged", "--out", str(out), "--force")
    assert len([*out.rglob("*.png")]) == 6
    assert set(json.loads((out / MARKER).read_text())["files"]) == {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name != MARKER
    }
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    assert "holds what no export wrote" in refused("--format", "crops", "--out", str(home), "--force")


def test_a_contact_sheet(folder: Path, tmp_path: Path):
    with LedgerReader.read(folder) as ledger:
        frames = [found.frame for found in ledger.found_frames()]
        ledger.frames.path(frames[1]).unlink()
    out = tmp_path / "sheet.html"
    said = typed("export", "monday", "--format", "sheet", "--out", str(out)).stderr
    assert "6 cells have no picture" in said.replace("\n  ", " ")
    page = out.read_text()
    assert (page.count("data:image/jpeg"), page.count("no picture<")) == (24, 6)
    assert "Preliminary until verified by a person." in page
    assert "For Research Use Only" in page
    assert "http" not in page.replace("http-equiv", "")
    pngs = tmp_path / "pngs"
    typed("export", "monday", "--format", "sheet", "--option", "kind=png", "--flagged", "--out", str(pngs))
    for path in pngs.glob("*.png"):
        with Image.open(path) as sheet:
            assert sheet.width > 1000


CANNOT_BE = [
    (["--format", "celss"], "did you mean cells?"),
    (["--format", "crops"], "makes a folder (name it with --out)"),
    (["--format", "crops", "--out", "x", "--option", "colour=red"], "format 'crops' has no option 'colour'"),
    (["--separator", "tab"], "option separator = 'tab'"),
    (["--json", "--bom"], "separator and bom are of CSV alone"),
]


def test_a_link_is_not_replaced(folder: Path, tmp_path: Path):
    (tmp_path / "kept.csv").write_text("typed by a person")
    (tmp_path / "link.csv").symlink_to(tmp_path / "kept.csv")
    out = ["--out", str(tmp_path / "link.csv"), "--force"]
    assert "is a link; name the file itself" in refused(*out)
    assert (tmp_path / "kept.csv").read_text() == "typed by a person"


def test_the_programs_own_record_is_never_written_over(folder: Path, tmp_path: Path):
    ledger = folder / "ledger.sqlite"
    before = ledger.read_bytes()
    for out in (ledger, folder / "new.csv", folder.parent.parent / "audit.jsonl"):
        assert "its own records there" in refused("--out", str(out), "--force")
    assert ledger.read_bytes() == before


def test_no_file_name_steers_the_terminal(folder: Path):
    """What goes to a terminal is as in a file, but for what would steer it."""
    said = "".join(_harmless(line) for line in ["a\x1b[31m\u202e,Zelle,é\t1\n", "-\n"])
    assert said == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER},Zelle,é\t1\n-\n"
    by_script = subprocess.run(
        ["script", "-qec", f"{sys.executable} -m smearwatch.daemon.cli sessions export {folder.name}", os.devnull],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"session,frame,name," in by_script.stdout
    assert b"\x1b[31m" not in by_script.stdout


def test_what_cannot_be_is_one_line(folder: Path):
    for words, says in CANNOT_BE:
        line = refused(*words)
        assert says in line
        assert "\n" not in line
