"""The reviewed result: a person's labels in the place of the machine's names."""

import json
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.daemon.record.classes import CLASSES, LABELS, OTHER_NUCLEATED, ClassName, LabelName
from smearwatch.daemon.record.events import (
    Counted,
    Event,
    Found,
    FoundCell,
    Labelled,
    Replaced,
    Seen,
    Verdict,
)
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.share_text import review_lines

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
FRAME, AGAIN = "aa" * 32, "bb" * 32


def cell(index: int, of: str | None = None) -> FoundCell:
    named = None if of is None else CellName(of, index)
    return FoundCell(index, (index, 0, 5, 5), (index + 2.5, 2.5), 100.0, False, 0.9, named, named)


def seen(frame: str, count: int, of: str | None = None) -> list[Event]:
    cells = tuple(cell(index, of) for index in range(count))
    return [
        Seen(frame, "f.jpg", 10, 1, None, None, True, "folder"),
        Found(frame, 100, 100, 0.1, "configured", None, 0.8, cells),
    ]


def counted(
    index: int, cls: ClassName, verdict: Verdict = "confirmed", frame: str = FRAME, before: Counted | None = None
) -> Counted:
    replaced = None if before is None else Replaced.of(before)
    return Counted(frame, index, cls, verdict, SIX, SIX, 0.1, "w", None, replaced)


def labelled(index: int, label: LabelName, machine: Counted | None, ordinal: int = 1) -> Labelled:
    return Labelled(FRAME, index, label, "reader", ordinal, 9, None if machine is None else Replaced.of(machine))


def fold_of(*events: Event) -> TallyFold:
    fold = TallyFold()
    for event in events:
        fold.apply(event)
    return fold


def reviewed_json(*events: Event) -> Any:
    told = tally_json(fold_of(*events), "s", 1)["reviewed"]
    assert json.loads(json.dumps(told)) == told
    return told


BAND, FLAGGED, DEBRIS = counted(0, "band"), counted(1, "basophil", "flagged"), counted(2, "monocyte", "rejected")
THREE = [*seen(FRAME, 3), BAND, FLAGGED, DEBRIS]


def test_nothing_is_reviewed_before_somebody_has_labelled():
    assert reviewed_json(*THREE) is None
    assert review_lines(tally_json(fold_of(*THREE), "s", 1)) == []


@pytest.mark.parametrize(
    ("labels", "counts", "cells", "rest"),
    [
        ([labelled(1, "lymphocyte", FLAGGED)], {"band": 1, "lymphocyte": 1}, 2, {"changed": 1, "flagged": 0}),
        ([labelled(1, "basophil", FLAGGED)], {"band": 1, "basophil": 1}, 2, {"changed": 0, "flagged": 0}),
        ([labelled(2, "monocyte", DEBRIS)], {"band": 1, "basophil": 1, "monocyte": 1}, 3, {"changed": 1}),
        ([labelled(2, "monocyte", DEBRIS)], {"band": 1, "basophil": 1, "monocyte": 1}, 3, {"rejected": 0}),
        ([labelled(2, "artefact", DEBRIS)], {"band": 1, "basophil": 1}, 2, {"changed": 0, "rejected": 0}),
        ([labelled(2, "artefact", DEBRIS)], {"band": 1, "basophil": 1}, 2, {"set_aside": {"artefact": 1}}),
        ([labelled(0, "erythroblast", BAND)], {"basophil": 1}, 1, {"others_per_100": {"erythroblast": 100.0}}),
        ([labelled(0, "cannot_say", BAND)], {"basophil": 1}, 1, {"set_aside": {"cannot_say": 1}, "others": {}}),
        ([labelled(0, "neutrophil", BAND)], {"band": 1, "basophil": 1}, 2, {"changed": 0, "neutrophils": 1}),
        ([labelled(1, "neutrophil", FLAGGED)], {"band": 1}, 2, {"changed": 1, "neutrophils": 2}),
        ([labelled(1, "neutrophil", FLAGGED)], {"band": 1}, 2, {"neutrophils_undivided": 1}),
        (
            [labelled(0, "smudge", BAND), labelled(1, "monocyte", FLAGGED), labelled(1, "withdrawn", FLAGGED, 2)],
            {"basophil": 1},
            1,
            {"labelled": 1, "changed": 1, "flagged": 1},
        ),
        (
            [labelled(0, "smudge", BAND), labelled(0, "segmented", BAND, 2)],
            {"segmented": 1, "basophil": 1},
            2,
            {"labelled": 1, "changed": 1, "set_aside": {}},
        ),
    ],
)
def test_what_is_said_of_a_cell_counts(
    labels: list[Labelled], counts: dict[str, int], cells: int, rest: dict[str, Any]
):
    told = reviewed_json(*THREE, *labels)
    assert {name: n for name, n in told["counts"].items() if n} == counts
    assert list(told["counts"]) == [*CLASSES]
    assert told["cells"] == cells
    assert {name: told[name] for name in rest} == rest
    machine = tally_json(fold_of(*THREE, *labels), "s", 1)
    assert (machine["cells"], machine["counts"]["basophil"]) == (2, 1)


def test_a_cell_that_was_labelled_before_its_verdict_is_what_the_person_said():
    told = reviewed_json(*seen(FRAME, 1), labelled(0, "eosinophil", None), BAND)
    assert {name: n for name, n in told["counts"].items() if n} == {"eosinophil": 1}
    assert (told["cells"], told["changed"]) == (1, 1)


def test_a_better_view_changes_what_the_machine_says_and_not_the_label():
    better = counted(0, "monocyte", "rejected", AGAIN, BAND)
    events = [*seen(FRAME, 1), BAND, labelled(0, "lymphocyte", BAND), *seen(AGAIN, 1, FRAME), better]
    told = reviewed_json(*events)
    assert (told["cells"], told["counts"]["lymphocyte"], told["counts"]["band"], told["rejected"]) == (1, 1, 0, 0)
    # The next label is on the leukocyte still, and says what the machine says by now.
    told = reviewed_json(*events, labelled(0, "smudge", better, 2))
    assert (told["cells"], told["labelled"], told["changed"], told["set_aside"]) == (0, 1, 0, {"smudge": 1})


def test_lines_say_what_is_left_to_see():
    told = tally_json(fold_of(*THREE, labelled(0, "erythroblast", BAND)), "s", 1)
    lines = review_lines(told)
    assert lines[0] == (
        "as reviewed, 1 leukocyte (1 cell labelled, 1 of them renamed; not labelled yet: 1 flagged, 1 rejected):"
    )
    assert lines[-1] == "  nucleated red cell: 1, 100.0 for each 100 leukocytes"
    assert all(len(line) <= 110 for line in lines)


def test_a_snapshot_of_other_labels_is_refused():
    snapshot = fold_of(*THREE, labelled(0, "smudge", BAND)).snapshot()
    for wrong in ({"x": ["x", "dust", "band", "confirmed"]}, {"x": ["x"]}, [1]):
        with pytest.raises(TallyBroken):
            TallyFold.restore({**snapshot, "labelled": wrong})


@dataclass
class Story:
    """Leukocytes with verdicts, better views and labels in any order that a ledger takes."""

    events: list[Event] = field(default_factory=list)
    stands: dict[int, Counted] = field(default_factory=dict)
    labels: dict[int, LabelName] = field(default_factory=dict)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    count = draw(st.integers(1, 5))
    story = Story(seen(FRAME, count) + seen(AGAIN, count, FRAME))
    ordinals = dict.fromkeys(range(count), 0)
    for index, what in draw(st.lists(st.tuples(st.integers(0, count - 1), st.booleans()), max_size=20)):
        if what:
            ordinals[index] += 1
            label = draw(st.sampled_from(LABELS))
            story.events.append(labelled(index, label, story.stands.get(index), ordinals[index]))
            story.labels.pop(index, None)
            if label != "withdrawn":
                story.labels[index] = label
        else:
            before = story.stands.get(index)
            if before is not None and before.frame == AGAIN:
                continue
            frame = FRAME if before is None else AGAIN
            verdict = draw(st.sampled_from(get_args(Verdict)))
            story.stands[index] = counted(index, draw(st.sampled_from(CLASSES)), verdict, frame, before)
            story.events.append(story.stands[index])
    return story


def is_neutrophil(stood: Counted | None) -> bool:
    return stood is not None and stood.verdict != "rejected" and stood.cls in ("band", "segmented")


@settings(max_examples=150, deadline=None)
@given(stories(), st.integers(0, 30))
def test_the_fold_says_what_the_cells_say_one_by_one(story: Story, cut: int):
    fold = fold_of(*story.events[:cut])
    fold = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    for event in story.events[cut:]:
        fold.apply(event)
    if not story.labels:
        assert fold.reviewed is None
        return
    names: list[str] = [*story.labels.values()]
    unlabelled = [stood for index, stood in story.stands.items() if index not in story.labels]
    names += [stood.cls for stood in unlabelled if stood.verdict != "rejected"]
    undivided = sum(
        label == "neutrophil" and not is_neutrophil(story.stands.get(index)) for index, label in story.labels.items()
    )
    told = fold.reviewed
    assert told is not None
    assert told.labelled == len(story.labels)
    assert told.undivided == undivided
    assert told.others == {name: names.count(name) for name in OTHER_NUCLEATED if name in names}
    divided = sum(label == "neutrophil" for label in story.labels.values()) - undivided
    for name in CLASSES[2:]:
        assert told.counts[name] == names.count(name)
    assert told.counts["band"] + told.counts["segmented"] == names.count("band") + names.count("segmented") + divided
    assert min(told.counts.values()) >= 0
    left = [stood.verdict for stood in unlabelled]
    assert (told.flagged, told.rejected) == (left.count("flagged"), left.count("rejected"))
