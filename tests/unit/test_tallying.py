"""What is typed in a tally, and its file: nothing typed is lost, and nothing undone comes back."""

import json
import os
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smearwatch.clients.tallying.draft import FILE, Draft
from smearwatch.clients.tallying.typed import TypedCells
from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.daemon.record.beside import TALLIED_LABELS

KEYS = st.lists(st.sampled_from([*TALLIED_LABELS, None]), max_size=60)


def stack_of(keys):
    """Return what is left of keys, None of which takes the last one back: worked out apart."""
    left = []
    for position, key in enumerate(keys):
        if key is None:
            continue
        depth = 1
        for later in keys[position + 1 :]:
            depth += 1 if later is not None else -1
            if depth == 0:
                break
        if depth:
            left.append(key)
    return left


@given(KEYS)
def test_the_tally_is_the_keys_less_those_undone(keys):
    cells = TypedCells()
    for key in keys:
        if key is None:
            cells.undo()
        else:
            cells.add(key)
    left = stack_of(keys)
    assert cells.counts == {name: left.count(name) for name in set(left)}
    assert cells.number == len(left)
    assert cells.last == (left[-1] if left else None)


@given(KEYS, st.data())
def test_the_order_of_the_cells_changes_nothing(keys, data):
    names = [key for key in keys if key is not None]
    assert TypedCells(names).json() == TypedCells(data.draw(st.permutations(names))).json()


@given(KEYS, st.integers(0, 60))
def test_a_closed_window_loses_nothing(tmp_path_factory, keys, at):
    folder = tmp_path_factory.mktemp("draft")
    draft = Draft.open(folder, by="A", target=50)
    for number, key in enumerate(keys):
        if number == at:
            draft.close()
            draft = Draft.open(folder, by="A", target=50)
        if key is None:
            draft.undo()
        else:
            draft.add(key)
    draft.close()
    left = stack_of(keys)
    again = Draft.open(folder, by="A", target=None)
    assert again.found == len(left)
    assert again.cells.counts == {name: left.count(name) for name in set(left)}
    if left:
        assert (again.target, again.began_at_ns) == (50, draft.began_at_ns)
    again.remove()
    assert not (folder / FILE).exists()


def test_half_a_key_at_the_end_counts_nothing(tmp_path):
    draft = Draft.open(tmp_path, by="A", target=None)
    draft.add("band")
    draft.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"lympho")
    again = Draft.open(tmp_path, by="A", target=None)
    assert again.cells.counts == {"band": 1}
    again.add("segmented")
    again.close()
    assert Draft.open(tmp_path, by="A", target=None).cells.counts == {"band": 1, "segmented": 1}


def test_an_unfinished_tally_is_its_typists(tmp_path):
    draft = Draft.open(tmp_path, by="A. Reader", target=None)
    draft.add("band")
    with pytest.raises(DraftUnusable, match="another window"):
        Draft.open(tmp_path, by="A. Reader", target=None)
    draft.close()
    with pytest.raises(DraftUnusable, match=r"of 1 cell by A\. Reader is there"):
        Draft.open(tmp_path, by="B. Reader", target=None)
    draft = Draft.open(tmp_path, by="A. Reader", target=None)
    draft.undo()
    draft.close()
    draft = Draft.open(tmp_path, by="B. Reader", target=30)  # an empty one is nobody's
    draft.add("band")
    draft.close()
    head = json.loads((tmp_path / FILE).read_text().splitlines()[0])
    assert (head["by"], head["target"]) == ("B. Reader", 30)


def test_a_mere_counter_has_no_typist_and_goes_on_all_the_same(tmp_path):
    draft = Draft.open(tmp_path, by="", target=None)
    draft.add("band")
    draft.close()
    with pytest.raises(DraftUnusable, match="tally of 1 cell is there"):
        Draft.open(tmp_path, by="A", target=None)
    assert Draft.open(tmp_path, by="", target=None).found == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no head\n", 1),
        ('{"by": "A", "target": 0, "began_at_ns": 1}\nband\n', 1),
        ('{"by": "A", "target": 9, "began_at_ns": 1}\nband\nbands\n', 3),
        ('{"by": "A", "target": 9, "began_at_ns": 1}\nwithdrawn\n', 2),
    ],
)
def test_a_file_that_no_tally_wrote_is_left_as_it_is(tmp_path, text, line):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DraftUnusable, match=f"line {line}: not what a tally writes"):
        Draft.open(tmp_path, by="A", target=None)
    assert (tmp_path / FILE).read_text() == text


def test_a_key_that_the_disk_does_not_take_counts_nothing(tmp_path):
    draft = Draft.open(tmp_path, by="A", target=None)
    draft.add("band")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / FILE).stat().st_size + 3, before[1]))
    try:
        with pytest.raises(DraftUnusable, match="File too large"):
            draft.add("segmented")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert draft.cells.counts == {"band": 1}
    draft.add("lymphocyte")
    draft.close()
    assert Draft.open(tmp_path, by="A", target=None).cells.counts == {"band": 1, "lymphocyte": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DraftUnusable, match="Permission denied"):
        Draft.open(tmp_path, by="A", target=None)
