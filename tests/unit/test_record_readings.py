"""Two readers of the same cells: which label is of which reading, how far they agree, and what is said of it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.clients.reader_lines import reader_lines
from smearwatch.clients.reader_report import reader_report
from smearwatch.daemon.record.classes import CLASSES, ClassName, LabelName
from smearwatch.daemon.record.events import Event, Labelled, Reading
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.kappa import Kappa, kappa_of
from smearwatch.daemon.record.readings import ReadingsFold
from smearwatch.daemon.record.tally import TallyFold
from tests.unit.test_record_review import AGAIN, FRAME, counted, seen


def label(index: int, name: LabelName, by: str = "A", reading: Reading | None = None, ordinal: int = 1) -> Labelled:
    return Labelled(FRAME, index, name, by, ordinal, 9, None, reading)


def fold_of(events: Sequence[Event]) -> ReadingsFold:
    fold = ReadingsFold()
    for event in events:
        fold.apply(event)
    return fold


def read(first: Sequence[LabelName], second: Sequence[LabelName], machine: Sequence[ClassName]) -> list[Event]:
    events = [*seen(FRAME, len(machine)), *(counted(index, cls) for index, cls in enumerate(machine))]
    events += [label(index, name) for index, name in enumerate(first)]
    return events + [label(index, name, "B", "second") for index, name in enumerate(second)]


def report_of(events: Sequence[Event]) -> dict[str, Any]:
    report = reader_report(fold_of(events), "monday")
    assert json.loads(json.dumps(report)) == report
    assert all(len(line) < 200 for line in reader_lines(report))
    return report


FIRST: list[LabelName] = ["band", "band", "segmented", "monocyte", "smudge"]
SECOND: list[LabelName] = ["band", "segmented", "segmented", "monocyte", "lymphocyte"]
MACHINE: list[ClassName] = ["band", "band", "band", "monocyte", "lymphocyte"]


def test_agreement_the_machine_against_each_and_the_differential_of_both():
    report = report_of(read(FIRST, SECOND, MACHINE))
    assert report["first"] == {"by": ["A"], "read": 5, "left": 0}
    assert report["second"] == {"by": ["B"], "read": 5, "left": 0}
    assert (report["through"], report["compared"]) == (True, 5)
    assert (report["agreement"]["hits"], report["agreement"]["value"]) == (3, 60.0)
    assert report["by_class"]["band"] == {"first": 2, "second": 1, "both": 1, "agreement": 66.67}
    assert report["by_class"]["smudge"] == {"first": 1, "second": 0, "both": 0, "agreement": 0.0}
    assert report["by_class"]["basophil"]["agreement"] is None
    assert report["by_class"]["neutrophils"] == {"first": 3, "second": 3, "both": 3, "agreement": 100.0}
    assert list(report["by_class"])[:6] == list(CLASSES)
    band = report["machine"]["first"]["band"]
    assert (band["sensitivity"]["hits"], band["sensitivity"]["n"]) == (2, 2)
    assert (band["specificity"]["hits"], band["specificity"]["n"]) == (2, 3)
    lymphocyte = report["machine"]["second"]["lymphocyte"]
    assert (lymphocyte["sensitivity"]["value"], lymphocyte["specificity"]["value"]) == (100.0, 100.0)
    # A finds 4 leukocytes, B 5, of 5 distinct ones: band is the mean of 50 and 20 percent.
    pooled = report["pooled"]
    assert (pooled["cells"], pooled["first"], pooled["second"]) == (5, 4, 5)
    assert pooled["percent"]["band"]["value"] == 35.0
    low, high = clopper_pearson(1, 5)[0], clopper_pearson(2, 5)[1]
    assert (pooled["percent"]["band"]["low"], pooled["percent"]["band"]["high"]) == (
        round(100 * low, 2), round(100 * high, 2),
    )  # fmt: skip
    assert sum(pooled["percent"][name]["value"] for name in CLASSES) == pytest.approx(100.0)
    assert [(each["cell"], each["settled"]) for each in report["disagreements"]] == [(2, None), (5, None)]


def test_two_readers_of_the_same_cells_do_not_double_them():
    names: list[LabelName] = [*["band"] * 10, *["segmented"] * 190]
    pooled = report_of(read(names, names, ["segmented"] * 200))["pooled"]
    assert pooled["cells"] == 200
    assert (pooled["percent"]["band"]["low"], pooled["percent"]["band"]["high"]) == (2.42, 9.0)
    text = "\n".join(reader_lines(report_of(read(names, names, ["segmented"] * 200))))
    assert "200 distinct leukocytes" in text
    assert "does not double them" in text
    assert "H20-A2" not in text  # each has as many as it asks for


def test_what_a_reader_does_not_say_is_held_against_nobody():
    report = report_of(read(["neutrophil", "cannot_say"], ["band", "band"], ["band", "band"]))
    machine = report["machine"]["first"]
    assert machine["band"]["sensitivity"] == machine["band"]["specificity"]
    assert machine["band"]["sensitivity"]["value"] is None
    assert machine["neutrophils"]["sensitivity"]["n"] == 1
    assert machine["monocyte"]["specificity"]["n"] == 1
    assert report["pooled"]["percent"]["neutrophils"]["value"] == 100.0


def test_nothing_is_listed_before_both_are_through():
    report = report_of(read(FIRST, SECOND[:4], MACHINE))
    assert (report["through"], report["compared"], report["disagreements"]) == (False, 4, None)
    assert report["second"]["left"] == 1
    assert any("Not both are through" in line for line in reader_lines(report))


def test_what_is_said_later_settles_and_is_of_neither_reading():
    events = read(FIRST, SECOND, MACHINE)
    events += [label(1, "segmented", "C", ordinal=2), label(4, "smudge", "A", ordinal=2)]
    events += [label(0, "monocyte", "B", "second", 2)]
    report = report_of(events)
    assert report["first"]["by"] == ["A"]
    assert report["by_class"]["band"] == {"first": 2, "second": 1, "both": 1, "agreement": 66.67}
    settled = {each["cell"]: each["settled"] for each in report["disagreements"]}
    assert settled == {2: {"label": "segmented", "by": "C"}, 5: {"label": "smudge", "by": "A"}}
    withdrawn = report_of([*events, label(1, "withdrawn", "C", ordinal=3)])
    assert withdrawn["disagreements"][0]["settled"] is None
    assert "cell 5: smudge by A, lymphocyte by B; the machine: lymphocyte; settled: smudge by A" in "\n".join(
        reader_lines(report)
    )


def test_who_read_first_once_has_read_first():
    again = (label(cell, "band", "C", ordinal=2) for cell in range(len(FIRST)))
    fold = fold_of([*read(FIRST, [], MACHINE), *again])
    assert fold.readers(second=False) == ["C"]
    assert [fold.has_read_first(by) for by in ("A", " a", "C", "B")] == [True, True, True, False]


def test_one_person_under_two_spellings_is_no_second_reader():
    mixed = [*read(FIRST, SECOND[:3], MACHINE), label(3, "monocyte", " a", "second"), label(4, "band", "C", "second")]
    report = report_of(mixed)
    assert (report["compared"], report["one_persons"], report["first"]["by"]) == (4, 1, ["A"])
    assert report["pooled"]["first"] == 3, "four of A's five are compared, and one of these is no leukocyte"
    assert report["by_class"]["monocyte"]["both"] == 0, "A agreed with A on the monocyte"
    lines = "\n".join(reader_lines(report))
    assert "1 cell is left out of all below: one person has named it in both readings." in lines
    assert "3 persons share the second reading: all below is of the two readings, not of two persons." in lines
    assert "persons share the first reading" not in lines
    again = [label(at, "band", "  a ", ordinal=2) for at in range(2)]
    assert fold_of([*read(FIRST, [], MACHINE), *again]).readers(second=False) == ["  a "], "each person once"


def test_a_session_that_is_counted_on_is_read_on():
    events = read(FIRST, SECOND, MACHINE)
    later = Labelled("cc" * 32, 0, "band", "A", 1, 9)
    events += [*seen("cc" * 32, 1), counted(0, "band", frame="cc" * 32)]
    assert not fold_of(events).through
    assert report_of(events)["disagreements"] is None
    fold = fold_of([*events, later, Labelled("cc" * 32, 0, "smudge", "B", 1, 9, None, "second")])
    assert fold.through
    assert [cell.number for cell in fold.disputed] == [2, 5, 6]


def test_a_better_view_is_the_same_cell():
    first = counted(0, "band")
    events = [*seen(FRAME, 1), first, *seen(AGAIN, 1, FRAME), counted(0, "monocyte", frame=AGAIN, before=first)]
    fold = fold_of([*events, label(0, "band"), label(0, "monocyte", "B", "second")])
    assert [(cell.number, cell.cls) for cell in fold.cells] == [(1, "monocyte")]
    assert fold.through


NAMES = st.sampled_from(["band", "segmented", "smudge", "withdrawn"])
SAID = st.lists(st.tuples(st.integers(0, 3), NAMES, st.booleans()), max_size=25)


@settings(max_examples=200, deadline=None)
@given(SAID)
def test_a_second_reading_changes_no_result_and_shows_nothing_too_early(said: list[tuple[int, Any, bool]]):
    machine: list[ClassName] = ["band", "band", "segmented", "monocyte"]
    events = [*seen(FRAME, 4), *(counted(index, cls) for index, cls in enumerate(machine))]
    labels = [label(index, name, "B" if second else "A", "second" if second else None) for index, name, second in said]
    tally, alone, fold = TallyFold(), TallyFold(), fold_of(events)
    for event in events:
        tally.apply(event)
        alone.apply(event)
    stand: tuple[dict[int, str], dict[int, str]] = ({}, {})
    was_through = False
    for event in labels:
        tally.apply(event)
        if event.reading is None:
            alone.apply(event)
        fold.apply(event)
        stand[event.reading is not None][event.index] = event.label
        given = [{index for index, name in each.items() if name != "withdrawn"} for each in stand]
        was_through = was_through or given == [{0, 1, 2, 3}] * 2
        assert fold.through == was_through
        if not was_through:
            assert fold.disputed == []
    assert tally.snapshot() == alone.snapshot()
    assert tally.reviewed == alone.reviewed


def spelt(table: list[list[int]]) -> tuple[list[str], list[str]]:
    pairs = [(str(i), str(j)) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def test_kappa_is_that_of_the_books():
    """Fleiss, Statistical Methods for Rates and Proportions, the two diagnosticians: 0.68, standard error 0.087."""
    kappa = kappa_of(*spelt([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert kappa is not None
    assert (kappa.value, kappa.low, kappa.high) == pytest.approx((0.6765, 0.5046, 0.8484), abs=5e-5)


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        ([[5, 0], [0, 5]], 1.0, 0.383, 1.0),
        ([[0, 5], [5, 0]], -1.0, -1.0, -0.383),
        ([[50, 0], [0, 50]], 1.0, 0.9276, 1.0),
    ],
)
def test_kappa_of_few_cells_claims_no_certainty(table: list[list[int]], value: float, low: float, high: float):
    kappa = kappa_of(*spelt(table))
    assert kappa is not None
    assert (kappa.value, kappa.low, kappa.high) == pytest.approx((value, low, high), abs=5e-4)


def test_no_kappa_where_chance_does_as_well():
    assert kappa_of([], []) is None
    assert kappa_of(["band"] * 9, ["band"] * 9) is None
    with pytest.raises(ValueError, match="2 and 1 names"):
        kappa_of(["band", "band"], ["band"])


def test_kappas_limits_hold_as_often_as_they_say():
    shares = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]).ravel() / 100
    drawn = np.random.default_rng(1).choice(9, (300, 200), p=shares)
    kappas = [kappa_of([str(v // 3) for v in one], [str(v % 3) for v in one]) for one in drawn]
    held = np.mean([k.low <= 0.6765 <= k.high for k in kappas if isinstance(k, Kappa)])
    assert 0.91 <= held <= 0.985
