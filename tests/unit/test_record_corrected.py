"""Corrected shares and their limits: how often they hold a known truth, and what they hold in the plain cases."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from smearwatch.daemon.corrected_text import NONE, adjusted, advice_lines, corrected_lines, review_numbers
from smearwatch.daemon.record.classes import CLASSES, ClassName, LabelName
from smearwatch.daemon.record.corrected import NAMES, Corrected, corrected_json
from smearwatch.daemon.record.draw import DrawFold, ReviewedCell, Sample
from smearwatch.daemon.record.events import Counted, Event, Labelled, Recorded, Verdict
from smearwatch.daemon.record.intervals import clopper_pearson
from tests.bench.reviewing.advice import follow, named_so_far, smear
from tests.bench.reviewing.coverage import Plan, measure
from tests.bench.reviewing.coverage import cases as cases_of
from tests.bench.reviewing.smears import MIXES
from tests.documented import ROOT

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def cells(machine: str, truth: str | None, count: int) -> list[ReviewedCell]:
    cls: ClassName = "band" if machine == "rejected" else machine  # type: ignore[assignment]
    verdict: Verdict = "rejected" if machine == "rejected" else "confirmed"
    return [ReviewedCell(("", at), b"", cls, verdict, truth) for at in range(count)]


def corrected(
    settled: Iterable[ReviewedCell] = (), drawn: Iterable[ReviewedCell] = (), left: Iterable[ReviewedCell] = ()
) -> Corrected:
    return Corrected(Sample(tuple(settled), tuple(drawn), tuple(left)))


# --- the proof: known truth, known errors


@pytest.mark.parametrize(
    "plan",
    [
        Plan("healthy", "near", 0.0, 100, 10),
        Plan("healthy", "to lymphocyte", 0.1, 200, 20),
        Plan("left shift", "to basophil", 0.05, 200, 50),
        Plan("left shift", "rare lost", 0.3, 100, 50),
        Plan("healthy", "near", 0.02, 100, 20, rejected_first=True),
    ],
)
def test_limits_hold_the_true_share_of_every_class(plan: Plan):
    held = measure(plan, 300, seed=4, draws=300)
    # 300 smears: a rate of 0.95 comes out below 0.91 once in a thousand.
    assert held.corrected.min() > 0.91, dict(zip(NAMES, held.corrected, strict=True))
    assert (held.corrected_width >= held.all_named_width - 0.005).all()


def test_limits_of_sampling_alone_do_not():
    held = measure(Plan("healthy", "to lymphocyte", 0.2, 200, 20), 100, seed=4, draws=100)
    assert held.naive.min() < 0.2 < 0.9 < held.corrected.min()


@pytest.mark.parametrize("when", ["before", "after"])
def test_limits_hold_where_the_reader_picks_out_errors_too(when: str):
    random, mix, held = np.random.default_rng(6), np.array(MIXES["healthy"]), []
    for _ in range(120):
        order = smear(0.1, 150, random)
        wrong = [cell for cell, truth in order if cell.verdict != "rejected" and cell.cls != truth]
        picked = {cell.key for cell in wrong if random.random() < 0.7}
        rest = order if when == "after" else [each for each in order if each[0].key not in picked]
        sample = named_so_far(rest, 30)
        settled = []
        for cell, truth in order:
            if cell.key in picked and not cell.drawn:
                cell.label = truth
                if when == "before":
                    settled.append(cell)
        percent = Corrected(replace(sample, settled=tuple(settled))).percent
        true = {**dict(zip(CLASSES, mix / mix.sum(), strict=True)), "neutrophils": mix[:2].sum() / mix.sum()}
        held.append([percent[name]["low"] <= 100 * true[name] <= percent[name]["high"] for name in NAMES])
    # A rate of 0.95 comes out below 0.88 in 120 smears about once in a thousand.
    assert np.mean(held, axis=0).min() > 0.88, np.mean(held, axis=0)


def test_the_simulation_counts_as_the_program_does():
    order = smear(0.2, 120, np.random.default_rng(5))
    corrected_so_far = Corrected(named_so_far(order, 40))
    seen, drawn = np.zeros((7, 7), int), np.zeros((7, 7), int)
    for at, (cell, truth) in enumerate(order):
        true = CLASSES.index(truth) if truth in CLASSES else 6
        word = 6 if cell.verdict == "rejected" or cell.cls is None else CLASSES.index(cell.cls)
        seen[true, word] += 1
        drawn[true, word] += at < 40
    for name, classes in NAMES.items():
        own = [CLASSES.index(each) for each in classes]
        settled, parts = cases_of(seen[None], seen[None], drawn[None], own)
        assert corrected_so_far._case(name, upper=True) == (settled[0].tolist(), parts[0].tolist())


def test_as_many_more_as_are_asked_for_are_about_enough():
    row = follow("monocyte", 5.0, rate=0.05, cells=250, first=25, smears=8)
    assert row["count more"] == 0
    assert 5 <= row["asked, median"] <= 120
    assert row["half width then, median"] == pytest.approx(5.0, rel=0.2)


# --- plain cases


def test_limits_are_those_of_clopper_and_pearson_where_everything_is_named():
    everything = [*cells("band", "band", 10), *cells("band", "segmented", 2), *cells("rejected", "segmented", 48)]
    percent = corrected(settled=everything).percent
    for name, k in (("band", 10), ("segmented", 50), ("neutrophils", 60), ("basophil", 0)):
        low, high = clopper_pearson(k, 60)
        assert percent[name] == {
            "value": round(100 * k / 60, 4),
            "low": round(100 * low, 2),
            "high": round(100 * high, 2),
        }


def test_no_error_in_a_few_cells_still_leaves_room_for_errors():
    few = corrected(drawn=cells("segmented", "segmented", 10), left=cells("segmented", None, 90)).percent
    many = corrected(drawn=cells("segmented", "segmented", 60), left=cells("segmented", None, 40)).percent
    assert few["segmented"]["value"] == many["segmented"]["value"] == 100
    assert few["basophil"]["high"] > 20 > 8 > many["basophil"]["high"] > 3.6
    assert few["segmented"]["low"] < 80 < 92 < many["segmented"]["low"]


def test_the_value_moves_to_where_the_drawn_cells_point():
    drawn = [
        *cells("monocyte", "monocyte", 5),
        *cells("monocyte", "lymphocyte", 5),
        *cells("lymphocyte", "lymphocyte", 10),
    ]
    result = corrected(drawn=drawn, left=[*cells("monocyte", None, 40), *cells("lymphocyte", None, 40)])
    assert result.values["monocyte"] == pytest.approx(0.25)
    assert result.values["lymphocyte"] == pytest.approx(0.75)
    assert sum(result.values[name] for name in CLASSES) == pytest.approx(1)


def test_true_cells_among_the_rejected_are_given_back():
    drawn = [*cells("rejected", "basophil", 2), *cells("rejected", "artefact", 2), *cells("band", "band", 16)]
    result = corrected(drawn=drawn, left=[*cells("rejected", None, 16), *cells("band", None, 64)])
    assert result.values["basophil"] == pytest.approx(10 / 90)


def test_picked_cells_are_known_and_say_nothing_of_the_others():
    drawn, rest = cells("band", "band", 18) + cells("band", "segmented", 2), 80
    alone = corrected(drawn=drawn, left=cells("band", None, rest))
    picked = corrected(drawn=drawn, left=cells("band", "segmented", 8) + cells("band", None, rest - 8))
    assert picked.values["segmented"] == pytest.approx(alone.values["segmented"])
    assert picked.percent["segmented"]["low"] >= alone.percent["segmented"]["low"]
    found = corrected(drawn=drawn, left=cells("band", "segmented", 30) + cells("band", None, rest - 30))
    assert found.percent["segmented"]["low"] > 20
    known = corrected(drawn=drawn, left=cells("band", "segmented", 8) + cells("band", "band", rest - 8))
    assert known.values["segmented"] == pytest.approx(0.1)
    low, high = clopper_pearson(10, 100)
    assert known.percent["segmented"]["low"] == pytest.approx(100 * low, abs=0.6)
    assert known.percent["segmented"]["high"] == pytest.approx(100 * high, abs=0.8)


def test_a_neutrophil_that_nobody_divided_widens_band_and_segmented():
    divided = corrected(settled=cells("band", "band", 10) + cells("segmented", "segmented", 50)).percent
    told = corrected(settled=cells("band", "band", 10) + cells("segmented", "neutrophil", 50)).percent
    assert told["band"]["low"] == divided["band"]["low"]
    assert told["band"]["high"] == 100
    assert told["neutrophils"] == divided["neutrophils"]


def test_machine_words_that_were_never_drawn_are_not_believed():
    left = [*cells("segmented", None, 90), *cells("basophil", None, 3)]
    percent = corrected(drawn=cells("segmented", "segmented", 7), left=left).percent
    assert percent["basophil"]["low"] == 0
    assert percent["basophil"]["value"] == 3


def test_the_same_labels_give_the_same_limits_and_no_cells_none():
    drawn, left = cells("band", "band", 9) + cells("band", "segmented", 1), cells("band", None, 40)
    assert corrected(drawn=drawn, left=left).percent == corrected(drawn=drawn, left=left).percent
    assert corrected(settled=cells("rejected", "artefact", 3)).percent["band"] == {
        "value": 0.0,
        "low": 0.0,
        "high": 100.0,
    }


# --- what is said


def fold_of(named: Sequence[tuple[int, LabelName, bool]], count: int = 60) -> DrawFold:
    fold, frame = DrawFold(), "aa" * 32
    events = [
        Counted(frame, at, "band" if at % 2 else "segmented", "confirmed", SIX, SIX, 0.1, "w") for at in range(count)
    ]
    labels = [Labelled(frame, at, name, "A", 1, 9, drawn=True if drawn else None) for at, name, drawn in named]
    both: list[Event] = [*events, *labels]
    for number, event in enumerate(both, start=1):
        fold.apply(Recorded(number, 1, 1, event, "cc" * 32))
    return fold


def order(count: int = 60) -> list[int]:
    return [cell.key[1] for cell in fold_of([], count).sample().left]


def test_without_a_random_review_nothing_is_claimed():
    assert corrected_json(fold_of([])) is None
    assert corrected_json(fold_of([(at, "band", False) for at in range(30)])) is None
    assert corrected_lines({"corrected": None}) == [NONE]
    taken = fold_of([(order()[0], "band", True)])
    assert corrected_json(taken) is not None


def test_shares_of_few_cells_are_no_headline():
    few = corrected_json(fold_of([(at, "band", True) for at in order()[:19]]))
    assert few is not None
    assert (few["drawn"], few["needed"]) == (19, 20)
    (line,) = corrected_lines({"corrected": few, "signed": None})
    assert line == "adjusted: too few cells reviewed at random yet (19 of 20) to show percentages"
    assert adjusted({"corrected": few}) is None
    assert review_numbers(few) == [1]
    enough = corrected_json(fold_of([(at, "band", True) for at in order()[:20]]))
    assert adjusted({"corrected": enough}) is enough
    every = corrected_json(fold_of([(at, "band", True) for at in range(12)], 12))
    assert every is not None
    assert adjusted({"corrected": every}) is every, "a session may have fewer cells than that"


def test_what_more_would_bring_is_said_and_ends():
    named: list[tuple[int, LabelName, bool]] = [(at, "band" if at % 2 else "segmented", True) for at in order()[:20]]
    shown = corrected_json(fold_of(named), 20.0)
    assert shown is not None
    assert (shown["drawn"], shown["labelled"], shown["left"]) == (20, 20, 40)
    assert shown["more"]["band"]["count"] is None
    assert shown["more"]["lymphocyte"] == {"review": 0, "count": None}
    assert "20 cells drawn at random" in corrected_lines({"corrected": shown, "signed": None})[0]
    near = corrected_json(fold_of(named), 2.0)
    assert near is not None
    assert near["more"]["neutrophils"]["review"] > 0
    assert near["more"]["band"]["count"] > 1000
    assert "sampling alone is wider" in advice_lines(near)[0]
    assert "for band" in " ".join(advice_lines(near, "band"))
    assert "segmented" not in " ".join(advice_lines(near, "band"))
    whole: list[tuple[int, LabelName, bool]] = [(at, "band", True) for at in range(60)]
    assert corrected_json(fold_of(whole), 1.0) is not None
    done = corrected_json(fold_of(whole), 49.0)
    assert done is not None
    assert advice_lines(done) == ["known to \N{PLUS-MINUS SIGN}49 points: nothing more is asked for"]
    assert "a person named every cell" in corrected_lines({"corrected": done, "signed": None})[0]


# --- the page


def test_the_pages_table_is_what_was_measured():
    page = (ROOT / "docs" / "random-review.md").read_text()
    measured = json.loads((ROOT / "docs" / "random-review" / "coverage.json").read_text())
    rows = measured["reviewed_interval"]["rows"]
    assert len(rows) == 13
    for row in rows:
        held = [row[rate] for rate in ("0%", "2%", "5%", "10%", "20%", "30%")]
        assert min(held) >= 0.94, row
        assert " | ".join(f"{each:.3f}" for each in held) in page
    for row in measured["reviewed_advice"]["rows"]:
        assert f"{row['at most a fifth wider']} of {row['of those']}" in page
