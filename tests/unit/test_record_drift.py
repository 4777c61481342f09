"""The drift alarm: when it is raised and lowered, what it says, and that it is the same wherever it is folded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import pytest
from pydantic import ValidationError

from smearwatch.daemon.record.drift import FEWEST, LOWERED_AT, RAISED_AT, WINDOW, DriftFold
from smearwatch.daemon.record.drift_words import mend
from smearwatch.daemon.record.events import Counted, EventInvalid, LookRange, Ranged, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import found, frame_id, opened, seen

HOME = LookRange("home", 500, {"nucleus_green": (1.0, 2.0), "sharpness": (0.4, 0.6)})
AWAY = LookRange("away", 80, {"nucleus_green": (0.2, 0.6), "sharpness": (0.3, 0.35)})
MOST = ceil(RAISED_AT * WINDOW)
RANGED = Ranged("w", (HOME, AWAY))

IN = {"nucleus_green": 1.5, "sharpness": 0.5}
PALE = {"nucleus_green": 0.8, "sharpness": 0.5}
DENSE = {"nucleus_green": 4.0, "sharpness": 0.5}
AWAY_IN = {"nucleus_green": 0.4, "sharpness": 0.32}
MIXED = {"nucleus_green": 0.4, "sharpness": 0.5}
BLURRED = {"nucleus_green": 1.5, "sharpness": 0.2}
EMPTY: dict[str, float] = {}


def fold_of(looks, ranged=RANGED, weights="w"):
    fold = DriftFold()
    if ranged is not None:
        fold.ranged(ranged)
    for index, look in enumerate(looks):
        fold.counted(weights, frame_id(index), index % 3, look)
    return fold


@dataclass
class Case:
    name: str
    looks: Sequence[dict[str, float] | None]
    what: str | None = None
    since: int = 1
    times: float = 1.0
    drifted: tuple[int, int] = (0, 0)  # episodes, cells
    options: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("nothing yet", []),
    Case("as trained on", [IN] * 60),
    Case("as another kind trained on", [AWAY_IN] * 60),
    Case("too few to say", [PALE] * (FEWEST - 1)),
    Case("just enough", [PALE] * FEWEST, "nuclei paler", 1, 1.25, (1, 1)),
    Case("denser", [DENSE] * 20, "nuclei darker", 1, 2.0, (1, 20 - FEWEST + 1)),
    Case("blurred", [BLURRED] * FEWEST, "edges less sharp", 1, 2.0, (1, 1)),
    Case("one measure of each kind is none of them", [MIXED] * FEWEST, "edges sharper", 1, 1.43, (1, 1)),
    Case("two of three", [IN, PALE, PALE] * 20),
    Case("three of four", [IN, PALE, PALE, PALE] * (FEWEST // 4), "nuclei paler", 2, 1.25, (1, 1)),
    Case("a change is not known before most of the window is new", [IN] * WINDOW + [PALE] * (MOST - 1)),
    Case(
        "and since when",
        [IN] * WINDOW + [PALE] * MOST,
        "nuclei paler",
        WINDOW + 1,
        1.25,
        (1, 1),
    ),
    Case("over and back", [PALE] * 20 + [IN] * 60, drifted=(1, 24)),
    Case("not measured", [EMPTY] * 60),
    Case("not recorded", [None] * 60),
    Case("weights that do not say what they met", [PALE] * 60, options={"ranged": None}),
    Case("other weights than those that said it", [PALE] * 60, options={"weights": "v"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_when_it_is_raised_and_what_it_says(case):
    fold = fold_of(case.looks, **case.options)
    told = fold.json()
    drift = told["drift"]
    assert fold.alarmed == (case.what is not None)
    assert (told["drifted"]["episodes"], told["drifted"]["cells"]) == case.drifted
    if case.what is None:
        assert drift is None
        return
    assert (drift["what"], drift["since_cell"], drift["times"]) == (case.what, case.since, case.times)
    assert drift["since"] == {"frame": frame_id(case.since - 1), "index": (case.since - 1) % 3}
    assert drift["cells"] >= RAISED_AT * drift["of"]
    assert drift["says"].startswith(f"{case.what} than those trained on")
    assert drift["mend"] == mend(drift["measure"], drift["side"])
    assert ("times" in drift["says"]) == (case.times > 1.05)


def test_it_is_lowered_only_when_most_cells_are_back():
    """Raised at three quarters and lowered below a half, so that it does not flicker on the border."""
    fold = fold_of([IN] * WINDOW + [PALE] * MOST)
    steps = 0
    while fold.alarmed:
        fold.counted("w", frame_id(99), 0, IN)
        steps += 1
    assert steps == WINDOW - ceil(LOWERED_AT * WINDOW) + 1  # the pale ones stand last in the window
    on_the_border = fold_of([IN] * WINDOW + [PALE] * MOST + [IN, PALE, PALE] * 40)
    assert on_the_border.json()["drifted"]["episodes"] == 1


def test_a_better_view_takes_the_place_of_the_one_before_it():
    fold = fold_of([PALE] * (FEWEST - 1))
    for place in range(FEWEST - 1):
        fold.counted("w", frame_id(100 + place), 0, PALE, instead_of=(frame_id(place), place % 3))
    assert fold.json() == {"drift": None, "drifted": {"episodes": 0, "cells": 0, "watched": FEWEST - 1}}
    fold.counted("w", frame_id(50), 0, PALE)
    told = fold.json()
    assert told["drift"]["since_cell"] == 1
    assert told["drift"]["since"] == {"frame": frame_id(100), "index": 0}
    assert told["drifted"] == {"episodes": 1, "cells": 1, "watched": FEWEST}
    fold.counted("w", frame_id(200), 0, IN, instead_of=(frame_id(100), 0))
    assert fold.json()["drifted"] == {"episodes": 1, "cells": 1, "watched": FEWEST}


def test_a_better_view_without_a_look_leaves_too_few_to_say():
    fold = fold_of([PALE] * FEWEST)
    assert fold.alarmed
    fold.counted("w", frame_id(50), 0, None, instead_of=(frame_id(0), 0))
    assert fold.json() == {"drift": None, "drifted": {"episodes": 1, "cells": 1, "watched": FEWEST - 1}}


def test_a_better_view_of_a_cell_long_past_changes_nothing():
    fold = fold_of([IN] * (WINDOW + 1))
    before = fold.snapshot()
    fold.counted("w", frame_id(200), 0, PALE, instead_of=(frame_id(0), 0))
    assert fold.snapshot() == before


def test_other_weights_begin_anew():
    fold = fold_of([PALE] * 20)
    fold.ranged(Ranged("v", (LookRange("wide", 100, {"nucleus_green": (0.1, 5.0)}),)))
    fold.counted("v", frame_id(50), 0, PALE)
    assert not fold.alarmed
    assert fold.json()["drifted"] == {"episodes": 1, "cells": 9, "watched": 1}


def test_going_on_from_a_snapshot_is_going_on():
    """Cut at every place, through JSON, as a client that joins late gets it."""
    looks = [IN] * 15 + [PALE] * 30 + [None, EMPTY, MIXED] + [IN] * 45 + [DENSE] * 25
    whole, resumed = fold_of([]), fold_of([])
    for index, look in enumerate(looks):
        for fold in (whole, resumed):
            fold.counted("w", frame_id(index), 0, look)
        resumed = DriftFold.restore(json.loads(json.dumps(resumed.snapshot())))
        assert resumed.json() == whole.json(), index
        assert resumed.snapshot() == whole.snapshot()
    assert whole.json()["drifted"]["episodes"] == 2


def counted(n, look):
    shares = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Counted(frame_id(n), 0, "band", "confirmed", shares, shares, 0.1, "w", look)


def test_the_tally_folds_it():
    fold = TallyFold()
    events = [opened(), RANGED, *(e for n in range(20) for e in (seen(n), found(n), counted(n, PALE)))]
    for event in events:
        fold.apply(event)
    told = tally_json(fold, "s", len(events))
    assert told["drift"]["what"] == "nuclei paler"
    assert told["drifted"] == {"episodes": 1, "cells": 9, "watched": 20}
    again = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    assert tally_json(again, "s", len(events)) == told
    assert (again.knows_range("w"), again.knows_range("v")) == (True, False)


@pytest.mark.parametrize("change", [None, {}, {"window": 3}, {"ranges": {"w": [{"name": "x"}]}}])
def test_a_snapshot_that_is_none_is_refused(change):
    good = TallyFold().snapshot()
    bad = good["drift"] | change if change else change
    with pytest.raises(TallyBroken, match="not a snapshot"):
        TallyFold.restore(good | {"drift": bad})


def test_a_cell_without_a_look_is_spelt_as_it_was_before_there_were_looks():
    assert b"look" not in event_to_bytes(counted(1, None))
    with_look = counted(1, PALE)
    assert event_from_bytes(event_to_bytes(with_look)) == with_look
    assert event_from_bytes(event_to_bytes(RANGED)) == RANGED


@pytest.mark.parametrize(
    "limits", [{"sharpness": (0.5, 0.4)}, {"sharpness": (0.0, 0.4)}, {"sharpness": (-1.0, 0.4)}], ids=str
)
def test_limits_that_are_none(limits):
    with pytest.raises(ValidationError, match="above zero and in order"):
        LookRange("x", 1, limits)


@pytest.mark.parametrize("ranges", [(), (HOME, HOME)], ids=["none at all", "two of a name"])
def test_ranges_that_are_none(ranges):
    with pytest.raises(ValidationError):
        Ranged("w", ranges)


def test_a_look_below_zero_is_no_event():
    body = event_to_bytes(counted(1, PALE)).replace(b"0.8", b"-0.8")
    with pytest.raises(EventInvalid):
        event_from_bytes(body)
