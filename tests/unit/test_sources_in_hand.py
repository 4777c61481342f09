"""What a source is at is noted for its next process, and only what ended it is left alone."""

import pytest

from smearwatch.capture.sources.in_hand import ATTEMPTS, InHand


class Asked(Exception):
    """What a person has to settle."""

    hint = "say which"


def die(path, name="a.jpg", error=MemoryError):
    """Begin a process that ends while it is at a picture."""
    with pytest.raises(error), InHand(path).holding(name, 7, 1):
        raise error


def test_what_ended_three_processes_is_worn_out(tmp_path):
    note = tmp_path / "note.json"
    for _ in range(ATTEMPTS):
        assert not InHand(note).is_worn_out("a.jpg", 7, 1)
        die(note)
    assert not InHand(note).is_worn_out("b.jpg", 7, 1)
    assert not InHand(note).is_worn_out("a.jpg", 8, 1)
    assert InHand(note).is_worn_out("a.jpg", 7, 1)
    assert InHand(note).is_worn_out("a.jpg", 7, 1), "a run that goes on later leaves it alone, too"
    assert not InHand(note).is_worn_out("a.jpg", 7, 2), "a changed file of the same size has its own attempts"
    hand = InHand(note)
    hand.let_go()
    assert InHand(note).is_worn_out("a.jpg", 7, 1)


def test_what_went_well_between_begins_anew(tmp_path):
    note = tmp_path / "note.json"
    for _ in range(ATTEMPTS - 1):
        die(note)
    with InHand(note).holding("a.jpg", 7, 1):
        pass
    die(note)
    assert not InHand(note).is_worn_out("a.jpg", 7, 1)


@pytest.mark.parametrize("error", [Asked, FileNotFoundError])
def test_no_picture_is_blamed_for_what_a_person_or_a_share_does(tmp_path, error):
    note = tmp_path / "note.json"
    for _ in range(ATTEMPTS + 1):
        die(note, error=error)
    assert not InHand(note).is_worn_out("a.jpg", 7, 1)


@pytest.mark.parametrize("left", ["", "[]", "{", '{"7 1 a.jpg": "x"}', '{"7 1 a.jpg": null}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path, left):
    note = tmp_path / "note.json"
    note.write_text(left)
    assert not InHand(note).is_worn_out("a.jpg", 7, 1)


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    with InHand(tmp_path / "gone" / "note.json").holding("a.jpg", 7, 1):
        pass


def test_whoever_stops_the_source_in_the_middle_blames_no_picture(tmp_path):
    note = tmp_path / "note.json"
    for _ in range(ATTEMPTS + 1):
        hand = InHand(note)
        hand.holding("a.jpg", 7, 1).__enter__()  # and its process is killed, for it did not come to an end in time
        hand.let_go()
    assert not InHand(note).is_worn_out("a.jpg", 7, 1)
