"""``smearwatch sessions label``: a person's table into a recorded session, whole or not at all."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smearwatch.clients import label_sending
from smearwatch.clients.commands.sessions import app
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import Closed, Counted, Found, FoundCell, Labelled, Opened, Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import VERSION, LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease
from tests.integration.hub_bench import Bench, cells, judged

pytestmark = pytest.mark.integration

SIX = (0.9, 0.1, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def folder() -> Path:
    """Record three cells of a frame (the second cut, the third pending), a rejected frame, and two of one name."""
    where = session_folder(load_settings().state_dir, "monday")
    with Ledger.open(where, clock_ns=lambda: 5) as ledger:
        names = ["a.jpg", "dark.jpg", "same.jpg", "same.jpg"]
        frames = [ledger.frames.put(f"frame {n}".encode()) for n in range(4)]
        boxes = [(0, 0, 30, 30), (60, 0, 30, 30), (20, 20, 40, 40)]
        found = tuple(
            FoundCell(i, box, (box[0] + 15.0, box[1] + 15.0), 90.0, i == 1, 1.0) for i, box in enumerate(boxes)
        )
        ledger.append([Opened(1, 5, "0", "monday", 100, 33.0, "filament", {})])
        ledger.append([Seen(f, n, 7, 0, None, None, True, "folder") for f, n in zip(frames, names, strict=True)])
        ledger.append([Found(frames[0], 90, 90, 0.1, "configured", None, 0.5, found)])
        ledger.append([Counted(frames[0], 0, "band", "flagged", SIX, SIX, 0.1, "w" * 64)])
        ledger.append([Rejected(frames[1], "dark", "", None), Closed(1, False, {}, {})])
    return where


def label(table: Path | str, *more: str, by: str = "A. Reader", code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["label", "monday", "--from", str(table), "--by", by, *more])
    assert result.exit_code == code, result
    return result


def write(tmp_path: Path, *lines: str, header: str = "frame,index,label") -> Path:
    table = tmp_path / "labels.csv"
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return table


def labels(folder: Path) -> list[Labelled]:
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        return [recorded.event for recorded in ledger.events() if isinstance(recorded.event, Labelled)]


def said(folder: Path) -> list[tuple[int, str, str, int]]:
    return [(event.index, event.label, event.by, event.ordinal) for event in labels(folder)]


def frame_of(folder: Path, name: str) -> str:
    with LedgerReader.read(folder) as ledger:
        return next(
            recorded.event.frame
            for recorded in ledger.seen_frames()
            if isinstance(recorded.event, Seen) and recorded.event.name == name
        )


@pytest.mark.parametrize("by_hash", [False, True])
def test_by_index(folder: Path, tmp_path: Path, by_hash: bool):
    name = frame_of(folder, "a.jpg").upper() if by_hash else "a.jpg"
    assert label(write(tmp_path, f"{name},0,monocyte", f"{name},2,Immature granulocyte")).stdout == (
        "monday: 2 cells labelled\n"
    )
    assert said(folder) == [(0, "monocyte", "A. Reader", 1), (2, "immature_granulocyte", "A. Reader", 1)]


def test_by_a_point_within_the_cell(folder: Path, tmp_path: Path):
    table = write(tmp_path, "a.jpg;3;4;band", "a.jpg;27;28;smudge", header="\ufeffFrame;X;Y;Label")
    label(table)
    assert [row[:2] for row in said(folder)] == [(0, "band"), (2, "smudge")]


def test_an_exported_table_with_its_labels_filled_in_comes_back(folder: Path, tmp_path: Path):
    rows = list(csv.DictReader(io.StringIO(CliRunner().invoke(app, ["export", "monday"]).stdout)))
    rows[0]["label"] = "segmented"
    table = tmp_path / "filled.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    result = json.loads(label(table, "--json").stdout)
    assert result == {"session": "monday", "labelled": 1, "relabelled": 0, "unchanged": 0, "without_label": 2}
    (first, *others) = csv.DictReader(io.StringIO(CliRunner().invoke(app, ["export", "monday"]).stdout))
    assert (first["class"], first["label"], first["labelled_by"], first["label_number"]) == (
        "band",
        "segmented",
        "A. Reader",
        "1",
    )
    assert {row["label"] for row in others} == {""}


def test_a_row_is_of_the_random_review_where_it_says_so(folder: Path, tmp_path: Path):
    label(write(tmp_path, "a.jpg,0,band,no", "a.jpg,2,monocyte,", header="frame,index,label,drawn"))
    assert [each.drawn for each in labels(folder)] == [None, None]
    label(
        write(tmp_path, "a.jpg,0,band,yes", header="frame,index,label,drawn")
    )  # named again, without the machine's word
    label(write(tmp_path, "a.jpg,0,band,TRUE", header="frame,index,label,drawn"))
    assert [(each.label, each.drawn, each.ordinal) for each in labels(folder)[2:]] == [("band", True, 2)]
    table = write(tmp_path, "a.jpg,0,monocyte,perhaps", header="frame,index,label,drawn")
    with pytest.raises(Exception, match="1 of 1 rows cannot be used"):
        raise label(table, code=1).exception or AssertionError
    assert len(labels(folder)) == 3


def test_the_last_label_stands_and_all_are_kept(folder: Path, tmp_path: Path):
    label(write(tmp_path, "a.jpg,0,band"))
    label(write(tmp_path, "a.jpg,0,segmented"), by="B. Reader")
    again = json.loads(label(write(tmp_path, "a.jpg,0,segmented"), "--json", by="B. Reader").stdout)
    assert (again["labelled"], again["unchanged"]) == (0, 1)
    assert said(folder) == [(0, "band", "A. Reader", 1), (0, "segmented", "B. Reader", 2)]
    with LedgerReader.read(folder) as ledger:
        assert ledger.labels(frame_of(folder, "a.jpg"))[0].label == "segmented"
        assert ledger.summary().cells_labelled == 1
        assert [recorded.event.label for recorded in ledger.events() if isinstance(recorded.event, Labelled)] == [
            "band",
            "segmented",
        ]


@pytest.mark.parametrize(
    ("row", "what", "hint"),
    [
        ("a.jpg,0,bnad", "'bnad' is no label", "did you mean band?"),
        ("a.jpg,0,xyz", "'xyz' is no label", "one of band, segmented"),
        ("b.jpg,0,band", "no frame 'b.jpg'", "did you mean a.jpg?"),
        (f"{'ab' * 32},0,band", "no frame 'abab", "name a frame of this session"),
        ("same.jpg,0,band", "2 frames of the session are called 'same.jpg'", "SHA-256"),
        ("dark.jpg,0,band", "no cells were found in that frame", "delete this line"),
        ("a.jpg,1,band", "cell 1 is cut by the edge", "delete this line"),
        ("a.jpg,3,band", "no cell '3' in that frame", "give one of 0, 1, 2"),
        ("a.jpg,-1,band", "no cell '-1' in that frame", "give one of 0, 1, 2"),
        ("a.jpg,,band", "neither an index nor x and y", "give one or the other"),
        ("a.jpg,2,smudge", "the same cell as in line 2, with another label", "delete one of the two lines"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(folder: Path, tmp_path: Path, row: str, what: str, hint: str):
    result = label(write(tmp_path, "a.jpg,2,other", row, "a.jpg,0,band"), code=1)
    (line,) = result.stderr.splitlines()
    assert f"labels.csv line 3: {what}" in line
    assert hint in line
    assert "1 of 3 rows cannot be used, so none was written" in str(result.exception)
    assert labels(folder) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"frame,label\na.jpg,band\n", "its columns are frame, label"),
        (b"frame,index,label,label\n", "its columns are"),
        (b"", "its columns are none"),
        (b'{"a": 1' + b', "a": 1' * 999 + b"}", " ..."),
        (b"frame,index,label\n\xff\xfe,0,band\n", "no CSV file in UTF-8: it is no UTF-8 text"),
        (b'frame,index,label\n"a.jpg,0,band\n', "no CSV file in UTF-8"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_table(folder: Path, tmp_path: Path, content: bytes | None, what: str):
    table = tmp_path / "labels.csv"
    if content is not None:
        table.write_bytes(content)
    result = label(table, code=1)
    assert what in str(result.exception)
    assert getattr(result.exception, "hint", None)
    assert "\n" not in str(result.exception)
    assert labels(folder) == []


@pytest.mark.parametrize("by", ["", "   ", "x" * 201])
def test_somebody_must_have_said_so(folder: Path, tmp_path: Path, by: str):
    label(write(tmp_path, "a.jpg,0,band"), by=by, code=2)
    assert labels(folder) == []


def test_a_table_that_was_exported_says_again_only_what_was_changed_in_it(folder: Path, tmp_path: Path):
    label(write(tmp_path, "a.jpg,0,band", "a.jpg,2,blast"), by="A. Reader")
    table = tmp_path / "exported.csv"
    assert CliRunner().invoke(app, ["export", "monday", "--out", str(table)]).exit_code == 0
    label(write(tmp_path, "a.jpg,0,monocyte"), by="A. Reader")
    before = labels(folder)
    assert "2 had this label already" in label(table, by="B. Other").output
    assert labels(folder) == before
    rows = [*csv.DictReader(table.read_text().splitlines())]
    for index, name in ((2, "platelet"), (0, "smudge")):  # the second was labelled again since
        edited = [row | ({"label": name} if row["index"] == str(index) and row["label"] else {}) for row in rows]
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(edited)
        result = label(table, by="B. Other", code=0 if index else 1)
        if index == 0:
            assert "none was written" in str(result.exception)
    assert [(each.label, each.by) for each in labels(folder)[len(before) :]] == [("platelet", "B. Other")]


def test_whoever_writes_the_session_and_does_not_answer(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(label_sending, "_ANSWER_S", 0.2)
    with Ledger.open(folder):
        result = label(write(tmp_path, "a.jpg,0,band"), code=1)
    assert "does not answer; 0 labels are surely written" in str(result.exception)
    assert labels(folder) == []


def test_a_ledger_says_which_form_it_has_only_once_it_holds_labels(folder: Path, tmp_path: Path):
    def form() -> int:
        with sqlite3.connect(folder / "ledger.sqlite") as by_hand:
            (version,) = by_hand.execute("PRAGMA user_version").fetchone()
        by_hand.close()
        return int(version)

    assert form() == 1
    label(write(tmp_path, "a.jpg,0,bnad"), code=1)
    assert form() == 1
    label(write(tmp_path, "a.jpg,0,band"))
    assert form() == 10
    label(write(tmp_path, "a.jpg,0,monocyte,yes", header="frame,index,label,drawn"))
    assert form() == 11
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    by_hand.execute(f"PRAGMA user_version = {VERSION + 1}")
    by_hand.close()
    with pytest.raises(LedgerUnusable, match=f"written in form {VERSION + 1}, this program knows {VERSION}"):
        LedgerReader.read(folder)


def test_a_hub_carries_on_with_a_session_that_was_labelled(bench: Bench):
    source = bench.peer("source", "s")
    finder, worker = bench.peer("finder", "f", 1), bench.peer("worker", "w", 2)
    bench.offer(source, b"one")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop))
    bench.turn()
    bench.crash()
    with Ledger.open(bench.folder, session="t") as ledger:
        ledger.append([Labelled(lease.frame, crop.index, "basophil", "A. Reader", 1, 5)])
    bench.open()
    assert bench.frames == {"seen": 1, "counted": 1, "rejected": 0, "pending": 0}
    assert (bench.journal.fold.cells, bench.ledger.epoch) == (1, 3)
    with LedgerReader.read(bench.folder) as reader:
        assert list(verify(reader)) == []
        assert reader.labels(lease.frame)[crop.index].label == "basophil"
