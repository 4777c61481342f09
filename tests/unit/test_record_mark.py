"""When a session's percentages carry a mark, and that each place where they are shown carries it."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from smearwatch.clients.demo.table import write_table
from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.lines import Lines, json_view
from smearwatch.clients.plain import row, table
from smearwatch.clients.session_lines import show_lines
from smearwatch.clients.slide_truth import Held
from smearwatch.clients.view import View
from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.mark import FEWEST, SHARE, WARNING, WORDS, mark_of
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.share_text import DASH, MARK, percent_text, share_line, share_lines
from smearwatch.daemon.summary_lines import summary_lines
from tests.unit.clients_script import ScriptedHub, counted_frames, opened
from tests.unit.terminal_screen import PRELIMINARY, RESEARCH_USE, on_screen
from tests.unit.test_clients_lines import LIMITS, drifting, view_of

SHOWN = f"{MARK} {WORDS}"


def unfamiliar(first, last):
    """Cells that look beyond all that the weights were trained on."""
    return [
        replace(event, verdict="flagged", unfamiliar=True) if isinstance(event, Counted) else event
        for event in counted_frames(first, last)
    ]


@pytest.fixture
def marked():
    hub = ScriptedHub()
    hub.start()
    hub.commit(*counted_frames(0, 20), *unfamiliar(20, 30))
    return view_of(hub)


@pytest.mark.parametrize(
    ("changes", "is_marked"),
    [
        ({}, False),
        ({"alarmed": True}, True),
        ({"drifted": 10}, False),
        ({"drifted": 11}, True),
        ({"unfamiliar": 9}, False),
        ({"unfamiliar": 10}, True),
        ({"counted": 8, "unfamiliar": FEWEST - 1}, False),
        ({"counted": 8, "unfamiliar": FEWEST}, True),
        ({"judged": 0, "counted": 0}, False),
    ],
)
def test_when_percentages_are_marked(changes, is_marked):
    given = {"alarmed": False, "drifted": 0, "judged": 100, "unfamiliar": 0, "counted": 90} | changes
    assert SHARE == 0.1
    assert mark_of(**given) == (WORDS if is_marked else None)


def test_a_marked_percentage_is_no_wider_than_an_unmarked_one():
    texts = [percent_text({"value": value}, marked=True) for value in (0.0, 44.04, 99.96, 100.0, None)]
    assert texts == ["0.0?", "44.0?", "100?", "100?", "\N{EN DASH}"]


def test_json_and_exported_rows(marked, tmp_path):
    told = json_view(marked)
    assert (told["mark"], told["unfamiliar"], told["flagged"]) == (WORDS, 10, 10)
    assert json.loads(json.dumps(told))["mark"] == WORDS
    with Ledger.open(session_folder(tmp_path, "s"), session="s") as ledger:
        ledger.append([opened(ledger.epoch), *counted_frames(0, 20), *unfamiliar(20, 30)])
        with LedgerReader.read(session_folder(tmp_path, "s")) as reader:
            rows = list(cell_rows(reader))
            assert reader.rows("PRAGMA user_version") == [(7,)]
    assert {row["mark"] for row in rows} == {WORDS}
    assert [row["unfamiliar"] for row in rows] == [False] * 20 + [True] * 10


def test_plain_lines(marked):
    written: list[str] = []
    lines = Lines(written.append, as_json=False)
    lines.show(marked)
    assert f"# {SHOWN}" in written
    assert "0.0?" in row(marked, "12:00:00")
    assert "100?" in row(marked, "12:00:00")
    told = list(table(marked))
    assert "100?" in told[3]
    assert SHOWN in told
    assert any("10 flagged, 10 look unfamiliar" in line for line in told)
    unmarked = replace(marked, event=99, tally={**marked.tally, "mark": None, "unfamiliar": 0})
    lines.show(unmarked)
    assert written[-1].startswith(f"# no {MARK} any more")
    assert MARK not in "".join([row(unmarked, "12:00:00"), *table(unmarked)])


def test_summary_and_shown_session(marked):
    told = json_view(marked)
    summary = summary_lines({**told, "stages_ms": {}})
    shown = show_lines(
        {
            **told,
            "began_at_ns": 1,
            "last_at_ns": 2,
            "size_bytes": 9,
            "running": False,
            "cells_labelled": 0,
            "corrected": None,
            "tallies": [],
            "analysers": [],
        },
        [],
    )
    for lines in (summary, shown):
        assert SHOWN in lines
        assert sum("? %" in line for line in lines) == 7
        assert "10 flagged, 10 look unfamiliar" in " ".join(" ".join(lines).split())
    assert MARK not in "".join(share_lines({**told, "mark": None}))


def test_a_share_of_nothing_is_a_dash_and_no_percent():
    of_nothing = share_line("band", 0, {"value": None, "low": 0.0, "high": 100.0})
    assert of_nothing.replace(DASH, "-") == "  band             0       -     95 % interval  0.0 - 100.0"
    assert len(of_nothing) == len(share_line("band", 1, {"value": 50.0, "low": 0.0, "high": 100.0}))


def test_the_demos_table(marked, capsys):
    cells = Counter({"segmented": 30})
    held = Held(cells, cells, Counter({("segmented", "segmented"): 30}))
    write_table({**json_view(marked), "target": None}, held)
    out = capsys.readouterr().out
    assert SHOWN in out
    assert out.count(MARK) == 8


def test_marked_figures_and_the_reason_are_on_the_smallest_screen_below_the_drift(marked):
    lines = on_screen(marked, (80, 24))
    assert SHOWN in lines[1]
    assert "100?" in next(line for line in lines if "segmented" in line)
    hub = ScriptedHub()
    hub.start()
    hub.commit(LIMITS, *drifting(0, 20, 0.5))
    for size in ((80, 24), (120, 40)):
        lines = on_screen(view_of(hub), size)
        place = next(n for n, line in enumerate(lines) if "\u25b2 drift" in line)
        assert f"{MARK} {WARNING}" in " ".join(line.strip() for line in lines[place : place + 2])
        assert not any(SHOWN in line for line in lines)
        assert "100?" in next(line for line in lines if "segmented" in line)
        for word in ("neutrophils", "all cells", RESEARCH_USE, PRELIMINARY, "found", "delay"):
            assert any(word in line for line in lines), word
    assert MARK not in "".join(line for line in on_screen(View(), (80, 24)) if "Help" not in line)
