"""A scale that the red cells contradict, on a real ledger: before and after the signature, and in what leaves it."""

from pathlib import Path

import pytest

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import Closed, Found, Opened, Seen
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import FOLLOWED_FORM, SCALE_FORM
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signature import OverruledName
from smearwatch.daemon.record.signing import GatesOpen, amend, sign
from smearwatch.daemon.record.verifying import verify
from tests.integration.test_exports import exported, shown, typed
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

SAYS = "0.100 um/px, as it was given, but the red cells of 3 pictures say 0.0850"
WHY: dict[OverruledName, str] = {"flagged": "seen", "rejected": "seen", "target": "few", "scale": "microcytic blood"}


@pytest.fixture
def folder() -> Path:
    where = session_folder(load_settings().state_dir, "monday")
    record(where, 72, red_cells_um_per_px=0.085)
    close(where)
    return where


def test_it_is_signed_with_a_reason_alone_and_older_programs_are_told(folder: Path):
    with pytest.raises(GatesOpen, match=f"the scale is contradicted by the red cells: {SAYS}") as caught:
        sign(folder, by="A", overruled={name: why for name, why in WHY.items() if name != "scale"})
    assert [gate.name for gate in caught.value.gates] == ["scale"]
    said = typed("sign", "monday", "--by", "A", code=1).output
    assert "then count anew in another session" in said
    typed("sign", "monday", "--by", "A", *(f"--overrule={gate}={why}" for gate, why in WHY.items()))
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        assert ledger.rows("PRAGMA user_version") == [(SCALE_FORM,)]
    assert "signed although the red cells contradicted the scale: microcytic blood" in typed("show", "monday").output
    amend(folder, by="A", reason="again")
    assert shown()["scale_contradicted"]["says"] == SAYS


def test_a_session_whose_red_cells_agree_has_the_form_that_it_had(tmp_path: Path):
    folder = tmp_path / "sessions" / "monday"
    record(folder, 72, red_cells_um_per_px=0.098)
    close(folder)
    sign(folder, by="A", overruled=WHY)
    with LedgerReader.read(folder) as ledger:
        signature = ledger.signature()
        assert ledger.rows("PRAGMA user_version")[0][0] <= FOLLOWED_FORM
    assert signature is not None
    assert [each.gate for each in signature.overruled] == ["flagged", "rejected", "target"]


def test_everything_that_leaves_the_house_says_so(folder: Path, tmp_path: Path):
    text = " ".join(typed("show", "monday").output.split())
    assert f"scale contradicted: {SAYS} (check the objective" in text
    assert f"? {SCALE_WORDS}" in text
    rows = exported("--format", "differential")
    assert {(row["mark"], row["um_per_px"], row["red_cells_um_per_px"]) for row in rows} == {
        (SCALE_WORDS, "0.1", "0.085")
    }
    for form in ("hl7", "fhir", "astm"):
        message = typed("export", "monday", "--format", form, "--option", "unmatched=yes").stdout_bytes.decode()
        assert f"Scale contradicted: {SAYS}" in message, form
    out = tmp_path / "report.html"
    typed("export", "monday", "--format", "report", "--out", str(out))
    report = out.read_text()
    assert report.count(SAYS) == 2, "at the top, and among what tells of quality"
    assert "Do not rely on a percentage" not in report, "naming cells mends no scale"


def test_a_name_for_every_cell_mends_no_scale(folder: Path):
    with LedgerReader.read(folder) as ledger:
        named = [(each.frame, cell.index) for each in ledger.found_frames() for cell in each.cells]
    with Ledger.open(folder) as ledger:
        ledger.append(make_labels(ledger, [(key, "lymphocyte") for key in named], by="A", labelled_at_ns=1))
    told = shown()
    assert told["reviewed"]["labelled"] == len(named)
    assert told["reviewed"]["mark"] == SCALE_WORDS


def test_pictures_through_two_objectives_are_named_by_their_own_red_cells_or_by_the_scale_they_were_searched_at():
    """Not those of another size by a factor, which have another scale rightly."""
    where = session_folder(load_settings().state_dir, "monday")
    fields = [
        ("a.jpg", 0.09, 0.09, 100), ("b.jpg", 0.09, 0.142, 100), ("c\x1b.jpg", 0.142, 0.142, 100),
        ("d.jpg", 0.09, 0.09, 100), ("e.jpg", 0.142, None, 100), ("f.jpg", 0.09, None, 100), ("g.jpg", 0.18, 0.18, 50),
        ("h.jpg", 0.09, 0.09, 100),
    ]  # fmt: skip
    with Ledger.open(where) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, 33.0, "none", {})])
        for number, (name, used, own, size) in enumerate(fields):
            frame = f"{number:064x}"
            ledger.append([Seen(frame, name, 5, 1, None, None, False, "folder")])
            ledger.append([Found(frame, size, size, used, "session", own, 0.8, ())])
        ledger.append([Closed(1, True, {}, {})])
    assert [each["name"] for each in shown()["scale_mixed_frames"]] == ["b.jpg", "c\x1b.jpg", "e.jpg"]
    text = " ".join(typed("show", "monday").output.split())
    assert (
        "of the other magnification: b.jpg (red cells say 0.142 um/px), "
        "c\N{REPLACEMENT CHARACTER}.jpg (red cells say 0.142 um/px), e.jpg (searched at 0.142 um/px)"
    ) in text


def test_where_no_two_are_mixed_none_is_named(folder: Path):
    assert shown()["scale_contradicted"] is not None
    assert shown()["scale_mixed_frames"] == []


def test_pictures_after_a_zoom_are_named_from_the_first_to_the_last():
    where = session_folder(load_settings().state_dir, "monday")
    scales = [0.1, 0.102, 0.097, 0.101, 0.099, 0.103, 0.098, 0.1, 0.08, None, 0.081, 0.079]
    with Ledger.open(where) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, 33.0, "none", {})])
        for number, own in enumerate(scales):
            frame = f"{number:064x}"
            ledger.append([Seen(frame, f"{number}.jpg", 5, 1, None, None, False, "folder")])
            ledger.append([Found(frame, 90, 90, 0.1, "session", None, 0.8, (), um_per_px_own=own)])
        ledger.append([Closed(1, True, {}, {})])
    assert [each["name"] for each in shown()["scale_mixed_frames"]] == ["8.jpg", "9.jpg", "10.jpg", "11.jpg"]
    text = " ".join(typed("show", "monday").output.split())
    assert "the red cells of 3 pictures, from 8.jpg on, say 0.0800 um/px, those of the 8 others 0.100" in text
    assert "of the other magnification: 8.jpg (red cells say 0.0800 um/px), 9.jpg (searched at 0.100 um/px)" in text
