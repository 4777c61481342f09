"""What other weights would have changed in a recorded session: the check, what was learnt from, the report."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.models import checkpoint, memory
from smearwatch.models.memory import Memory, short
from smearwatch.train.commands import weights
from smearwatch.train.saving import save_weights
from tests.coloured import record, untaught

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record a signed session and one that is not; make weights that know nothing, and others that see eosinophils."""
    monkeypatch.setenv("SMEARWATCH_STATE_DIR", str(tmp_path))
    record(tmp_path / "sessions" / "monday", 0, 6, signed=False)
    record(tmp_path / "sessions" / "tuesday", 20, 12, signed=True)
    untaught(tmp_path / "old")
    eosinophils(tmp_path, frozenset())
    return tmp_path


def eosinophils(state: Path, trained_on: frozenset[int]) -> None:
    networks, old = checkpoint.load(state / "old"), memory.load(state / "old")
    assert old is not None
    networks.resnet.classify.bias.data[2] += 50
    networks.resnet.reject.bias.data -= 50
    content = memory.packed(Memory(trained_on, old.validation_digests, old.fitted, old.held))
    save_weights(state / "new", networks.resnet, networks.bank, networks.manifest, content)


def changes(state: Path, *words: str, code: int = 0) -> str:
    typed = ["changes", "--old", str(state / "old"), "--new", str(state / "new"), *words]
    result = CliRunner().invoke(weights.app, typed)
    assert result.exit_code == code, result.output
    return result.stdout if not code else str(result.exception)


def test_labels_are_the_truth_and_the_rest_is_machine_against_machine(state: Path):
    report = json.loads(changes(state, "--json", "--out", str(state / "changes.json")))
    assert json.loads((state / "changes.json").read_text()) == report
    (session,) = report["sessions"]
    assert (session["session"], session["signed"]["by"]) == ("tuesday", "A. Reader")
    assert (session["cells"], session["labelled"], session["trained_on"]) == (48, 36, 0)
    assert session["as_recorded"] is None, "other weights counted it"
    check = report["check"]
    assert (check["accuracy"]["n"], check["accuracy"]["after"]["hits"]) == (36, 6)
    assert check["per_class"]["eosinophil"]["after"]["hits"] == check["per_class"]["eosinophil"]["n"] == 6
    assert check["per_class"]["band"]["after"]["hits"] == 0
    assert report["learnt"] is None
    assert report["machine"]["n"] == 12
    assert report["machine"]["same"] + sum(pair["cells"] for pair in report["machine"]["renamed"]) == 12
    # The person's 36 names stand in both reports; of the others all are eosinophils now.
    assert session["after"]["counts"]["eosinophil"] == 6 + 12
    assert session["after"]["counts"]["band"] == 6
    assert sum(session["before"]["counts"][name] for name in ("eosinophil", "band")) <= 24
    assert any(why.startswith("eosinophil: ") for why in session["otherwise"])
    assert report["says"][1] == "1 of 1 reports would have read otherwise; in 1 some number would have changed"


def test_what_was_learnt_from_is_no_check(state: Path):
    with LedgerReader.read(state / "sessions" / "tuesday") as ledger:
        frame = next(ledger.found_frames()).frame
    eosinophils(state, frozenset({short(frame)}))
    report = json.loads(changes(state, "--json"))
    (session,) = report["sessions"]
    assert session["trained_on"] == 3
    assert session["near_trained_on"] == 33, "all pictures are of one run"
    assert report["check"] is None
    assert report["learnt"]["accuracy"]["n"] == 36
    text = changes(state, "tuesday")
    assert "no labelled cell of these sessions is left that neither weights were trained on" in text
    assert "36 labelled cells were trained on, or stand beside one that was, and are no check: " in text


def test_named_sessions_and_what_cannot_be_compared(state: Path):
    assert "\nmonday (not signed; 24 cells, 18 of them labelled):\n" in changes(state, "monday")
    frames = sorted((state / "sessions" / "monday" / "frames").rglob("*"))
    next(path for path in frames if path.is_file()).write_bytes(b"gone")
    text = changes(state, "monday", "tuesday")
    assert "\nleft out: monday: " in text
    assert "is damaged" in text
    assert "tuesday (signed by A. Reader, " in text
    assert "no session can be compared: monday" in changes(state, "monday", code=1)
    shutil.copytree(state / "sessions" / "tuesday", state / "sessions" / "imported")
    twice = changes(state, "tuesday", "imported")
    assert "left out: imported: its cells are of session tuesday too" in twice
    assert "1 of 1 reports" in twice
    same = CliRunner().invoke(weights.app, ["changes", "--old", str(state / "old"), "--new", str(state / "old")])
    assert "both are the same weights" in str(same.exception)


def test_an_archive_of_sessions_is_compared_as_the_sessions_are(state: Path, tmp_path: Path):
    report = json.loads(changes(state, "--json"))
    of = ("--archive", str(state / "sessions"), "--results", str(tmp_path / "results"), "--json")
    archived = json.loads(changes(state, *of))
    assert archived == report
    results = tmp_path / "results" / "sessions"
    assert json.loads((results / "monday.json").read_text())["result"] == {"notes": [], "signed": False}
    # What stands is not made again, and what is damaged is named.
    before = (results / "tuesday.json").stat().st_mtime_ns
    shutil.copytree(state / "sessions" / "tuesday", state / "sessions" / "torn")
    (state / "sessions" / "torn" / "ledger.sqlite").write_bytes(b"no ledger")
    typed = ["changes", "--old", str(state / "old"), "--new", str(state / "new"), *of]
    result = CliRunner().invoke(weights.app, typed)
    assert result.exit_code == 1
    again = json.loads(result.stdout)
    assert list(again.pop("left_out")) == ["torn"]
    assert [again[key] for key in ("sessions", "check", "machine")] == [
        report[key] for key in ("sessions", "check", "machine")
    ]
    assert (results / "tuesday.json").stat().st_mtime_ns == before
