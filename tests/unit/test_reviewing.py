"""A reader's desk: what was said is shown at once, what was not written is put back, undo knows whose label it was."""

import pytest

from smearwatch.clients.reviewing.cells import GROUPS, NEWEST, TO_SEE, Cell, in_group
from smearwatch.clients.reviewing.desk import Desk
from smearwatch.clients.terminal.cell_words import name_line
from smearwatch.clients.terminal.keys import class_keys, further_keys, key_lines
from smearwatch.daemon.key_layout import key_layout
from smearwatch.daemon.record.classes import CLASSES, LABELS
from smearwatch.daemon.share_text import NOT_JUDGED

A, B = ("f", 0), ("f", 1)


def cell(number, cls="band", verdict="confirmed", probability=0.9, label=None, by=None):
    return Cell(("f", number - 1), number, cls, verdict, probability, label, by)


@pytest.fixture
def desk():
    desk = Desk()
    desk.take([cell(1, verdict="flagged"), cell(2, "monocyte", label="lymphocyte", by="B")])
    return desk


def label_of(desk, key):
    return desk.cell(key).label, desk.cell(key).by


def test_what_is_said_is_shown_before_it_is_written(desk):
    change = desk.label(A, "segmented", "A")
    assert (label_of(desk, A), desk.waiting) == (("segmented", "A"), 1)
    desk.take([cell(1, verdict="flagged")])  # an answer from before
    assert label_of(desk, A) == ("segmented", "A")
    desk.settle(change, written=True)
    assert (label_of(desk, A), desk.waiting) == (("segmented", "A"), 0)


def test_labels_that_were_not_written_are_put_back_as_the_record_has_them(desk):
    first, second = desk.label(A, "segmented", "A"), desk.label(A, "monocyte", "A")
    desk.settle(first, written=False)
    assert label_of(desk, A) == ("monocyte", "A")
    desk.settle(second, written=False)
    assert label_of(desk, A) == (None, None)
    assert desk.undo("A") == (None, "nothing to undo")
    third = desk.label(B, "monocyte", "B")
    desk.settle(third, written=False)
    assert label_of(desk, B) == ("lymphocyte", "B")


def test_undo_gives_back_what_stood_and_redo_gives_it_again(desk):
    desk.settle(desk.label(A, "segmented", "B"), written=True)
    desk.settle(desk.label(B, "monocyte", "B"), written=True)
    back, _ = desk.undo("B")
    assert (back.key, back.label) == (B, "lymphocyte")
    back, _ = desk.undo("B")  # while the one before is on its way
    assert (back.key, back.label, label_of(desk, A)) == (A, "withdrawn", (None, None))
    assert desk.undo("B") == (None, "nothing to undo")
    again, _ = desk.redo("B")
    assert (again.key, again.label) == (A, "segmented")
    desk.label(B, "band", "B")
    assert desk.redo("B") == (None, "nothing to redo")


def test_an_undo_that_was_not_written_can_be_undone_once_more(desk):
    desk.settle(desk.label(A, "segmented", "A"), written=True)
    back, _ = desk.undo("A")
    desk.settle(back, written=False)
    assert label_of(desk, A) == ("segmented", "A")
    assert desk.redo("A") == (None, "nothing to redo")
    back, _ = desk.undo("A")
    assert back.label == "withdrawn"


def test_nobody_gives_a_label_in_anothers_name(desk):
    desk.settle(desk.label(B, "monocyte", "A"), written=True)
    change, why = desk.undo("A")
    assert change is None
    assert why == "nothing was undone: cell 2 had the label lymphocyte of B, which only they can give"
    desk.settle(desk.label(A, "monocyte", "A"), written=True)
    desk.take([cell(1, verdict="flagged", label="eosinophil", by="B")])
    change, why = desk.undo("A")
    assert change is None
    assert "another label by now" in why


def test_doubtful_cells_come_first():
    cells = [
        cell(1), cell(2, verdict="flagged", probability=0.8), cell(3, verdict="rejected"),
        cell(4, verdict="flagged", probability=0.5), cell(5, verdict="flagged", label="band", by="A"),
    ]  # fmt: skip
    numbers = {group: [each.number for each in in_group(cells, group)] for group in GROUPS}
    assert numbers[TO_SEE] == [4, 2, 3]
    assert numbers["flagged"] == [4, 2, 5]
    assert numbers["rejected: none of the six"] == [3]
    assert numbers["labelled"] == [5]
    assert numbers["band"] == [4, 2, 1, 5]
    assert numbers["monocyte"] == []
    assert numbers[NEWEST] == [5, 4, 3, 2, 1]
    assert (cells[2].as_machine, cells[1].as_machine) == ("other", "band")


def test_the_terminals_keys_are_the_pages_but_for_its_own():
    layout = key_layout({})
    keys = layout.terminal
    assert sorted(keys.values()) == sorted(LABELS)
    assert {key: label for key, label in keys.items() if layout.page.get(key) != label} == {"l": "plasma_cell"}
    assert not set(keys) & set("pnuyzfgdq?")
    assert list(class_keys(layout)) == list(CLASSES)
    lines = key_lines(further_keys(layout), 74, layout).split("\n")
    assert all(len(line) <= 74 for line in lines)
    assert [line for line in lines if line.endswith((" l", " s", " e"))] == []


def test_a_cell_that_could_not_be_judged_has_no_name_to_agree_with():
    aside = cell(1, cls=NOT_JUDGED, verdict="rejected", probability=0.0)
    assert (aside.to_see, aside.as_machine, aside.name) == (True, None, "rejected")
    assert cell(2, verdict="rejected").as_machine == "other"
    assert "rejected: it could not be judged" in name_line(aside).plain
