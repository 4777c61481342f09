"""What is to be labelled, as tables: the random review without the machine's names, and what is worth most."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smearwatch.clients.commands.sessions import app
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import CLASSES, Counted, Labelled, Verdict
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signing import amend, sign
from smearwatch.daemon.record.worth import NO_SAMPLE, worth_labelling
from tests.reviewed import close, record

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Path:
    where = session_folder(load_settings().state_dir, "monday")
    record(where, 72)
    return where


def typed(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result


def shown(*words: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(typed("show", "monday", "--json", *words).stdout)
    return answer


def rows(*words: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(typed("export", "monday", *words).stdout))]


def name_at_random(tmp_path: Path, count: int, label: str = "band") -> list[dict[str, str]]:
    blind = rows("--random", str(count))
    table = tmp_path / "blind.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, blind[0])
        writer.writeheader()
        writer.writerows({**row, "label": label} for row in blind)
    typed("label", "monday", "--from", str(table), "--by", "A. Reader")
    return blind


def test_the_random_review_by_a_table(folder: Path, tmp_path: Path):
    assert shown()["corrected"] is None
    assert "no random review: the limits above hold sampling alone" in typed("show", "monday").stdout
    blind = name_at_random(tmp_path, 40)
    assert not {
        name for name in blind[0] if name in ("class", "verdict", "reject_score", "reviewed_as") or "prob" in name
    }
    corrected = shown("--within", "20")["corrected"]
    assert isinstance(corrected, dict)
    assert (corrected["drawn"], corrected["labelled"], corrected["left"], corrected["within"]) == (40, 40, 32, 20)
    assert (
        corrected["percent"]["band"]["value"] > 80
    )  # all drawn cells were called so; a machine's word that was never drawn is let stand
    assert set(corrected["percent"]) == {*CLASSES, "neutrophils"}
    text = typed("show", "monday").stdout
    assert "40 cells drawn at random" in text
    every = rows()
    drawn = sorted(int(row["draw_number"]) for row in every if row["drawn"] == "True")
    assert drawn == [*range(1, 41)]
    assert {row["frame"] + row["index"] for row in blind} == {
        row["frame"] + row["index"] for row in every if row["drawn"] == "True"
    }
    again = name_at_random(tmp_path, 3)
    assert not {row["frame"] + row["index"] for row in again} & {row["frame"] + row["index"] for row in blind}
    assert shown()["corrected"]["drawn"] == 43  # type: ignore[index]


def test_one_class_alone_may_be_cared_for(folder: Path, tmp_path: Path):
    name_at_random(tmp_path, 24, "monocyte")
    text = typed("show", "monday", "--class", "basophil", "--within", "2").stdout
    assert "for basophil" in text
    assert "for monocyte" not in text
    assert "'blast' is none of" in typed("show", "monday", "--class", "blast", code=2).output


def test_what_is_worth_labelling_is_a_list_of_its_own(folder: Path):
    result = typed("export", "monday", "--worth-labelling", "8")
    assert NO_SAMPLE in result.stderr
    best = [*csv.DictReader(io.StringIO(result.stdout))]
    assert len(best) == 8
    assert {row["class"] for row in best[:6]} == set(CLASSES)  # class by class in turn
    assert typed("export", "monday", "--worth-labelling", "8", "--random", "8", code=2).exit_code == 2


def test_unfamiliar_cells_come_first_then_those_whose_two_best_classes_are_nearest():
    def counted(index: int, first: float, second: float, cls: int, *, strange: bool = False) -> Counted:
        shares = [0.0] * 6
        shares[cls], shares[(cls + 1) % 6] = first, second
        told = tuple(shares)
        verdict: Verdict = "flagged" if strange else "confirmed"
        return Counted(
            "aa" * 32, index, CLASSES[cls], verdict, told, told, 0.1, "w", unfamiliar=True if strange else None
        )

    made = [
        counted(0, 0.9, 0.1, 0),
        counted(1, 0.55, 0.45, 0),
        counted(2, 0.51, 0.49, 0),
        counted(3, 0.7, 0.3, 1),
        counted(4, 0.99, 0.01, 2, strange=True),
    ]
    order = worth_labelling({(each.frame, each.index): each for each in made})
    assert [index for _, index in order] == [4, 2, 3, 1, 0]


def test_labelled_cells_are_not_listed_and_a_label_that_was_taken_back_is_none(folder: Path, tmp_path: Path):
    with LedgerReader.read(folder) as ledger:
        frame = next(ledger.found_frames()).frame
    for label, expected in (("band", 71), ("withdrawn", 72)):
        table = tmp_path / "one.csv"
        table.write_text(f"frame,index,label\n{frame},0,{label}\n")
        typed("label", "monday", "--from", str(table), "--by", "A")
        assert len(rows("--worth-labelling", "100")) == expected


def test_a_second_readers_labels_leave_the_lists_as_they_are(folder: Path):
    before = rows("--random", "72"), rows("--worth-labelling", "72")
    with Ledger.open(folder) as ledger:
        frame = next(ledger.found_frames()).frame
        ledger.append([Labelled(frame, index, "band", "B", 1, 9, None, "second") for index in range(20)])
    assert (rows("--random", "72"), rows("--worth-labelling", "72")) == before
    assert shown()["corrected"] is None


def test_a_signed_session_is_asked_for_nothing_and_keeps_its_corrected_result(folder: Path, tmp_path: Path):
    name_at_random(tmp_path, 40)
    before = shown()["corrected"]
    close(folder)
    signed = sign(folder, by="A", overruled=dict.fromkeys(("flagged", "rejected", "target"), "a test"))
    after = shown()
    assert after["corrected"] == before
    assert after["reviewed"]["counts"] == dict(signed.result.counts)  # type: ignore[index]
    text = typed("show", "monday").stdout
    assert "40 cells drawn at random" in text
    assert "the session is signed, so nothing more is asked for" in text
    assert "name more" not in text
    refused = CliRunner().invoke(app, ["export", "monday", "--random", "3"])
    assert isinstance(refused.exception, SessionSigned)
    assert refused.stdout == ""
    amend(folder, by="A", reason="more is to be named")
    assert len(rows("--random", "3")) == 3
