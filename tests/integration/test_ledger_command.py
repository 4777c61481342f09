"""``smearwatch sessions`` on real recorded sessions."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.exports.cell_rows import NAMES
from smearwatch.clients.session_lines import list_lines
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.events import Closed, Counted, Found, FoundCell, Opened, Rejected, Seen, Stage
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder, session_names

pytestmark = pytest.mark.integration

SIX = (0.96, 0.02, 0.0, 0.0, 0.01, 0.01)
RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."


@pytest.fixture
def state():
    """Record monday (a counted frame with a cut and a waiting cell, a rejected one, a pending one) and tuesday."""
    state_dir = load_settings().state_dir
    with Ledger.open(session_folder(state_dir, "monday"), clock_ns=lambda: 1_700_000_000_000_000_000) as ledger:
        one, two, three = (ledger.frames.put(f"frame {n}".encode()) for n in range(3))
        seen = [Seen(f, f'{n}, "odd".jpg', 7, n, None, None, True, "folder") for n, f in enumerate([one, two, three])]
        cells = tuple(FoundCell(i, (10 * i, 5, 8, 9), (10.5 * i, 9.5), 90.0, i == 1, 1.0) for i in range(3))
        ledger.append(
            [
                Opened(1, 5, "0", "monday", 100, 33.0, "filament", {}),
                *seen,
                Found(one, 10, 10, 0.1, "red_cells", 0.1, 0.5, cells),
                Counted(one, 0, "band", "flagged", SIX, SIX, 0.1, "w" * 64),
                Rejected(two, "dark", "", None),
                Closed(1, False, {"decode": Stage(3, 1.5, 2.5)}, {"late_answers": 0}),
            ]
        )
    Ledger.open(session_folder(state_dir, "tuesday")).close()
    return state_dir


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result
    return result.stdout


def objects(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_list(state):
    heading, monday, tuesday = run("list").splitlines()
    assert heading.split() == ["session", "size", "begun", "frames", "waiting", "judged", "labels"]
    assert monday.startswith("monday")
    assert monday.split()[-4:] == ["3", "2", "1", "0"]
    assert tuesday.startswith("tuesday")
    ends = [heading.index(name) + len(name) for name in ("size", "frames", "waiting", "judged", "labels")]
    assert all(row[end - 1] != " " and (row + " ")[end] == " " for end in ends for row in (monday, tuesday))


def test_a_long_name_moves_no_column_and_is_shown_whole():
    one = {"size_bytes": 1, "running": True, "fault": None, "began_at_ns": None}
    one |= dict.fromkeys(("frames_seen", "frames_pending", "cells_judged", "cells_labelled"), 12345)
    sessions = [one | {"session": name} for name in ("a", "s" * 64)]
    lines = list(list_lines(sessions, folded=True))
    assert max(map(len, lines)) <= 80
    heading, short, name, long, star = lines
    assert (name, len(long), len(short)) == ("s" * 64 + " *", len(heading), len(heading))
    assert star.startswith("*")
    assert len(list(list_lines(sessions, folded=False))) == 4, "in a pipe, a session is one line"


def test_list_for_machines(state):
    monday, tuesday = objects(run("list", "--json"))
    assert monday.pop("size_bytes") > 4096
    assert monday == {
        "session": "monday",
        "title": None,
        "specimen": None,
        "operator": None,
        "note": None,
        "described": 0,
        "described_by": None,
        "running": False,
        "began_at_ns": 1_700_000_000_000_000_000,
        "last_at_ns": 1_700_000_000_000_000_000,
        "events": 8,
        "epochs": 1,
        "frames_seen": 3,
        "frames_pending": 2,
        "cells_found": 3,
        "cells_judged": 1,
        "cells_labelled": 0,
        "signed_by": None,
        "amended": False,
        "imported": False,
        "fault": None,
    }
    assert tuesday["events"] == 0


def test_list_without_sessions():
    assert "no sessions under" in run("list")
    assert run("list", "--json") == ""


def test_a_damaged_session_stays_in_the_list_and_hides_no_other(state):
    (session_folder(state, "monday") / "ledger.sqlite").write_bytes(b"not a database" * 99)
    _, monday, tuesday, fault = run("list").splitlines()
    assert monday.split()[0] == "monday"
    assert tuesday.startswith("tuesday")
    assert fault.startswith("monday is unreadable: ")
    assert objects(run("list", "--json"))[0]["fault"]


def test_a_running_session_says_so(state):
    with Ledger.open(session_folder(state, "monday")):
        _, monday, _, star = run("list").splitlines()
        assert monday.startswith("monday * ")
        assert star == "* running: it is being counted now"
        assert objects(run("show", "monday", "--json"))[0]["running"] is True
        run("delete", "monday", "--yes", code=1)
    assert session_names(state) == ["monday", "tuesday"]


def test_show(state):
    shown = run("show", "monday")
    assert "frames: 3 seen = 0 counted + 1 rejected (1 dark) + 2 pending" in shown
    assert "cells: 3 found = 1 counted (1 flagged) + 0 rejected + 1 cut by the edge + 0 seen again + 1 pending" in shown
    assert "  band             1   100.0 %   95 % interval  2.5 \N{EN DASH} 100.0" in shown
    assert "neutrophils" in shown
    assert "\nband rule: filament\n" in shown
    assert "\nscale: 0.100 um/px, from red cells, not calibrated\n" in shown
    assert RESEARCH_USE in shown


def test_show_for_machines(state):
    (shown,) = objects(run("show", "monday", "--json"))
    assert shown["frames"] == {"seen": 3, "counted": 0, "rejected": 1, "pending": 2}
    assert (shown["event"], shown["balanced"], shown["complete"]) == (8, True, False)
    assert shown["stages_ms"] == {"decode": {"n": 3, "median_ms": 1.5, "p95_ms": 2.5}}
    assert shown["counters"] == {"late_answers": 0}


def test_verify(state):
    said = run("verify", "monday").splitlines()
    assert said[0] == "monday: nothing was changed: 3 frames and 8 entries are as they were recorded"
    assert said[1:] == ["monday: nothing anchors it, so entries that were cut off at its end could not be noticed"]
    assert objects(run("verify", "monday", "--json")) == [
        {"session": "monday", "events": 8, "frames": 3, "frames_checked": True, "thumbnails_without_digest": 0}
        | {"anchors": 0, "anchors_in_log": None, "notes": [said[1].removeprefix("monday: ")]}
        | {"faults": 0, "ok": True}
    ]


def test_verify_names_the_fault_and_fails(state):
    with Ledger.read(session_folder(state, "monday")) as ledger:
        ((frame,),) = ledger.rows("SELECT frame FROM frames WHERE seen_number = 2")
        ledger.frames.path(frame).unlink()
    assert f"the bytes of frame {frame}" in run("verify", "monday", code=1)
    fault, totals = objects(run("verify", "monday", "--json", code=1))
    assert (fault["number"], fault["frame"]) == (2, frame)
    assert (totals["faults"], totals["ok"]) == (1, False)


def test_without_a_name_all_are_verified_and_none_hides_another(state):
    assert run("verify").splitlines()[-1] == "all as recorded: 2 sessions"
    (state / "sessions" / "aching").mkdir()
    (state / "sessions" / "aching" / "ledger.sqlite").write_bytes(b"no ledger")
    with Ledger.read(session_folder(state, "tuesday")) as ledger, Ledger.open(ledger.folder) as writer:
        frame = writer.frames.put(b"a frame")
        writer.append([Seen(frame, "1.jpg", 7, 0, None, None, True, "folder")])
        writer.frames.path(frame).unlink()
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 1
    assert result.exception is not None
    assert "2 of 3 sessions are damaged or gone: aching, tuesday (" in (one_line(result.exception) or "")
    said = dict(line.split(": ", 1) for line in reversed(result.stdout.splitlines()))
    assert [*said] == ["tuesday", "monday", "aching"]
    assert said["monday"].startswith("nothing was changed: ")
    assert f"the bytes of frame {frame}" in said["tuesday"]
    last = {each["session"]: each["ok"] for each in objects(run("verify", "--json", code=1)) if "ok" in each}
    assert last == {"aching": False, "monday": True, "tuesday": False}


def test_export(state):
    rows = list(csv.DictReader(io.StringIO(run("export", "monday", "--csv"))))
    assert [tuple(row) for row in rows] == [NAMES] * 3
    assert [row["state"] for row in rows] == ["counted", "at_edge", "pending"]
    assert {row["name"] for row in rows} == {'0, "odd".jpg'}
    assert (rows[0]["class"], rows[0]["probability_band"], rows[0]["x_px"]) == ("band", "0.96", "0")
    assert (rows[1]["class"], rows[1]["probability_band"], rows[1]["x_px"]) == ("", "", "10")


def test_export_for_machines_says_the_same(state):
    from_csv = list(csv.DictReader(io.StringIO(run("export", "monday"))))
    from_json = objects(run("export", "monday", "--json"))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in from_json] == from_csv


def test_export_into_a_file_is_whole_or_not_at_all(state, tmp_path):
    out = tmp_path / "monday.csv"
    assert run("export", "monday", "--out", str(out)) == ""
    with out.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == list(csv.reader(io.StringIO(run("export", "monday"))))
    out.write_text("labels typed into it")
    result = CliRunner().invoke(app, ["export", "monday", "--out", str(out)])
    assert (result.exit_code, out.read_text()) == (1, "labels typed into it")
    assert result.exception is not None
    assert "--force" in str(one_line(result.exception))
    run("export", "monday", "--out", str(out), "--force")
    assert out.read_text().startswith("session,")
    result = CliRunner().invoke(app, ["export", "monday", "--out", str(tmp_path / "nowhere" / "x.csv")])
    assert result.exit_code == 1
    assert "nowhere" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == ["monday.csv"]


def test_a_person_who_does_not_confirm_deletes_nothing(state):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "sessions", "delete", "monday"]
    os.write(ours, b"n\n")
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "not deleted\n")
    assert session_names(state) == ["monday", "tuesday"]


def test_delete_asks_first(state):
    run("delete", "monday", code=2)
    assert session_names(state) == ["monday", "tuesday"]
    assert "freed" in run("delete", "monday", "--yes")
    assert session_names(state) == ["tuesday"]


@pytest.mark.parametrize("words", [["show"], ["verify"], ["export"], ["delete", "--yes"]])
@pytest.mark.parametrize(
    ("name", "line"),
    [("mondy", "no session 'mondy' under "), ("../monday", "'../monday' cannot be the name of a session")],
)
def test_a_session_that_is_not_there(state, words, name, line):
    result = CliRunner().invoke(app, [words[0], name, *words[1:]])
    assert result.exit_code == 1
    assert str(result.exception).startswith(line)
    assert getattr(result.exception, "hint", None)


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["list"], 0, "no sessions under", ""),
        (["show", "monday"], 1, "", "smearwatch: no session 'monday' under "),
        (["export", "a", "--csv", "--json"], 2, "", "choose one of"),
        (["--help"], 0, "delete", ""),
    ],
)
def test_the_command_as_a_process(words, code, out, err):
    script = (
        "import sys; from smearwatch.daemon.cli import main\n"
        "try: sys.exit(main())\n"
        "finally: assert not {'torch', 'cv2', 'numpy', 'scipy'} & set(sys.modules), 'loads too much'"
    )
    command = [sys.executable, "-c", script, "sessions", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == code, result
    assert out in result.stdout
    assert err in result.stderr
    assert "Traceback" not in result.stderr
    if code == 1:
        assert result.stderr.count("\n") == 1


def test_whoever_reads_an_export_may_go_away_in_the_middle():
    where = session_folder(load_settings().state_dir, "long")
    with Ledger.open(where) as ledger:
        frame = ledger.frames.put(b"frame")
        cells = tuple(FoundCell(i, (1, 1, 9, 9), (5.0, 5.0), 90.0, False, 1.0) for i in range(2000))
        found = Found(frame, 10, 10, 0.1, "red_cells", 0.1, 0.5, cells)
        ledger.append([Opened(1, 5, "0", "long", 100, 33.0, "filament", {})])
        ledger.append([Seen(frame, "f.jpg", 7, 1, None, None, True, "folder"), found])
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "sessions", "export", "long"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        assert export.stdout.readline().startswith("session,frame")
        export.stdout.close()
        said = export.stderr.read()
        export.wait(30)
    assert "Traceback" not in said
    assert "Exception" not in said


def test_what_a_session_is_of_is_corrected_found_and_shown(state):
    run("describe", "monday", "--specimen", "H26-0412", "--operator", "A. Reader", "--by", "A")
    told = run("describe", "monday", "--specimen", "H26-0413", "--by", "B. Chief")
    assert told.strip() == "monday: specimen H26-0413, operator A. Reader"
    (found,) = objects(run("list", "--find", "h26-0413", "--json"))
    assert (found["session"], found["described"], found["described_by"]) == ("monday", 2, "B. Chief")
    assert run("list", "--find", "H26-0412").startswith("no session has 'H26-0412'")
    heading, row = run("list", "--find", "reader").splitlines()
    assert (len(heading) < len(row), row.endswith("specimen H26-0413, operator A. Reader")) == (True, True)
    assert "specimen H26-0413, operator A. Reader (changed, last by B. Chief)" in run("show", "monday")
    (shown,) = objects(run("show", "monday", "--json"))
    assert (shown["specimen"], shown["title"]) == ("H26-0413", None)
    rows = list(csv.DictReader(io.StringIO(run("export", "monday"))))
    assert {row["specimen"] for row in rows} == {"H26-0413"}
    assert "nothing was changed" in run("verify", "monday")
