"""Adding a class costs a word in two lists, and weights: tried on a copy of the program that has a seventh."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from smearwatch.daemon.record.events import CLASSES, Counted, Found, FoundCell, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.verifying import verify
from smearwatch.models.checkpoint import shipped_weights_dir
from tests.integration.seven_classes import SEVENTH, copy_with_seven, seven

pytestmark = pytest.mark.integration

NONE: dict[str, int] = dict.fromkeys(CLASSES, 0)
SHARES = (0.1, 0.2, 0.3, 0.2, 0.1, 0.1)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with_seven(tmp_path_factory.mktemp("seven"))


@pytest.fixture(scope="module")
def made(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Weights of seven classes, and what networks that were loaded from them say of a crop."""
    folder = tmp_path_factory.mktemp("networks") / "weights"
    return folder, asked(copy, folder.parent, "networks", folder)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A session of this program, of six classes: one cell is judged and one waits."""
    folder = tmp_path / "sessions" / "old"
    with Ledger.open(folder, clock_ns=lambda: 5) as ledger:
        frame = ledger.frames.put(b"a frame")
        whole = tuple(FoundCell(n, (9 * n, 0, 5, 5), (2.0, 2.0), 90.0, False, 1.0) for n in range(2))
        ledger.append(
            [
                Opened(1, 5, "0", "old", None, 33.0, "filament", {}),
                Seen(frame, "0.jpg", 7, 0, None, None, True, "folder"),
                Found(frame, 10, 10, 0.1, "configured", None, 0.5, whole),
                Counted(frame, 0, "eosinophil", "confirmed", SHARES, SHARES, 0.1, "w"),
            ]
        )
    return folder


def asked(copy: Path, state: Path, question: str, folder: Path) -> Any:
    done = seven(copy, state, "ask", question, folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # the hub logs before it


def test_networks_of_seven_classes_are_made_kept_and_asked(made: tuple[Path, Any]):
    _, found = made
    assert (len(found["probabilities"]), len(found["verifiers"]), found["logits"]) == (7, 7, [1, 7, 1, 7])
    assert sum(found["probabilities"]) == pytest.approx(1.0, abs=1e-5)
    assert found["temperature_free"] == pytest.approx(found["probabilities"], abs=1e-3)


def test_weights_of_six_classes_are_refused_in_one_line(copy: Path, tmp_path: Path):
    says = asked(copy, tmp_path, "unfit", shipped_weights_dir())["says"]
    assert f"{', '.join(CLASSES)} instead of {', '.join(CLASSES)}, {SEVENTH}" in says
    assert "\n" not in says


def test_a_worker_of_six_classes_is_refused_and_one_of_seven_counts(copy: Path, tmp_path: Path):
    found = asked(copy, tmp_path, "hub", tmp_path)
    assert found["code"] == "impossible_answer"
    assert found["says"] == "probabilities: 7 numbers expected, one for each class, and 6 given"
    assert found["counts"] == {**NONE, SEVENTH: 1}


def test_an_old_session_is_verified_shown_and_exported_with_its_own_classes(copy: Path, tmp_path: Path, old: Path):
    verified = seven(copy, tmp_path, "sessions", "verify", "old", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["faults"]) == (0, 0)
    shown = json.loads(seven(copy, tmp_path, "sessions", "show", "old", "--json").stdout)
    assert shown["counts"] == {**NONE, "eosinophil": 1}
    assert [*shown["percent"]] == [*CLASSES, "neutrophils"]
    assert SEVENTH not in seven(copy, tmp_path, "sessions", "show", "old").stdout
    table = seven(copy, tmp_path, "sessions", "export", "old").stdout
    judged, waiting = csv.DictReader(io.StringIO(table))
    assert [float(judged[f"probability_{name}"]) for name in CLASSES] == [*SHARES]
    assert (judged[f"probability_{SEVENTH}"], judged[f"verifier_{SEVENTH}"], waiting["verifier_band"]) == ("", "", "")


def test_an_old_session_that_goes_on_counts_the_new_class_from_then_on(copy: Path, tmp_path: Path, old: Path):
    found = asked(copy, tmp_path, "go_on", old)
    assert found["counts"] == found["restored"] == {**NONE, "eosinophil": 1, SEVENTH: 1}
    assert found["faults"] == []
    with Ledger.read(old) as ledger:
        says = [fault.what for fault in verify(ledger)]
        with pytest.raises(LedgerUnusable, match="event 5 is damaged"):
            list(ledger.events())
    assert says[0].startswith("event 5 cannot be read: not an event: counted.cls: Input should be 'band'")


def test_frames_are_counted_from_end_to_end_by_weights_of_seven_classes(
    copy: Path, made: tuple[Path, Any], tmp_path: Path
):
    weights, _ = made
    frames = tmp_path / "frames"
    drawn = seven(copy, tmp_path, "slide", "--out", frames, "--fields", 2, "--rate", 0, "--seed", 3)
    assert drawn.returncode == 0, drawn.stderr
    told = ("--session", "new", "--um-per-px", 0.09, "--until-idle", 1, "--weights", weights, "--json")
    done = seven(copy, tmp_path, "run", "--watch", frames, *told)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert [*last["counts"]] == [*CLASSES, SEVENTH]
    assert sum(last["counts"].values()) == last["cells"] > 0
    assert seven(copy, tmp_path, "sessions", "verify", "new").returncode == 0
    again = seven(copy, tmp_path, "replay", "new", "--compare", "--weights", weights)
    assert "byte for byte" in again.stdout, again.stdout + again.stderr
