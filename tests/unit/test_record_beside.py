"""Other counts beside the machine's: their events, their rules in the ledger, and what is shown of them."""

import pytest
from pydantic import ValidationError

from smearwatch.daemon.record.beside import PARTS, Analysed, BesideFold, Tallied, flaw_of_parts, rounded_between
from smearwatch.daemon.record.beside_json import beside_json, named_json, pooled_json
from smearwatch.daemon.record.classes import LABELS
from smearwatch.daemon.record.events import Opened, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.keeping import StillCounted, keep_printout, keep_tally
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.review import Reviewed
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.signature import OverruledName
from smearwatch.daemon.record.signing import amend, sign, standing
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused
from tests.reviewed import close, record

OVERRULED: dict[OverruledName, str] = {"flagged": "seen", "rejected": "seen", "target": "few"}
TALLY = Tallied("A", 5, 7, 1, 100, {"band": 3, "erythroblast": 2})
PRINTED = Analysed("A", 7, 1, percent={"neutrophils": "62.0", "lymphocyte": "28"})


@pytest.fixture
def folder(tmp_path):
    record(tmp_path / "sessions" / "monday", 72)
    close(tmp_path / "sessions" / "monday")
    return tmp_path / "sessions" / "monday"


def whole(folder):
    with LedgerReader.read(folder) as ledger:
        fold = BesideFold()
        for recorded in ledger.events():
            fold.apply(recorded.event)
        return list(verify(ledger)) == [], fold


def test_each_event_has_one_spelling():
    assert event_to_bytes(TALLY) == (
        b'{"began_at_ns":5,"by":"A","counts":{"band":3,"erythroblast":2},"kind":"tallied","ordinal":1,'
        b'"tallied_at_ns":7,"target":100}'
    )
    assert event_to_bytes(PRINTED) == (
        b'{"analysed_at_ns":7,"by":"A","kind":"analysed","ordinal":1,"percent":{"lymphocyte":"28","neutrophils":"62.0"}}'
    )
    for event in (TALLY, PRINTED, Analysed("A", 7, 1, counts={"band": 0, "others": 9}, cells=9)):
        assert event_from_bytes(event_to_bytes(event)) == event


@pytest.mark.parametrize("counts", [{}, {"band": 0}, {"bands": 3}, {"withdrawn": 1}, {"cannot_say": 1}])
def test_a_tally_is_of_cells_that_it_knows(counts):
    with pytest.raises(ValidationError):
        Tallied("A", 5, 7, 1, 100, counts)


@pytest.mark.parametrize(
    ("percent", "counts", "cells", "flaw"),
    [
        ({"neutrophils": "62.0", "lymphocyte": "38.0"}, None, None, None),
        ({"neutrophils": "62.04", "lymphocyte": "38.0"}, None, None, None),  # the second may have been 37.95
        ({"neutrophils": "62.1", "lymphocyte": "38.01"}, None, None, "more than 100 together"),
        ({"neutrophils": "62", "band": "3"}, None, None, "in one, or as band and segmented"),
        ({"wbc": "62"}, None, None, "the parts are band, segmented, neutrophils"),
        ({}, None, None, "the parts are"),
        (None, None, None, "either percentages or counts"),
        ({"band": "1"}, {"band": 1}, None, "either percentages or counts"),
        (None, {"band": 0}, None, "the counts are 0 together"),
        (None, {"band": 7, "others": 4}, 10, "the counts are 11 together, and 10 in all"),
        (None, {"band": 7, "others": 3}, 10, None),
    ],
)
def test_what_is_no_differential_is_said(percent, counts, cells, flaw):
    said = flaw_of_parts(percent, counts, cells)
    assert (said is None) == (flaw is None)
    assert (flaw or "") in (said or "")


@pytest.mark.parametrize("printed", ["-1", "1000", "1.", "1e3", "", "1.23456", " 1"])
def test_a_percentage_is_kept_as_printed(printed):
    with pytest.raises(ValidationError):
        Analysed("A", 7, 1, percent={"band": printed})


def test_a_printed_share_was_between_its_roundings():
    assert rounded_between("62.0") == pytest.approx((0.6195, 0.6205))
    assert rounded_between("62") == pytest.approx((0.615, 0.625))
    assert rounded_between("0.0") == pytest.approx((0, 0.0005))
    assert rounded_between("100") == pytest.approx((0.995, 1))


def test_the_result_of_a_tally_by_known_figures():
    named = {"band": 4, "segmented": 50, "neutrophil": 6, "lymphocyte": 20, "erythroblast": 2, "smudge": 5}
    told = named_json(named)
    assert (told["cells"], told["neutrophils"], told["neutrophils_undivided"]) == (80, 60, 6)
    assert told["counts"]["basophil"] == 0
    assert told["percent"]["neutrophils"]["value"] == 75
    assert told["percent"]["band"] == {"value": 5.0, "low": 1.38, "high": 12.31}  # 4 of 80, Clopper-Pearson
    assert (told["others"], told["others_per_100"]) == ({"erythroblast": 2}, {"erythroblast": 2.5})
    assert told["set_aside"] == {"smudge": 5}


def test_pooling_adds_every_name_up():
    reviewed = Reviewed(3, 1, {"band": 2, "segmented": 8}, 1, {"blast": 1}, {"artefact": 4}, 0, 0)
    fold = BesideFold()
    fold.apply(TALLY)
    fold.apply(Tallied("B", 6, 8, 2, 100, {"segmented": 5, "neutrophil": 1, "blast": 1}))
    fold.apply(PRINTED)  # an analyser's cells are nobody's to be pooled
    told = pooled_json(reviewed, fold, "why")
    assert (told["tallies"], told["cells"], told["mark"]) == (2, 20, "why")
    assert (told["counts"]["band"], told["counts"]["segmented"], told["neutrophils_undivided"]) == (5, 13, 2)
    assert told["others"] == {"blast": 2, "erythroblast": 2}
    assert told["set_aside"] == {"artefact": 4}


def test_all_are_kept_in_their_order_and_change_no_count(folder):
    before = standing(folder).fold
    first = keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)
    second = keep_tally(folder, by="B", began_at_ns=2, counts={"band": 1}, target=50)
    keep_printout(folder, by="A", percent={"neutrophils": "62.0"}, counts=None, cells=None)
    assert (first.ordinal, second.ordinal) == (1, 2)
    sound, fold = whole(folder)
    assert sound
    assert fold.tallies == (first, second)
    told = beside_json(fold)
    assert [each["by"] for each in told["tallies"]] == ["A", "B"]
    assert told["analysers"][0]["percent"] == {"neutrophils": "62.0"}
    after = standing(folder).fold
    assert (after.counts, after.result, after.snapshot()) == (before.counts, before.result, before.snapshot())


def test_a_tally_is_not_kept_twice(folder):
    first = keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)
    assert keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100) == first
    assert len(whole(folder)[1].tallies) == 1


def test_a_number_is_not_left_out(folder):
    with Ledger.open(folder) as ledger:
        for event in (Tallied("A", 5, 7, 2, 100, {"band": 1}), Analysed("A", 7, 3, counts={"band": 1})):
            with pytest.raises(LedgerRefused, match="before it"):
                ledger.append([event])


def test_the_ledger_has_form_11_from_the_first_on(folder):
    def form():
        with LedgerReader.read(folder) as ledger:
            return ledger.rows("PRAGMA user_version")[0][0]

    assert form() < 11
    keep_printout(folder, by="A", percent=None, counts={"band": 3}, cells=None)
    assert form() == 11


def test_a_signed_session_takes_none_until_it_is_amended(folder):
    keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)
    sign(folder, by="S", overruled=OVERRULED)
    with pytest.raises(SessionSigned):
        keep_tally(folder, by="A", began_at_ns=2, counts={"band": 3}, target=100)
    with pytest.raises(SessionSigned):
        keep_printout(folder, by="A", percent=None, counts={"band": 3}, cells=None)
    assert whole(folder)[0]
    amend(folder, by="S", reason="a tally is missing")
    keep_tally(folder, by="A", began_at_ns=2, counts={"band": 3}, target=100)
    sound, fold = whole(folder)
    assert sound
    assert [each.began_at_ns for each in fold.tallies] == [1, 2]


def test_a_session_that_is_counted_takes_none(folder):
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", "monday", 100, 33.0, "filament", {})])
        with pytest.raises(StillCounted, match="is being counted"):
            keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)
    keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)  # ended in disorder: nobody counts it


def test_another_writer_is_waited_for_and_then_refused(folder, monkeypatch):
    monkeypatch.setattr("smearwatch.daemon.record.moment._PATIENCE_S", 0.1)
    with Ledger.open(folder), pytest.raises(SessionBusy):
        keep_tally(folder, by="A", began_at_ns=1, counts={"band": 3}, target=100)


def test_labels_and_parts_are_those_of_the_record():
    assert set(named_json({})["counts"]) | {"neutrophils", "others"} == set(PARTS)
    everything = named_json(dict.fromkeys(LABELS, 1))
    named = {**everything["counts"], "neutrophil": 1, **everything["others"], **everything["set_aside"]}
    assert set(named) == set(LABELS)
