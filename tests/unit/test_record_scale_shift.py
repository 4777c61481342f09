"""A magnification that changes by less than one picture can tell is said once several have: wherever it is folded."""

import json
import random
from dataclasses import replace
from math import log

import pytest

from smearwatch.clients.lines import Lines
from smearwatch.daemon.record.events import event_from_bytes, event_to_bytes
from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.gates import gates_of
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.scale_shift import ScaleShiftFold, find_shift
from smearwatch.daemon.record.schema import SCALE_FORM
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import ScriptedHub, counted, found, seen
from tests.unit.test_clients_lines import view_of
from tests.unit.test_record_scale_check import tally_of

SPREAD = (0.02, -0.05, 0.04, -0.01, 0.06, -0.04, 0.0, -0.06, 0.03, 0.01)


def session(*factors, used=0.1, source="session", size=(1440, 900)):
    """Events of pictures whose red cells say that each is magnified so many times against the first; None: silent."""
    events = []
    for number, factor in enumerate(factors):
        own = None if factor is None else round(0.1 / factor * (1 + SPREAD[number % 10]), 6)
        event = replace(found(number), um_per_px=used, um_per_px_source=source, um_per_px_estimate=None)
        events += [seen(number), replace(event, um_per_px_own=own, width_px=size[0], height_px=size[1])]
    return events


def said(events):
    """What is said of a session; with a snapshot and a restart at every moment it is the same."""
    fold, again = TallyFold(), TallyFold()
    for event in events:
        fold.apply(event)
        again = TallyFold.restore(json.loads(json.dumps(again.snapshot())))
        again.apply(event)
        assert again.scale_contradicted == fold.scale_contradicted
        assert again.snapshot() == fold.snapshot()
    return None if fold.scale_contradicted is None else fold.scale_contradicted["says"]


@pytest.mark.parametrize(
    ("factors", "place"),
    [
        ([1] * 10 + [1.25] * 8, "8 pictures, from 10.jpg on,"),
        ([1] * 10 + [0.8] * 8, "8 pictures, from 10.jpg on,"),
        ([1.25] * 4 + [1] * 12, "4 pictures, up to 3.jpg,"),
        ([1] * 10 + [1.25] * 4 + [1] * 10, "4 pictures, from 10.jpg to 13.jpg,"),
        ([1] * 20 + [1.25] * 4, "4 pictures, from 20.jpg on,"),
        ([1] * 10 + [1.25, None, 1.25, 1.25, None, 1.25], "4 pictures, from 10.jpg on,"),
        ([1] * 30, None),
        ([1.05] * 10 + [0.95] * 20, None),
        ([1] * 20 + [1.25] * 2, None),
        ([1] * 2 + [1.25] * 2, None),
        ([None] * 20, None),
        ([], None),
    ],
)
def test_pictures_in_a_row_that_differ_are_said_and_where(factors, place):
    says = said(session(*factors))
    if place is None:
        assert says is None
    else:
        assert str(says).startswith(f"the magnification seems to change: the red cells of {place}")


def test_it_is_said_like_any_scale_that_is_contradicted():
    fold = tally_of(session(*[1] * 10, *[1.25] * 8))
    odd = fold.scale_contradicted
    assert odd is not None
    assert (odd["frames"], odd["pictures"], odd["source"]) == (8, 10, "red_cells")
    assert odd["um_per_px"] == pytest.approx(0.08, rel=0.02)
    assert odd["red_cells_um_per_px"] == pytest.approx(0.1, rel=0.02)
    assert (odd["first_frame"], odd["last_frame"]) == (seen(10).frame, seen(17).frame)
    assert "was a zoom, an intermediate lens or an objective changed there" in odd["mend"]
    assert tally_json(fold, "s", 1)["mark"] == SCALE_WORDS
    (gate,) = (each for each in gates_of(fold, "s", counting=False, in_disorder=False) if each.name == "scale")
    assert not gate.passed
    assert gate.can_be_overruled
    assert odd["says"] in gate.says


def test_a_scale_that_changes_with_the_magnification_is_right():
    right = session(*[1] * 10, used=0.1, source="metadata")
    right += [
        replace(each, um_per_px=0.08) if each.kind == "found" else each
        for each in session(*[1] * 10, *[1.25] * 10, source="metadata")[20:]
    ]
    assert said(right) is None
    forgot = session(*[1] * 10, *[1.25] * 10, source="metadata")
    assert "from 10.jpg on" in str(said(forgot))


def test_a_run_that_is_gone_on_with_at_a_given_scale_is_held_against_what_came_before():
    before, after = session(*[1] * 12), session(*[1] * 12, *[1.25] * 6)[24:]
    for used, place in ((0.1, "6 pictures, from 12.jpg on,"), (0.08, None)):
        given = {"um_per_px": used, "um_per_px_source": "configured"}
        says = said([*before, *(replace(each, **given) if each.kind == "found" else each for each in after)])
        assert says is None if place is None else place in str(says)


def test_two_cameras_are_not_held_against_each_other():
    one, other = session(*[1] * 10), session(*[1.25] * 20, size=(720, 450))[20:]
    assert said([*one, *other]) is None
    assert said([*one, *session(*[1] * 10, *[1.25] * 10)[20:]]) is not None


def test_a_long_session_is_remembered_in_few_groups_and_says_the_same():
    rng, fold = random.Random(1), ScaleShiftFold()
    for number in range(1000):
        own = 0.1 * (0.8 if number >= 990 else 1.0) * rng.lognormvariate(0, 0.05)
        event = replace(found(number), um_per_px=0.1, um_per_px_source="session", um_per_px_own=own)
        fold.found(event, f"{number}.jpg", is_given=False)
        if number == 989:
            assert fold.json() is None
    odd = fold.json()
    assert odd is not None
    assert "10 pictures, from 990.jpg on," in odd["says"]
    assert len(fold.snapshot()["kinds"][0]["groups"]) == 96


def test_one_odd_picture_is_no_change():
    values = [log(0.1 * (1 + SPREAD[each % 10])) for each in range(30)]
    values[12] += 0.34
    assert find_shift([(1, each, each * each) for each in values]) is None


def test_only_an_event_that_says_it_is_spelt_otherwise_than_before():
    without, own = replace(found(1), um_per_px_own=None), replace(found(1), um_per_px_own=0.09)
    assert b"um_per_px_own" not in event_to_bytes(without)
    assert b'"um_per_px_own":0.09' in event_to_bytes(own)
    assert event_from_bytes(event_to_bytes(own)) == own
    assert own.form == SCALE_FORM > without.form


def test_a_snapshot_that_is_none_is_refused():
    snapshot = tally_of(session(*[1] * 4)).snapshot()
    for wrong_one in ({"kinds": [{"size": [-1, 1]}]}, {"other": 1}, 7):
        with pytest.raises(TallyBroken, match="not a snapshot"):
            TallyFold.restore({**snapshot, "scale": {**snapshot["scale"], "shift": wrong_one}})


def test_plain_lines_say_it_once_while_its_numbers_move():
    hub = ScriptedHub()
    hub.start()
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    events = [*session(1), counted(0), *session(*[1] * 10, *[1.25] * 8)[2:]]
    for some in (events[:31], events[31:35], events[35:]):
        hub.commit(*some)
        lines.show(view_of(hub))
    assert sum(line.startswith("# scale contradicted: the magnification seems") for line in written) == 1


def test_what_was_said_stays_when_the_magnification_changes_to_and_fro():
    fold, said = ScaleShiftFold(), []
    for at in range(28):
        own = 0.1 if at // 7 % 2 == 0 else 0.08
        event = Found(f"{at:064x}", 1440, 900, own, "red_cells", None, 0.9, (), um_per_px_own=own)
        fold.found(event, f"{at}.png", is_given=False)
        said.append(fold.json() is not None)
    assert said[13]
    assert said[-1]
    again = ScaleShiftFold.restore(fold.snapshot())
    assert again.json() == fold.json()
