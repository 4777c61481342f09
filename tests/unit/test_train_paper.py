"""The paper's protocol: who is trained on, which copies are made, what a gap between two shares is worth."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import DataUnusable, Sample, exact
from smearwatch.train.options import from_options
from smearwatch.train.paper import published
from smearwatch.train.paper.config import PaperConfig
from smearwatch.train.paper.geometry import vary
from smearwatch.train.paper.protocol import Plan, plan
from smearwatch.train.paper.results import (
    CellCounts,
    Curves,
    PaperReport,
    ProtocolResult,
    SixClassResult,
    SixClassScores,
    TwoClassResult,
    TwoClassScores,
)
from smearwatch.train.paper.scores import measure_leakage
from smearwatch.train.paper.tables import markdown
from smearwatch.train.statistics import Share

CONFIG = PaperConfig(um_per_px=0.1, per_class=50)


def cell(place: int, number: int, group: str) -> Sample:
    def no_picture():
        raise AssertionError("nothing is drawn here")

    name = f"{CLASSES[place]}/{number}"
    return Sample(name, "cells", CLASSES[place], exact(place), group, None, no_picture, digest=name)


def cells(config: PaperConfig = CONFIG) -> list[Sample]:
    """As many as the protocol starts from; every third shares its group with the one before it."""
    return [
        cell(place, number, f"{place}-{number - (number % 3 == 2)}")
        for place in range(len(CLASSES))
        for number in range(published.sources(place, config.per_class))
    ]


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    return {name: plan(name, cells(), CONFIG) for name in ("paper", "honest")}


def test_the_papers_numbers_agree_with_each_other():
    assert sum(published.AUGMENTED) == 2982
    total = sum(map(sum, published.CONFUSION))
    hits = sum(published.CONFUSION[place][place] for place in range(6))
    assert round(hits / total, 3) == published.ACCURACY
    assert [published.SPECIFIC[p] + published.MIXED[p] for p in range(6)] == [993, 979, 977, 1013, 1041, 985]
    # At the paper's own size the cells to start from are its 1335, but for rounding.
    assert sum(published.sources(place, published.PER_CLASS) for place in range(6)) == pytest.approx(1335, abs=3)


def test_both_protocols_train_and_test_on_equally_many(plans: dict[str, Plan]):
    sizes = {name: (len(one.train), len(one.test)) for name, one in plans.items()}
    assert sizes["paper"] == sizes["honest"]
    assert sizes["paper"][0] == pytest.approx(0.8 * sum(sizes["paper"]), abs=3)


def test_only_the_papers_way_tests_on_cells_it_trained_on(plans: dict[str, Plan]):
    assert plans["honest"].shared_cells == 0
    assert plans["paper"].shared_cells > len(plans["paper"].test) / 2
    groups = [one.group for one in cells()]
    trained = {groups[place] for place in plans["honest"].train.cells}
    tested = {groups[place] for place in plans["honest"].test.cells}
    assert not trained & tested
    assert {groups[place] for place in plans["honest"].test_cells.cells} == tested


@pytest.mark.parametrize("name", ["paper", "honest"])
def test_no_picture_is_on_both_sides(plans: dict[str, Plan], name: str):
    one = plans[name]
    sides = [set(zip(side.cells.tolist(), side.copies.tolist(), strict=True)) for side in (one.train, one.test)]
    if name == "paper":
        assert len(sides[0]) + len(sides[1]) == len(one.train) + len(one.test)
    assert not sides[0] & sides[1]
    assert set(one.test.classes.tolist()) == set(range(6))
    assert not (one.two_class.trains & one.two_class.tests).any()


@pytest.mark.parametrize("name", ["paper", "honest"])
def test_each_verifier_has_its_class_and_a_balanced_mix(plans: dict[str, Plan], name: str):
    data = plans[name].two_class
    for place in range(6):
        every = data.trains[:, place] | data.tests[:, place]
        counts = Counter(data.pictures.classes[every].tolist())
        assert counts.pop(place) == published.scaled(published.SPECIFIC[place], CONFIG.per_class)
        assert sum(counts.values()) == pytest.approx(published.scaled(published.MIXED[place], CONFIG.per_class), abs=2)
        assert max(counts.values()) - min(counts.values()) <= 2
        assert data.tests[:, place].sum() == pytest.approx(0.2 * every.sum(), abs=2)
    if name == "honest":
        trained = set(data.pictures.cells[data.trains.any(axis=1)].tolist())
        assert not trained & set(data.pictures.cells[data.tests.any(axis=1)].tolist())


def test_a_group_of_two_classes_stands_on_one_side():
    joined = [cell(place, number, f"g{number}") for place in range(6) for number in range(10)]
    one = plan("honest", joined, CONFIG)
    groups = [sample.group for sample in joined]
    assert not {groups[p] for p in one.train.cells} & {groups[p] for p in one.test.cells}


def test_a_class_that_cannot_be_divided_is_named():
    joined = [cell(place, number, f"{place}-{number * (place != 3)}") for place in range(6) for number in range(10)]
    with pytest.raises(DataUnusable, match="basophil all stand on one side"):
        plan("honest", joined, CONFIG)
    assert len(plan("paper", joined, CONFIG).test)


def test_the_plan_is_the_same_again_and_another_with_another_seed():
    once, again = plan("paper", cells(), CONFIG), plan("paper", cells(), CONFIG)
    assert once.test.cells.tolist() == again.test.cells.tolist()
    other = plan("paper", cells(), CONFIG.model_copy(update={"seed": 2}))
    assert once.test.cells.tolist() != other.test.cells.tolist()


def test_copies_differ_keep_the_middle_and_come_out_the_same_again():
    picture = np.full((96, 96, 3), 235, dtype=np.uint8)
    picture[44:52, 44:52] = (120, 40, 100)
    copies = [vary(picture, 3, copy, seed=1) for copy in range(4)]
    assert np.array_equal(copies[0], picture)
    assert not np.array_equal(copies[1], copies[2])
    assert np.array_equal(copies[1], vary(picture, 3, 1, seed=1))
    assert not np.array_equal(copies[1], vary(picture, 4, 1, seed=1))
    for copy in copies:
        stained = np.argwhere(copy[..., 1] < 140)
        # 1.5 um are 4.4 of these pixels, along each axis
        assert np.abs(stained.mean(axis=0) - 47.5).max() < 6
        assert len(stained) == pytest.approx(64, rel=0.35)


def six_class(hits: int, n: int = 100) -> SixClassScores:
    return SixClassScores(n, n, Share(hits, n), cost=0.7, confusion=[[1] * 6] * 6)


def result_of(tests: dict[str, SixClassScores]) -> ProtocolResult:
    table: dict[str, TwoClassScores] = {name: TwoClassScores(9, 11, Share(5, 10)) for name in CLASSES}
    return ProtocolResult(8, 2, 0, {"96": SixClassResult(tests, Curves([], []))}, TwoClassResult(table, []))


def test_what_leakage_is_worth_needs_both_protocols():
    paper = result_of({"augmented": six_class(97), "fresh": six_class(90)})
    honest = result_of({"augmented": six_class(91), "cells": six_class(92)})
    (row,) = measure_leakage({"paper": paper, "honest": honest})
    assert row.px == 96
    gaps = (row.like_with_like, row.against_cells, row.same_network)
    assert [gap and gap.value for gap in gaps] == [0.06, 0.05, 0.07]
    (alone,) = measure_leakage({"paper": paper})
    assert alone.like_with_like is None
    assert alone.same_network == row.same_network
    assert measure_leakage({"honest": honest}) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"px": (64,)}, "--px 64"),
        ({"px": (751,)}, "--px 751"),
        ({"epochs": 0}, "--epochs 0"),
        ({"per_class": 3}, "--per-class 3"),
        ({"fine_epochs": -1}, "--fine-epochs -1"),
        ({"seed": -5}, "--seed -5"),
    ],
)
def test_senseless_options_are_named(values: dict[str, object], said: str):
    with pytest.raises(DataUnusable) as caught:
        from_options(PaperConfig, {"um_per_px": 0.1, **values}, "paper")
    assert said.split()[0] in str(caught.value)
    assert said.split()[1] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_the_report_says_what_was_run_when_only_one_protocol_was():
    cells: dict[str, int] = dict.fromkeys(CLASSES, 3)
    data = CellCounts("cells", cells, dict.fromkeys(cells, 0), ["a", "b"], "")
    report = PaperReport(CONFIG, data, {"honest": result_of({"augmented": six_class(5, 10)})}, [])
    text = markdown(report)
    assert "| band | 495/498 | 0.968 | 9/11 | 0.5000 (0.187 to 0.813; 5/10) |" in text
    assert "| the paper | 480, 320 | its test | 0.996 (266/267) | 0.109 |" in text
    assert "no outline was found in the middle: 2" in text
    assert "What leakage is worth" not in text
    assert str(Path.cwd()) not in text
