"""Lines: what a script and a person read, how often, and when they end."""

import json
from dataclasses import replace

import pytest

from smearwatch.clients.idling import IDLE_S, Idling
from smearwatch.clients.lines import EVERY_S, NOBODY_COUNTS, PATIENCE_S, Lines, follow, json_view, present
from smearwatch.clients.plain import row, row_headings, table
from smearwatch.clients.terminal.differential import table as drawn_table
from smearwatch.clients.view import View
from smearwatch.clients.wording import (
    DASH,
    cells_of_target,
    drift_text,
    drifted_text,
    duration_text,
    fine_limits_text,
    latency_text,
    limits_text,
    percent_text,
    phase_text,
    state_text,
)
from smearwatch.daemon.record.drift_words import mend
from smearwatch.daemon.record.events import Counted, LookRange, Ranged
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import ScriptedHub, counted, counted_frames, found, rejected, seen


def view_of(hub, **changes):
    fields = {
        "connection": "live",
        "session": hub.session,
        "epoch": hub.epoch,
        "event": len(hub.events),
        "target": hub.fold.target,
        "tally": tally_json(hub.fold, hub.session, len(hub.events)),
        "workers": 1,
        "finders": 1,
        "waiting_files": 0,
        "latency_ms": 400.0,
    }
    return View(**{**fields, **changes})


@pytest.fixture
def hub():
    hub = ScriptedHub()
    hub.start()
    hub.commit(*counted_frames(0, 50, "segmented"), *counted_frames(50, 54, "band"))
    hub.commit(*counted_frames(54, 100, "lymphocyte"), seen(100), rejected(100), seen(101), found(101, 1, 2))
    hub.commit(counted(101, cls="monocyte", verdict="rejected"))
    return hub


class Feed:
    """Gives prepared views, one a poll, and moves the clock on by a fixed step."""

    address = "/run/hub.sock"

    def __init__(self, views, step_s=0.25):
        self.views = list(views)
        self.step_s = step_s
        self.now = 0.0
        self.settled = False

    @property
    def ended(self):
        return self.views[0].ended

    def poll(self, timeout_s):
        self.now += self.step_s
        if len(self.views) > 1:
            self.views.pop(0)
        return True

    def settle(self):
        self.settled = True

    def view(self):
        return self.views[0]

    def clock(self):
        return self.now


def test_json_line_keeps_its_promise(hub):
    written: list[str] = []
    assert Lines(written.append, as_json=True).show(view_of(hub))
    line = json.loads(written[0])
    assert "\n" not in written[0]
    assert {"session": "s", "cells": 100, "neutrophils": 54, "rejected": 1, "flagged": 0, "complete": True}.items() <= (
        line.items()
    )
    assert line["counts"] == {
        "band": 4, "segmented": 50, "eosinophil": 0, "basophil": 0, "monocyte": 0, "lymphocyte": 46,
    }  # fmt: skip
    assert list(line["counts"]) == ["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
    assert line["percent"]["band"] == {"value": 4.0, "low": 1.1, "high": 9.93}
    assert line["frames"] == {"seen": 102, "counted": 101, "rejected": 1, "pending": 0}
    assert (line["connection"], line["latency_ms"], line["event"]) == ("live", 400.0, len(hub.events))


def test_a_row_is_aligned_under_its_headings(hub):
    headings, line = row_headings(), row(view_of(hub), "12:00:00")
    assert len(headings) == len(line) == 80
    for name in ("cells", "band", "seg", "lymph", "neut", "flag", "rej", "frames"):
        end = headings.index(name) + len(name)
        assert line[end - 1] != " ", name
        assert line[end : end + 1] in ("", " "), name
    assert line.split() == [
        "12:00:00",
        "100/100",
        "4.0",
        "50.0",
        "0.0",
        "0.0",
        "0.0",
        "46.0",
        "54.0",
        "0",
        "1",
        "102/102",
    ]
    empty = ScriptedHub()
    empty.start()
    assert len(row(view_of(empty), "12:00:00")) == 80


def test_the_table_has_the_limits_of_each_class(hub):
    lines = list(table(view_of(hub)))
    assert [line.split()[:3] for line in lines[2:9]] == [
        ["band", "4", "4.0"], ["segmented", "50", "50.0"], ["eosinophil", "0", "0.0"], ["basophil", "0", "0.0"],
        ["monocyte", "0", "0.0"], ["lymphocyte", "46", "46.0"], ["neutrophils", "54", "54.0"],
    ]  # fmt: skip
    assert lines[2].endswith(f"1.1 {DASH}  9.9")
    assert " ".join(lines[9:]) == (
        "target reached: 100 of 100 cells "
        "100/100 cells, 0 flagged, 1 rejected. Frames: 102 seen = 101 counted + 1 rejected + 0 pending."
    )
    assert list(table(View())) == []


def widest(hub):
    """Say of a session that it is as long as one may be, has as long a name, and drifts."""
    drift = {
        "since_cell": 12_345,
        "what": "red cells yellower (less blue light)",
        "says": "red cells yellower (less blue light) than those trained on, 99.9 times beyond the limit",
        "mend": mend("red_cells_blue_green", "above"),
    }
    view = view_of(hub, session="s" * 64, target=9_999)
    shares = {name: {"value": 100.0, "low": 100.0, "high": 100.0} for name in view.tally["percent"]}
    frames = {"seen": 9_999, "counted": 9_999, "rejected": 0, "pending": 0}
    wide = {"cells": 9_999, "flagged": 9_999, "rejected": 9_999, "percent": shares, "frames": frames, "drift": drift}
    return replace(view, tally={**view.tally, **wide})


def test_every_plain_line_fits_80_columns(hub):
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    view = widest(hub)
    empty = ScriptedHub()
    empty.start()
    lines.show(view_of(empty, session=view.session, workers=0))
    lines.show(view)
    lines.show(replace(view, connection="lost"))
    lines.show(replace(view, connection="live"))
    lines.show(replace(view, connection="done", ended="finished", tally={**view.tally, "drift": None}))
    written += table(view)
    assert [line for line in written if len(line) > 80] == []
    assert sum(line.endswith("9999/9999") for line in written) == 1, "the same row is not written again"
    text = " ".join(line.removeprefix("# ") for line in written)
    for words in (
        view.session,
        "loading the networks",
        view.tally["drift"]["says"],
        view.tally["drift"]["mend"],
        "drift is over",
    ):
        assert words in text, words
    for state in ("# nothing is heard of the count any more; waiting for it", "# counting", "# finished"):
        assert state in written


def test_a_class_that_a_session_was_not_judged_by_has_a_dash_and_keeps_the_line_aligned(hub):
    """As a session of an earlier version, which had fewer classes, under a program with one more."""
    view = view_of(hub)
    tally = {key: value for key, value in view.tally.items() if key not in ("counts", "percent")}
    for key in ("counts", "percent"):
        tally[key] = {name: value for name, value in view.tally[key].items() if name != "lymphocyte"}
    whole, line = row(view, "12:00:00"), row(replace(view, tally=tally), "12:00:00")
    assert f"     {DASH}" in line
    assert len(line) == len(whole)
    drawn = "\n".join(line.plain for line in drawn_table(replace(view, tally=tally), 120)).splitlines()
    (lymphocytes,) = [row for row in drawn if row.startswith("lymphocyte")]
    assert lymphocytes.split()[:4] == ["lymphocyte", "0", DASH, DASH]


def test_the_same_news_is_told_once(hub):
    written: list[str] = []
    lines = Lines(written.append, as_json=True)
    view = view_of(hub)
    assert lines.show(view)
    assert not lines.show(replace(view, latency_ms=1.0, silent_s=2.0))
    assert lines.show(replace(view, connection="lost"))
    assert not lines.show(View())
    assert [json.loads(line)["connection"] for line in written] == ["live", "lost"]


def test_plain_says_what_it_must_not_be_used_for(hub):
    written: list[str] = []
    Lines(written.append, as_json=False).show(view_of(hub))
    assert written[1:3] == [
        "# For Research Use Only. Not for use in diagnostic procedures.",
        "# Preliminary until verified by a person.",
    ]
    assert len(written) == 8
    assert written[-1] == "# *** target reached: 100 of 100 cells ***"


def test_a_line_a_second_and_the_last_one_always(hub):
    view = view_of(hub)
    views = [replace(view, event=n, tally={**view.tally, "event": n}) for n in range(1, 42)]
    views[-1] = replace(views[-1], ended="finished")
    feed = Feed(views)
    written: list[str] = []
    follow(feed, written.append, lambda: False, as_json=True, clock=feed.clock)
    events = [json.loads(line)["event"] for line in written]
    assert len(events) == pytest.approx(len(views) * feed.step_s / EVERY_S, abs=2)
    assert events == sorted(events)
    assert events[-1] == 41
    assert feed.settled


def test_stops_when_told_with_what_the_ledger_says(hub):
    feed = Feed([view_of(hub)])
    written: list[str] = []
    follow(feed, written.append, lambda: True, as_json=True, clock=feed.clock)
    assert [json.loads(line)["cells"] for line in written] == [100]


def test_says_once_that_there_is_no_daemon_and_goes_on(hub):
    feed = Feed([View()] * 100 + [view_of(hub, ended="finished")])
    written: list[str] = []
    warned: list[str] = []
    follow(feed, written.append, lambda: False, as_json=False, warn=warned.append, clock=feed.clock)
    assert warned == [NOBODY_COUNTS]
    assert feed.now >= PATIENCE_S
    assert len(written) == 8
    assert written[-1] == "# *** target reached: 100 of 100 cells ***"


def test_a_hub_elsewhere_that_does_not_answer_is_named_and_nobody_is_told_to_start_one_here():
    feed = Feed([View()] * 100 + [View(ended="finished")])
    warned: list[str] = []
    follow(feed, warned.append, lambda: False, as_json=False, warn=warned.append, elsewhere=True, clock=feed.clock)
    (line,) = warned
    assert line.startswith(f"no count answers at {feed.address}; waiting for it (see whether that computer is on")


def test_says_once_that_all_is_counted_until_something_new_comes(hub, tmp_path):
    view = replace(view_of(hub), finders=1, workers=1, event=7)
    idling = Idling("/srv/camera")
    told = ["# nothing left to count; waiting for new pictures in /srv/camera (Ctrl-C ends)"]
    assert idling.lines(replace(view, idle_s=IDLE_S - 1)) == []
    assert idling.lines(replace(view, idle_s=None)) == []
    assert idling.lines(replace(view, idle_s=IDLE_S)) == told
    assert idling.lines(replace(view, idle_s=IDLE_S + 60)) == []
    assert idling.lines(replace(view, idle_s=IDLE_S, workers=0, event=9)) == []
    assert idling.lines(replace(view, idle_s=IDLE_S, event=9)) == told
    written: list[str] = []
    views = [replace(view, idle_s=IDLE_S + 1)] * 20 + [replace(view, ended="finished")]
    feed = Feed(views)
    follow(feed, written.append, lambda: False, as_json=False, idling=Idling("/srv/camera"), clock=feed.clock)
    assert [line for line in written if "waiting for new" in line] == told
    feed, written = Feed(views), []
    follow(feed, written.append, lambda: False, as_json=True, idling=Idling("/srv/camera"), clock=feed.clock)
    assert all(line.startswith("{") for line in written)


def test_present_waits_for_the_pulse_but_not_long(hub):
    view = view_of(hub)
    feed = Feed([View(), replace(view, workers=None), view])
    assert present(feed, clock=feed.clock) == view
    feed = Feed([replace(view, workers=None)])
    assert present(feed, clock=feed.clock) == replace(view, workers=None)
    feed = Feed([View()])
    assert present(feed, clock=feed.clock) is None
    assert feed.now == pytest.approx(2.0)


def test_json_view_before_anything_is_known():
    assert json_view(View())["connection"] == "connecting"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (percent_text({"value": None}), DASH),
        (percent_text({"value": 4.0}), "4.0"),
        (limits_text({"low": 1.1, "high": 9.93}), f"1{DASH}10"),
        (limits_text({"low": 0.0, "high": 100.0}), f"0{DASH}100"),
        (fine_limits_text({"low": 1.1, "high": 9.93}), f"1.1 {DASH}  9.9"),
        (fine_limits_text({"low": 96.38, "high": 100.0}), f"96.4 {DASH} 100.0"),
        (duration_text(0.4), "0 s"),
        (duration_text(119.9), "119 s"),
        (duration_text(120.0), "2 min"),
        (duration_text(7199.0), "119 min"),
        (duration_text(7200.0), "2 h"),
        (latency_text(None), DASH),
        (latency_text(412.0), "0.41 s"),
        (state_text(View()), "starting"),
        (state_text(View(connection="live")), "counting"),
        (state_text(View(connection="done", ended="finished")), "finished"),
        (state_text(View(connection="done", ended="recorded")), "recorded"),
        (phase_text(View(connection="lost")), None),
        (cells_of_target(View(target=100)), "0/100"),
        (cells_of_target(View()), "0"),
    ],
)
def test_words(given, expected):
    assert given == expected


LIMITS = Ranged("ab" * 32, (LookRange("home", 99, {"nucleus_green": (1.0, 2.0)}),))


def drifting(first, last, nucleus_green):
    """Cells that look as dark as said, counted by weights that say what they met."""
    return [
        replace(event, look={"nucleus_green": nucleus_green}) if isinstance(event, Counted) else event
        for event in counted_frames(first, last)
    ]


def test_drift_is_said_when_it_begins_and_when_it_is_over():
    hub = ScriptedHub()
    hub.start()
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    for events in (
        [LIMITS, *drifting(0, 20, 1.5)],
        drifting(20, 60, 0.5),
        drifting(60, 62, 0.5),
        drifting(62, 99, 1.5),
    ):
        hub.commit(*events)
        assert lines.show(view_of(hub))
    said = [line for line in written if "drift" in line]
    assert said == [
        "# drift since cell 21: nuclei paler than those trained on, 2.0 times beyond the",
        "# drift is over: the last cells look like those trained on",
    ]
    assert written[written.index(said[0]) + 1].startswith("# limit (check age of stain and staining time, ")


def test_drift_in_a_json_line():
    hub = ScriptedHub()
    hub.start()
    hub.commit(LIMITS, *drifting(0, 20, 0.5))
    line = json_view(view_of(hub))
    assert {"what": "nuclei paler", "times": 2.0, "since_cell": 1, "cells": 20, "of": 20}.items() <= (
        line["drift"].items()
    )
    assert drift_text(line) == "since cell 1: nuclei paler than those trained on, 2.0 times beyond the limit"
    assert drifted_text(line) == "one drift alarm, 9 cells judged under it"
    hub.commit(*drifting(20, 60, 1.5), *drifting(60, 100, 9.0))
    assert drifted_text(json_view(view_of(hub))) == "2 drift alarms, 42 cells judged under them"
