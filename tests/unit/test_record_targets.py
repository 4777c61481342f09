"""Targets: how far each is reached, in the ledger, in a snapshot, in words, and as they are typed."""

import json

import pytest
import typer

from smearwatch.daemon.commands.target_choice import choose_classes, choose_within
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.events import EventInvalid, Opened, Targets, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.targets import half_width
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.share_text import target_text
from tests.unit.clients_script import counted_frames

SEVERAL = Targets({"monocyte": 2, "neutrophils": 3}, {"lymphocyte": 30.0})


def opened(targets=None, target=5):
    return Opened(1, 1, "test", "s", target, 33.0, "rule", {}, targets)


def fold_of(*events):
    fold = TallyFold()
    for event in events:
        fold.apply(event)
    return fold


def reached(fold):
    return {(each.of, each.kind): (each.wanted, each.have, each.reached) for each in fold.targets}


def test_each_target_is_reached_by_itself_and_all_only_together():
    fold = fold_of(opened(SEVERAL), *counted_frames(0, 3, "segmented"), *counted_frames(3, 5, "monocyte"))
    assert reached(fold) == {
        ("cells", "cells"): (5, 5, True),
        ("monocyte", "class"): (2, 2, True),
        ("neutrophils", "class"): (3, 3, True),
        ("lymphocyte", "within"): (30.0, half_width(0, 5), True),
    }
    assert fold.target_reached
    fold = fold_of(opened(SEVERAL), *counted_frames(0, 9, "segmented"), *counted_frames(9, 10, "monocyte"))
    assert [each.reached for each in fold.targets] == [True, False, True, True]
    assert not fold.target_reached
    assert not fold_of(opened(target=None)).target_reached


def test_half_the_width_is_that_of_the_interval_that_is_shown():
    assert half_width(0, 0) == 50.0
    fold = fold_of(opened(Targets(within={"band": 9.0})), *counted_frames(0, 30, "band"), *counted_frames(30, 100))
    share = tally_json(fold, "s", 1)["percent"]["band"]
    assert fold.targets[1].have == pytest.approx((share["high"] - share["low"]) / 2, abs=0.01)
    assert (fold.targets[1].have, fold.targets[1].reached) == (9.37, False)


def test_the_targets_of_the_last_start_hold():
    fold = fold_of(opened(SEVERAL), opened(Targets({"band": 1})), *counted_frames(0, 5, "band"))
    assert set(reached(fold)) == {("cells", "cells"), ("band", "class")}
    fold.apply(opened())
    assert set(reached(fold)) == {("cells", "cells")}


def test_a_snapshot_has_them_and_is_as_it_was_where_there_are_none():
    fold = fold_of(opened(SEVERAL), *counted_frames(0, 3, "monocyte"))
    again = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    assert (again.targets, again.snapshot()) == (fold.targets, fold.snapshot())
    plain = fold_of(opened()).snapshot()
    assert not any(name.startswith("target_") for name in plain)
    with pytest.raises(TallyBroken):
        TallyFold.restore(plain | {"target_classes": {"blast": 3}})


def test_an_event_without_them_is_spelt_as_before_and_one_with_them_comes_back():
    body = event_to_bytes(opened())
    assert b"targets" not in body
    assert event_from_bytes(body) == opened()
    assert event_from_bytes(event_to_bytes(opened(SEVERAL))) == opened(SEVERAL)
    with pytest.raises(EventInvalid, match="blast"):
        event_from_bytes(event_to_bytes(opened(SEVERAL)).replace(b'"monocyte"', b'"blast"'))


def test_only_a_ledger_with_them_is_of_the_new_form(tmp_path):
    for name, targets, form in (("plain", None, 1), ("several", SEVERAL, 11)):
        with Ledger.open(tmp_path / name, session="s") as ledger:
            ledger.append([opened(targets)])
            assert ledger.rows("PRAGMA user_version") == [(form,)]
            assert list(verify(ledger)) == []


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([opened()], None),
        ([opened(target=2), *counted_frames(0, 2)], "target reached: 2 of 2 cells"),
        (
            [opened(Targets({"band": 2}, {"monocyte": 2.0})), *counted_frames(0, 1, "band")],
            "targets: 1 of 5 cells, 1 of 2 band, monocyte ±48.8 (wanted ±2)",
        ),
    ],
)
def test_how_far_they_are_is_said_in_words(events, text):
    assert target_text(tally_json(fold_of(*events), "s", 1)) == text


def test_a_target_that_the_reviewed_result_misses_is_not_called_reached_alone():
    tally = tally_json(fold_of(opened(target=2), *counted_frames(0, 2)), "s", 1)
    missed = [{**tally["targets"][0], "have": 1, "reached": False}]
    assert (
        target_text(tally | {"result_targets": missed})
        == "target reached as counted: 2 of 2 cells; as reviewed: 1 of 2 cells"
    )
    assert target_text(tally | {"result_targets": tally["targets"]}) == "target reached: 2 of 2 cells"


def test_what_is_typed():
    assert choose_classes(["monocyte=50", "neutrophils=7"]) == {"monocyte": 50, "neutrophils": 7}
    assert choose_within(["2"]) == dict.fromkeys(CLASSES, 2.0)
    assert choose_within(["2.5", "monocyte=5"]) == dict.fromkeys(CLASSES, 2.5) | {"monocyte": 5.0}
    assert (choose_classes([]), choose_within([])) == ({}, {})


@pytest.mark.parametrize(
    ("choose", "typed", "says"),
    [
        (choose_classes, ["monocytes=50"], "did you mean monocyte"),
        (choose_classes, ["50"], "monocyte=50"),
        (choose_classes, ["band=0"], "from 1"),
        (choose_classes, ["band=2.5"], "from 1"),
        (choose_classes, ["band=1", "band=2"], "twice"),
        (choose_within, ["band=0"], "above 0"),
        (choose_within, ["nan"], "above 0"),
        (choose_within, ["51"], "50 at most"),
        (choose_within, ["2", "3"], "twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(choose, typed, says):
    with pytest.raises(typer.BadParameter, match=says):
        choose(typed)
