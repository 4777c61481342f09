"""Pictures that were searched in part are counted, the same wherever it is folded, and told once."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from smearwatch.clients.lines import Lines
from smearwatch.clients.plain import table
from smearwatch.daemon.in_part_text import in_part_text
from smearwatch.daemon.record.events import event_from_bytes, event_to_bytes
from smearwatch.daemon.record.schema import SEARCHED_FORM
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from tests.unit.clients_script import ScriptedHub, counted_frames, found, seen
from tests.unit.terminal_screen import PRELIMINARY, RESEARCH_USE, on_screen
from tests.unit.test_clients_lines import view_of


def test_only_what_was_searched_in_part_is_spelt_otherwise():
    whole, part = found(1), replace(found(1), unsearched_percent=44)
    assert b"unsearched" not in event_to_bytes(whole)
    assert event_from_bytes(event_to_bytes(part)) == part
    assert part.form == SEARCHED_FORM
    for wrong in (0, 101):
        with pytest.raises(ValidationError):
            replace(found(1), unsearched_percent=wrong)


def test_they_are_counted_and_remembered():
    fold, again = TallyFold(), TallyFold()
    told = []
    for number, percent in enumerate((None, 44, None, 7, 60)):
        for event in (seen(number), replace(found(number), unsearched_percent=percent)):
            fold.apply(event)
            again = TallyFold.restore(json.loads(json.dumps(again.snapshot())))
            again.apply(event)
        assert again.searched_in_part == fold.searched_in_part
        assert ("in_part" in fold.snapshot()) == (number > 0)
        told.append((in_part_text({"searched_in_part": fold.searched_in_part}) or "").partition(" lies")[0])
    assert told[0] == ""
    assert told[1] == told[2] == "1 picture was searched in part: 44 % of it"
    assert told[3:] == [f"{n} pictures were searched in part: 7 to {most} % of each" for n, most in ((2, 44), (3, 60))]
    with pytest.raises(TallyBroken):
        TallyFold.restore({**fold.snapshot(), "in_part": {"pictures": -1}})


def test_it_is_told_once_among_the_lines_and_on_the_smallest_screen():
    hub = ScriptedHub()
    hub.start()
    hub.commit(*counted_frames(10, 20))
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    for number, percent in enumerate((None, 44, 50)):
        hub.commit(seen(number), replace(found(number), unsearched_percent=percent))
        lines.show(view_of(hub))
    text = " ".join(line.removeprefix("# ") for line in written)
    assert text.count("warning: 1 picture was searched in part: 44 % of it lies in the dark around a round field") == 1
    assert text.count("searched in part") == 1
    assert "warning: 2 pictures were searched in part: 44 to 50 % of each lies" in " ".join(table(view_of(hub)))
    screen = " ".join(line.strip() for line in on_screen(view_of(hub), (80, 24)))
    assert "\u25b2 2 pictures were searched in part: 44 to 50 % of each lies in the dark" in screen
    for word in (RESEARCH_USE, PRELIMINARY, "neutrophils", "all cells", "found", "delay"):
        assert word in screen, word
