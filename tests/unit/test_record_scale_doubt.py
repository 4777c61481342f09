"""Pictures beside some through another objective are named, and shut the gate: the same wherever it is folded."""

import json
from dataclasses import replace

import pytest

from smearwatch.clients.lines import Lines
from smearwatch.daemon.record.events import event_from_bytes, event_to_bytes
from smearwatch.daemon.record.gates import gates_of
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.schema import SCALE_FORM
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import ScriptedHub, found, rejected, seen
from tests.unit.test_clients_lines import view_of
from tests.unit.test_record_scale_check import events_of, tally_of, wrong

OTHER = {"C": "scale_changed", "L": "scale_unknown"}


def session(pattern):
    """Events of pictures in a row.

    Each is sure of its scale (s), not sure (u), rejected as another objective's, surely (C) or by few red cells (L), or
    for no scale at all (n), or waits (w).
    """
    events = []
    for number, letter in enumerate(pattern):
        events.append(seen(number))
        if letter in "su":
            events.append(replace(found(number), scale_unsure=True if letter == "u" else None))
        elif letter in OTHER:
            events.append(replace(rejected(number, OTHER[letter]), value=1.6, um_per_px=0.1))
        elif letter == "n":
            events.append(rejected(number, "scale_unknown"))
    return events


def in_doubt(pattern):
    """Numbers of the pictures in doubt; with a snapshot and a restart at every moment it is the same."""
    fold, again = TallyFold(), TallyFold()
    for event in session(pattern):
        fold.apply(event)
        again = TallyFold.restore(json.loads(json.dumps(again.snapshot())))
        again.apply(event)
        assert again.scale_contradicted == fold.scale_contradicted
        assert again.snapshot() == fold.snapshot()
    odd = fold.scale_contradicted
    return None if odd is None else [int(name.removesuffix(".jpg")) for name in odd["in_doubt"]]


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("sssuuC", [3, 4]),
        ("susuuCuus", [3, 4, 6, 7]),
        ("sssuusC", None),
        ("sssCsus", None),
        ("sssuuu", None),
        ("sssuuuL", [3, 4, 5]),
        ("sssuun", None),
        ("sssuCsssCus", [3, 9]),
        ("uuCu", [0, 1, 3]),
        ("sssuwC", [3]),
        ("sssCCC", None),
    ],
)
def test_what_lies_beside_another_objective_and_is_not_sure_is_in_doubt(pattern, named):
    assert in_doubt(pattern) == named


def test_it_is_said_like_any_scale_that_is_contradicted():
    fold = tally_of(session("sssuuuuC"))
    odd = fold.scale_contradicted
    assert odd is not None
    assert (odd["frames"], odd["um_per_px"], odd["red_cells_um_per_px"], odd["pictures"]) == (4, 0.1, 0.16, 1)
    assert odd["says"] == (
        "4 pictures (4 cells) beside some through another objective may be through it, too: 3.jpg, 4.jpg and 2 more"
    )
    assert "count anew in another session" in odd["mend"]
    assert tally_json(fold, "s", 1)["mark"] == SCALE_WORDS
    (gate,) = (each for each in gates_of(fold, "s", counting=False, in_disorder=False) if each.name == "scale")
    assert not gate.passed
    assert gate.can_be_overruled
    assert odd["says"] in gate.says


@pytest.mark.parametrize(("pattern", "said"), [("ssCCC", True), ("ssCC", False), ("sssCCC", False), ("CCC", False)])
def test_where_most_are_rejected_the_first_may_be_the_odd_ones(pattern, said):
    in_doubt(pattern)
    odd = tally_of(session(pattern)).scale_contradicted
    assert (odd is not None) == said
    if odd is not None:
        assert odd["says"] == "3 pictures were rejected as through another objective than the 2 that are counted"
        assert odd["mend"].startswith("were those that are counted the odd ones, count anew in another session")
        assert (odd["frames"], odd["in_doubt"]) == (2, [])
    both = tally_of(session("suCCC")).scale_contradicted
    assert both is not None
    assert "than the 2 that are counted; and 1 picture (1 cell) beside some" in both["says"]


def test_it_is_said_beside_a_given_scale_that_is_wrong():
    unsure = replace(found(9), um_per_px=0.12, um_per_px_source="configured", scale_unsure=True)
    other = replace(rejected(10, "scale_changed"), value=1.6, um_per_px=0.12)
    odd = tally_of([*events_of(wrong()), seen(9), unsure, seen(10), other]).scale_contradicted
    assert odd is not None
    given, _, beside = odd["says"].partition("; and ")
    assert given == "0.120 um/px, as it was given, but the red cells of 4 pictures say 0.100"
    assert beside.startswith("1 picture (1 cell) beside some through another objective")
    assert odd["in_doubt"] == ["9.jpg"]


def test_long_names_are_shortened_and_the_first_hundred_kept():
    events = [each for n in range(120) for each in (replace(seen(n), name=f"{n} {'x' * 60}.jpg"), found(n))]
    events = [replace(each, scale_unsure=True) if each.kind == "found" else each for each in events]
    odd = tally_of([*events, *session("." * 200 + "C")[-2:]]).scale_contradicted
    assert odd is not None
    assert len(odd["says"]) < 180
    assert (odd["frames"], len(odd["in_doubt"])) == (120, 100)


def test_only_an_event_of_such_a_picture_is_spelt_otherwise_than_before():
    sure, unsure = found(1), replace(found(1), scale_unsure=True)
    assert b"scale_unsure" not in event_to_bytes(sure)
    assert b'"scale_unsure":true' in event_to_bytes(unsure)
    assert event_from_bytes(event_to_bytes(unsure)) == unsure
    assert unsure.form == SCALE_FORM > sure.form


def test_a_snapshot_that_is_none_is_refused():
    snapshot = tally_of(session("sssuC")).snapshot()
    for wrong_one in ({"run": {"pictures": -1}}, {"other": 1}, 7):
        with pytest.raises(TallyBroken, match="not a snapshot"):
            TallyFold.restore({**snapshot, "scale": {"doubt": wrong_one}})


def test_plain_lines_say_it_again_when_there_are_more():
    hub = ScriptedHub()
    hub.start()
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    for events in (session("sssuC"), session("sssuCu")[-2:]):
        hub.commit(*events)
        lines.show(view_of(hub))
    said = [line for line in written if line.startswith("# scale contradicted:")]
    assert [line.split(":")[1].split()[0] for line in said] == ["1", "2"]
