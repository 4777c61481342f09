"""The parts of the terminal client's screen by themselves: bars, rows of figures, words, small pictures."""

from dataclasses import replace

import pytest

from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.terminal.figures import cell_rows, frame_rows, one_line, program_rows
from smearwatch.clients.terminal.graphics import thumbnail
from smearwatch.clients.terminal.pictures import in_words
from smearwatch.clients.terminal.status import connection_words
from smearwatch.clients.view import View
from smearwatch.clients.wording import DASH
from tests.unit.terminal_screen import jpeg, some_cells


@pytest.fixture
def view():
    return some_cells()


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (None, 0.0, 100.0, "····················"),
        (0.0, 0.0, 9.0, "├┤··················"),
        (50.0, 30.0, 70.0, "━━━━━━┿━━━────┤·····"),
        (100.0, 80.0, 100.0, "━━━━━━━━━━━━━━━━┿━━┥"),
        (100.0, 99.9, 100.0, "━━━━━━━━━━━━━━━━━━━┥"),
        (4.0, 1.1, 12.0, "┝─┤·················"),
        (11.0, 10.9, 19.0, "━━┽┤················"),
        (0.1, 0.0, 0.5, "┤···················"),
    ],
)
def test_bar(value, low, high, expected):
    assert share_bar(value, low, high, 20).plain == expected


@pytest.mark.parametrize(
    ("done", "expected"), [(0.0, "────"), (0.5, "━━──"), (0.63, "━━╸─"), (1.0, "━━━━"), (1.7, "━━━━"), (-1.0, "────")]
)
def test_progress(done, expected):
    assert progress_bar(done, 4).plain == expected


@pytest.mark.parametrize("width", range(4, 140, 7))
def test_every_bar_fits_its_width(width):
    assert len(axis(width)) == width
    for value, low, high in ((0.0, 0.0, 3.6), (33.3, 20.0, 50.0), (100.0, 96.0, 100.0), (None, 0.0, 100.0)):
        assert len(share_bar(value, low, high, width).plain) == width


@pytest.mark.parametrize(
    ("view", "silent_s", "words"),
    [
        (View(), 9.0, "waiting for the daemon at /r/hub.sock"),
        (View(connection="live"), 0.0, "live"),
        (View(connection="lost"), 12.4, "lost since 12 s, reconnecting"),
        (View(connection="done", ended="finished"), 0.0, "finished"),
        (View(connection="done", ended="stopped"), 0.0, "stopped, joins again when the count goes on"),
        (View(connection="done", ended="recorded"), 0.0, "recorded"),
    ],
)
def test_connection_words(view, silent_s, words):
    assert connection_words(view, "waiting for the daemon at /r/hub.sock", silent_s)[2] == words


@pytest.mark.parametrize(
    "data", [b"", b"no picture", jpeg()[:200], jpeg(size=(513, 20)), b"\x89PNG\r\n\x1a\n" + b"0" * 50]
)
def test_what_is_no_small_jpeg_is_no_picture(data):
    assert thumbnail(data) is None


def test_last_cells_in_words_fit_the_line(view):
    for width in (20, 40, 76, 118):
        assert len(in_words(view, width).plain) <= width


def test_without_workers_it_says_that_frames_wait(view):
    rows = program_rows(replace(view, workers=0))
    assert ("judging", "0", "frames wait") in rows
    assert "1 searching   0 judging" in one_line("program", rows, 76).plain
    assert [row[1] for row in frame_rows(View())] == [DASH] * 4
    assert [row[1] for row in cell_rows(View())] == [DASH] * 5


def test_figures_side_by_side_go_on_below_where_the_width_does_not_do(view):
    many = dict.fromkeys(("cells_found", "flagged", "rejected", "at_edge", "seen_again"), 12345)
    rows = cell_rows(replace(view, tally={**view.tally, **many, "verdicts": {"corrected": 7}}))
    for width in (60, 76, 118):
        lines = one_line("cells", rows, width).plain.splitlines()
        assert all(len(line) <= width for line in lines)
        assert all(line.startswith(" " * 9) for line in lines[1:])
        assert " ".join(" ".join(lines).split()) == (
            "cells 12345 found 12345 flagged 7 verifiers' name 12345 rejected (none of the six) 12345 at the edge "
            "12345 seen again (counted once)"
        )
    assert len(one_line("cells", rows, 76).plain.splitlines()) == 3
    assert len(one_line("cells", cell_rows(view), 76).plain.splitlines()) == 2
    none = replace(view, tally={**view.tally, "verdicts": {"corrected": 0}})
    assert "verifiers' name" not in [name for name, *_ in cell_rows(none)]
