"""When red cells contradict a scale, what is said then, and that it is the same wherever it is folded."""

from dataclasses import replace

import pytest

from smearwatch.clients.lines import Lines
from smearwatch.clients.plain import table
from smearwatch.daemon.record.events import Event
from smearwatch.daemon.record.gates import gates_of
from smearwatch.daemon.record.mark import BOTH_WORDS, SCALE_WORDS, WARNING, WORDS, mark_of
from smearwatch.daemon.record.scale_check import DIFFERENCE, FEWEST, ScaleCheckFold
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import ScriptedHub, counted_frames, found, seen
from tests.unit.terminal_screen import PRELIMINARY, RESEARCH_USE, on_screen
from tests.unit.test_clients_lines import LIMITS, drifting, view_of

WRONG = (0.098, 0.1, 0.102)
"""What red cells say; given is 0.12."""


def field(number, used=0.12, estimate=None, source="configured"):
    return replace(found(number), um_per_px=used, um_per_px_source=source, um_per_px_estimate=estimate)


def fold_of(*fields):
    fold = ScaleCheckFold()
    for each in fields:
        fold.found(each)
    return fold


def wrong(estimates=WRONG, first=0, **more):
    return [field(number, estimate=estimate, **more) for number, estimate in enumerate(estimates, first)]


def test_three_fields_that_agree_contradict_a_given_scale():
    assert fold_of(*wrong(WRONG[: FEWEST - 1])).json() is None
    odd = fold_of(*wrong(), field(4)).json()
    assert odd == {
        "um_per_px": 0.12,
        "source": "configured",
        "frames": 4,
        "red_cells_um_per_px": 0.1,
        "pictures": 3,
        "differ_percent": 20.0,
        "says": "0.120 um/px, as it was given, but the red cells of 3 pictures say 0.100",
        "mend": "check the objective and that number, then count anew in another session; if this blood's red cells "
        "really are larger or smaller, sign with that reason",
    }


@pytest.mark.parametrize(("ratio", "is_odd"), [(1 + DIFFERENCE - 0.01, False), (1 + DIFFERENCE + 0.01, True)])
def test_a_tenth_is_what_red_cells_may_differ_either_way(ratio, is_odd):
    for estimate in (0.12 * ratio, 0.12 / ratio):
        assert (fold_of(*wrong([estimate] * 3)).json() is not None) == is_odd


@pytest.mark.parametrize(
    ("source", "checked"),
    [("micrometer", "the calibration"), ("metadata", "metadata"), ("Acme SDK", "from Acme SDK"), ("red_cells", None),
     ("red_cells_and_nuclei", None), ("session", None)],
)  # fmt: skip
def test_what_red_cells_gave_they_do_not_contradict(source, checked):
    odd = fold_of(*wrong(source=source)).json()
    assert (odd is not None) == (checked is not None)
    assert odd is None or checked in odd["says"]


def test_fields_of_two_magnifications_are_compared_each_with_its_own():
    both = [field(2 * n, 0.1, 0.101, "metadata") for n in range(4)] + [field(9, 0.2, 0.199, "metadata")] * 4
    assert fold_of(*both).json() is None
    odd = fold_of(*both, *[field(20 + n, 0.3, 0.199, "metadata") for n in range(3)]).json()
    assert odd is not None
    assert (odd["um_per_px"], odd["frames"], odd["red_cells_um_per_px"]) == (0.3, 3, pytest.approx(0.199))


def test_a_scale_that_comes_later_is_compared_with_what_the_session_shows():
    by_red_cells = [field(n, 0.1, 0.1, "red_cells") for n in range(15)]
    assert fold_of(*by_red_cells, field(20, 0.105)).json() is None
    odd = fold_of(*by_red_cells, field(20, 0.13)).json()
    assert odd is not None
    assert (odd["um_per_px"], odd["frames"], odd["pictures"]) == (0.13, 1, 15)
    right_now = fold_of(*wrong(), *[field(9 + n, 0.1) for n in range(50)]).json()
    assert right_now is not None, "what was counted by the wrong scale stays in the result"
    assert (right_now["um_per_px"], right_now["frames"]) == (0.12, 3)


@pytest.mark.parametrize(
    ("estimates", "odd"),
    [
        ((0.142, 0.142, 0.090, 0.091, 0.090), (0.142, 2, 0.090, 3)),
        ((0.090, 0.142), (0.142, 1, 0.090, 1)),
        ((0.085, 0.1, 0.12), None),
    ],
)
def test_first_fields_of_two_magnifications_are_said_to_be_mixed(estimates, odd):
    fields = [field(n, each, each, "red_cells") for n, each in enumerate(estimates)]
    said = fold_of(*fields).json()
    assert (said is None) == (odd is None)
    if said is not None:
        assert (said["um_per_px"], said["frames"], said["red_cells_um_per_px"], said["pictures"]) == odd
        assert said["says"].startswith(f"two objectives are mixed: the red cells of {odd[1]} picture")
        assert "count anew in another session" in said["mend"]


def test_a_given_scale_does_not_hide_that_others_were_counted_at_another_before_it():
    before = [field(n, 0.142, 0.142, "red_cells") for n in range(3)]
    said = fold_of(*before, *[field(5 + n, 0.09, 0.09) for n in range(4)]).json()
    assert said is not None
    assert said["says"].startswith("two objectives are mixed: the red cells of 3 pictures say 0.142 um/px")


def test_pictures_of_two_kinds_have_scales_of_their_own():
    half = [replace(field(9 + n, 0.2, 0.2, "red_cells"), width_px=400, height_px=300) for n in range(3)]
    whole = [replace(field(n, 0.1, 0.1, "red_cells"), width_px=800, height_px=600) for n in range(3)]
    assert fold_of(*whole, *half).json() is None


def tally_of(events: list[Event]) -> TallyFold:
    fold = TallyFold()
    for event in events:
        fold.apply(event)
    return fold


def events_of(fields, first=0) -> list[Event]:
    return [event for number, each in enumerate(fields, first) for event in (seen(number), each)]


def test_the_tally_keeps_it_over_a_snapshot_and_marks_every_percentage():
    fold = tally_of(events_of(wrong()))
    again = TallyFold.restore(fold.snapshot())
    assert again.scale_contradicted == fold.scale_contradicted is not None
    assert again.snapshot() == fold.snapshot()
    told = tally_json(again, "s", 1)
    assert (told["mark"], told["scale_contradicted"]["um_per_px"]) == (SCALE_WORDS, 0.12)
    before = {name: value for name, value in fold.snapshot().items() if name != "scale"}
    assert TallyFold.restore(before).scale_contradicted is None, "a snapshot by a program that did not know of it"
    with pytest.raises(TallyBroken, match="not a snapshot"):
        TallyFold.restore({**before, "scale": {"given": {"x": {"um_per_px": -1.0, "source": "x"}}}})


def test_the_mark_says_all_that_is_doubtful():
    def marked(*, alarmed: bool, contradicted: bool) -> str | None:
        return mark_of(alarmed=alarmed, drifted=0, judged=9, unfamiliar=0, counted=9, contradicted=contradicted)

    assert marked(alarmed=False, contradicted=True) == SCALE_WORDS
    assert marked(alarmed=True, contradicted=True) == BOTH_WORDS
    assert marked(alarmed=True, contradicted=False) == WORDS
    assert marked(alarmed=False, contradicted=False) is None


def test_its_gate_is_shut_and_may_be_overruled():
    for events, passed in ((events_of(wrong()), False), (events_of(wrong([0.12] * 3)), True)):
        fold = tally_of(events)
        (gate,) = (each for each in gates_of(fold, "s", counting=False, in_disorder=False) if each.name == "scale")
        assert (gate.passed, gate.can_be_overruled) == (passed, True)
        assert gate.says == (
            "no scale is contradicted"
            if passed
            else "the scale is contradicted by the red cells: 0.120 um/px, as it was given, but the red cells of 3 "
            "pictures say 0.100"
        )


@pytest.fixture
def hub():
    hub = ScriptedHub()
    hub.start()
    return hub


def test_plain_lines_say_it_once(hub):
    hub.commit(*counted_frames(0, 20), *events_of(wrong(first=30), 30))
    view = view_of(hub)
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    lines.show(view)
    lines.show(replace(view, event=view.event + 1, tally={**view.tally, "cells": 21}))
    assert sum(line.startswith("# scale contradicted: 0.120 um/px") for line in written) == 1
    assert f"# ? {SCALE_WORDS}" in written
    assert f"? {SCALE_WORDS}" in list(table(view))
    gone = {**view.tally, "mark": None, "scale_contradicted": None}
    lines.show(replace(view, event=view.event + 2, tally=gone))
    assert "# the red cells contradict the scale no more" in written


def test_it_is_on_the_smallest_screen_also_beside_a_drift_alarm(hub):
    hub.commit(LIMITS, *drifting(0, 20, 0.5), *events_of(wrong(first=30), 30))
    view = view_of(hub)
    lines = on_screen(view, (80, 24))
    text = " ".join(line.strip() for line in lines)
    for word in (
        "\u25b2 drift",
        "\u25b2 scale 0.120 um/px",
        f"say 0.100; ? {WARNING}",
        RESEARCH_USE,
        PRELIMINARY,
        "found",
    ):
        assert word in text, word
    alone = {**view.tally, "drift": None, "mark": SCALE_WORDS}
    lines = on_screen(replace(view, tally=alone), (80, 24))
    text = " ".join(line.strip() for line in lines)
    assert "check the objective and that number, then count anew in another session" in text
    assert SCALE_WORDS not in text, "said already"
    for word in (RESEARCH_USE, PRELIMINARY, "neutrophils", "all cells", "found", "delay"):
        assert word in text, word
