"""Signing by command, as a person types it: gates, reasons, what is closed afterwards, and what says so."""

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.in_process import of_state
from tests.reviewed import close, record

pytestmark = pytest.mark.system

OVERRULED = ("--overrule", "flagged=seen at the microscope", "--overrule", "rejected=debris")
TARGET = ("--overrule", "target=a child's smear")
Typed: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "sessions" / "monday"
    record(folder, 72)
    close(folder)
    return tmp_path


@pytest.fixture
def typed(state: Path) -> Typed:
    return partial(of_state, state)


def test_open_gates_are_listed_one_a_line_with_the_mend(typed: Typed):
    status, out, err = typed("sessions", "sign", "monday", "--by", "A. Reader", *TARGET)
    assert (status, out) == (1, "")
    assert [line.partition(" (")[0] for line in err.splitlines()] == [
        "smearwatch: monday is not signed: 12 flagged cells have no label",
        "smearwatch: monday is not signed: 12 rejected cells have no label",
    ]
    assert err.count("smearwatch review monday, or smearwatch watch monday, or --overrule") == 2
    status, out, _ = typed("sessions", "sign", "monday", "--by", "A. Reader", "--json")
    assert status == 1
    told = json.loads(out)
    assert told["signed"] is None
    assert [(gate["gate"], gate["n"]) for gate in told["open"]] == [("flagged", 12), ("rejected", 12), ("target", 40)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", " "), "name the person in 1 to 200 letters"),
        (("--by", "A", "--overrule", "target=  "), "say why target is overruled"),
        (("--by", "A", "--overrule", "target"), "is no GATE=REASON; the gates are flagged, rejected, drift"),
        (("--by", "A", "--overrule", "mood=good"), "is no GATE=REASON"),
        (("--by", "A", "--overrule", "nothing_counted=so what"), "nothing_counted cannot be overruled"),
        (("--by", "A", *TARGET, *TARGET), "target is given twice"),
        (("--by", "A", "--note", ""), "say it in 1 to 1000 letters"),
        (("--by", "A\u200b"), "name the person in letters that can be seen"),
        (("--by", "A", "--overrule", "target=few\x1b[2K\r"), "letters that can be seen"),
        ((), "--by"),
    ],
)
def test_what_is_typed_wrongly_is_one_line(typed: Typed, words: tuple[str, ...], said: str):
    status, out, err = typed("sessions", "sign", "monday", *words)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_signed_shown_closed_amended_and_signed_again(typed: Typed, state: Path, tmp_path: Path):
    status, out, _ = typed(
        "sessions", "sign", "monday", "--by", "A. Reader", *OVERRULED, *TARGET, "--note", "for class"
    )
    assert status == 0
    assert out.splitlines()[1] == "as counted, 60 cells (nobody has labelled one):"
    said = [
        "Signed by A. Reader, 20",
        "  signed although flagged cells had no label: seen at the microscope",
        "  note: for class",
    ]
    shown, exported = typed("sessions", "show", "monday"), typed("sessions", "export", "monday")
    watched = typed("watch", "monday", "--once", "--plain")
    told = typed("sessions", "export", "monday", "--out", str(tmp_path / "monday.csv"))[2]
    for text in (out, shown[1], watched[1], told):
        for line in said:
            assert line.strip() in text
        assert "reliminary" not in text
        assert "sessions sign" not in text
    rows = list(csv.DictReader(io.StringIO(exported[1])))
    assert {row["signed_by"] for row in rows} == {"A. Reader"}

    # Nothing goes on with it.
    (tmp_path / "frames").mkdir()
    table = tmp_path / "labels.csv"
    table.write_text(f"frame,index,label\n{rows[0]['frame']},0,smudge\n")
    before = last(state)
    for words in (
        ("run", "--watch", str(tmp_path / "frames"), "--session", "monday", "--until-idle", "1"),
        ("run", "--watch", str(tmp_path / "frames"), "--session", "monday", "--until-idle", "1", "--continue"),
        ("sessions", "describe", "monday", "--specimen", "H26-0413"),
        ("sessions", "label", "monday", "--from", str(table), "--by", "B"),
        ("sessions", "sign", "monday", "--by", "B"),
    ):
        status, out, err = typed(*words)
        assert (status, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert "session monday was signed by A. Reader on 20" in err
        assert "give another session's name, or reopen this one first: smearwatch sessions amend monday" in err
    assert last(state) == before

    assert typed("sessions", "amend", "monday", "--by", "B", "--reason", "")[0] == 2
    assert typed("sessions", "amend", "monday", "--by", "B", "--reason", "an artefact")[0] == 0
    status, _, err = typed("sessions", "amend", "monday", "--by", "B", "--reason", "once more")
    assert (status, "is not signed, so there is nothing to amend" in err) == (1, True)
    lines = typed("sessions", "show", "monday")[1].splitlines()
    assert lines[-4] == "Preliminary until verified by a person."
    assert lines[-1].endswith("smearwatch sessions sign monday --by WHO")
    assert lines[-5].startswith("Amended once by B, 20")
    assert lines[-5].endswith(": an artefact")
    assert typed("sessions", "label", "monday", "--from", str(table), "--by", "B")[0] == 0
    status, out, _ = typed("sessions", "sign", "monday", "--by", "B", *OVERRULED, *TARGET, "--json")
    assert status == 0
    signed = json.loads(out)["signed"]
    assert (signed["by"], signed["ordinal"], signed["weights"]) == ("B", 2, ["w"])
    now = json.loads(typed("sessions", "show", "monday", "--json")[1])
    assert now["signed"] == signed
    assert now["reviewed"]["set_aside"] == {"smudge": 1}
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []


def last(state: Path) -> int:
    with LedgerReader.read(state / "sessions" / "monday") as ledger:
        return ledger.last_number
