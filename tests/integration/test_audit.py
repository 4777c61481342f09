"""Whoever signs, exports, deletes or imports stands in the audit journal, and a record cut off at its end is named."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from smearwatch.clients.commands.account import app as account
from smearwatch.clients.commands.audit import app as audit
from smearwatch.clients.commands.sessions import app as sessions
from smearwatch.clients.web.accounts import Accounts
from smearwatch.daemon.anchoring import Anchoring
from smearwatch.daemon.commands.keys import app as keys
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.continuing import NotContinued, check_continues
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.reaching import own_key_file
from smearwatch.daemon.record.audit import AUDIT_FILE, AuditUnusable, account_of, add, last_of, read_trail
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signature import OVERRULABLE
from smearwatch.daemon.record.signing import sign
from smearwatch.daemon.settings_used import note_settings
from smearwatch.daemon.wire.keys import read_pair
from tests.reviewed import close, record

pytestmark = pytest.mark.integration


@pytest.fixture
def state() -> Path:
    return load_settings().state_dir


@pytest.fixture
def folder(state: Path) -> Path:
    where = session_folder(state, "monday")
    record(where, 12)
    close(where)
    return where


def typed(app: Any, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result


def cut(folder: Path, events: int) -> None:
    """Delete the last entries by hand, as cleanly as somebody can who knows the file."""
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    by_hand.executescript(
        "DROP TRIGGER events_keep_delete; "
        f"DELETE FROM events WHERE number > (SELECT max(number) - {events} FROM events)"
    )
    by_hand.close()


def listed(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in typed(audit, "list", "--json", *words).stdout.splitlines()]


def test_a_record_that_lost_its_end_is_named_by_its_anchors(folder: Path, state: Path):
    assert "nothing anchors it, so entries that were cut off" in typed(sessions, "verify", "monday").stdout
    typed(sessions, "export", "monday", "--out", str(state / "cells.csv"))
    sound = json.loads(typed(sessions, "verify", "monday", "--json").stdout)
    assert (sound["ok"], sound["anchors"], sound["notes"]) == (True, 1, [])
    cut(folder, 2)  # the end of the count, and what was said last
    told = typed(sessions, "verify", "monday", code=1)
    last = json.loads(typed(sessions, "verify", "monday", "--json", code=1).stdout.splitlines()[-1])["faults"]
    assert f"its end was cut off: entries {sound['events'] - 1} to {sound['events']} are gone" in told.stdout
    assert last == 1, "the chain itself is sound"
    out = state / "monday.smearwatch"
    archived = typed(sessions, "export", "monday", "--format", "archive", "--out", str(out), code=1)
    assert "its end was cut off" in str(archived.exception)
    assert not out.exists()
    with pytest.raises(LedgerUnusable, match="its end was cut off"):
        sign(folder, by="A. Reader", overruled=dict.fromkeys(OVERRULABLE, "why not"))
    plan = RunPlan(settings=Settings(state_dir=state), session="monday", source="folder")
    with pytest.raises(NotContinued, match="its end was cut off"):
        check_continues(plan)
    check_continues(plan.model_copy(update={"carry_on": True}))
    (state / AUDIT_FILE).unlink()
    assert "nothing anchors it" in typed(sessions, "verify", "monday").stdout


def test_a_log_elsewhere_names_what_the_audit_journal_lost_too(folder: Path, state: Path, tmp_path: Path):
    lines = tmp_path / "journal.txt"
    program = (
        "import pathlib, sys\nfrom smearwatch.daemon.log import configure\n"
        "from smearwatch.daemon.anchoring import anchor_once\n"
        "configure('info', role='hub', log_format='json')\n"
        "anchor_once(pathlib.Path(sys.argv[1]), 'signed', 'A. Reader')"
    )
    run = [sys.executable, "-c", program, str(folder)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stderr
    lines.write_text(f"Nov 30 12:00:00 lab smearwatch[7]: {said}")
    assert "monday" not in said
    whole = json.loads(typed(sessions, "verify", "monday", "--anchors", str(lines), "--json").stdout)
    assert (whole["ok"], whole["anchors"], whole["anchors_in_log"]) == (True, 1, 1)
    assert "nothing was changed: 1 entry" in typed(audit, "verify", "--anchors", str(lines)).stdout
    cut(folder, 1)
    (state / AUDIT_FILE).write_bytes(b"")
    assert "its end was cut off: entry " in typed(sessions, "verify", "monday", "--anchors", str(lines), code=1).stdout
    gone = typed(audit, "verify", "--anchors", str(lines), code=1)
    assert "the log has entry 1, and the last one here is 0" in gone.stdout
    assert gone.exception is not None
    assert "audit.jsonl is damaged: 1 fault (restore it" in (one_line(gone.exception) or "")
    missing = typed(sessions, "verify", "monday", "--anchors", str(tmp_path / "none"), code=1).exception
    assert missing is not None
    assert "none: No such file or directory (write it with: journalctl" in (one_line(missing) or "")


def test_another_record_under_an_old_name_is_named_unless_the_old_one_was_deleted(folder: Path, state: Path):
    typed(sessions, "export", "monday", "--out", str(state / "cells.csv"))
    assert ", signed by" not in typed(sessions, "delete", "monday", "--yes", "--by", "A. Reader").stdout
    record(session_folder(state, "monday"), 3)
    assert "nothing was changed" in typed(sessions, "verify", "monday").stdout
    typed(sessions, "export", "monday", "--out", str(state / "new.csv"))
    session_folder(state, "monday").rename(state / "hidden")
    record(session_folder(state, "monday"), 3, name="other.jpg")
    assert "another record of this name was anchored" in typed(sessions, "verify", "monday", code=1).stdout


def test_a_session_that_is_gone_is_missed_unless_it_was_deleted(folder: Path, state: Path):
    for name in ("deleted", "kept", "moved", "unanchored"):
        record(session_folder(state, name), 2, name=f"{name}.jpg")
    for name in ("deleted", "kept", "moved", "monday"):
        typed(sessions, "export", name, "--out", str(state / f"{name}.csv"))
    typed(sessions, "delete", "deleted", "--yes", "--by", "A. Reader")
    assert "all as recorded: 4 sessions" in typed(sessions, "verify").stdout
    session_folder(state, "moved").rename(state / "hidden")
    (folder / "ledger.sqlite").unlink()
    (session_folder(state, "unanchored") / "ledger.sqlite").unlink()
    told = typed(sessions, "verify", code=1)
    assert "moved: its record is gone: it was anchored at entry " in told.stdout
    assert "monday: its record is gone: it was anchored at entry " in told.stdout
    assert "unanchored: its frames are there, and its record is gone" in told.stdout
    assert "deleted" not in told.stdout.replace("nothing says that it was deleted", "")
    assert told.exception is not None
    assert "3 of 4 sessions are damaged or gone: monday, moved, unanchored" in (one_line(told.exception) or "")
    lines = [json.loads(line) for line in typed(sessions, "verify", "--json", code=1).stdout.splitlines()]
    assert {"session": "moved", "faults": 1, "ok": False} in lines
    (state / "hidden").rename(session_folder(state, "moved"))
    assert "moved: its record" not in typed(sessions, "verify", code=1).stdout


def test_that_a_deleted_session_was_signed_is_said_and_a_name_is_no_formula(folder: Path, state: Path):
    why = [f"--overrule={gate}=x" for gate in OVERRULABLE]
    refused = typed(sessions, "sign", "monday", "--by", "=Ann", *why, code=2)
    assert "begins with '='" in " ".join(refused.stderr.replace("\u2502", " ").split())
    sign(folder, by="A. Reader", overruled=dict.fromkeys(OVERRULABLE, "why not"))
    assert " freed, signed by A. Reader\n" in typed(sessions, "delete", "monday", "--yes", "--by", "B. Chief").stdout


def test_anchors_go_with_an_archive(folder: Path, state: Path, tmp_path: Path):
    with Ledger.open(folder) as ledger:
        Anchoring(ledger, 60.0, lambda: 0.0).anchor("closed")
    out = tmp_path / "monday.smearwatch"
    typed(sessions, "export", "monday", "--format", "archive", "--out", str(out))
    typed(sessions, "import", str(out), "--as", "tuesday", "--by", "B. Other")
    came = json.loads(typed(sessions, "verify", "tuesday", "--json").stdout)
    assert (came["ok"], came["anchors"]) == (True, 1)
    (entry,) = listed("--session", "tuesday")
    assert (entry["kind"], entry["by"], entry["values"]["archive"]) == ("imported", "B. Other", out.name)
    cut(session_folder(state, "tuesday"), 1)
    assert "its end was cut off" in typed(sessions, "verify", "tuesday", code=1).stdout
    assert "nothing was changed" in typed(sessions, "verify", "monday").stdout, "the other copy is whole"


def test_while_it_is_counted_it_is_anchored_where_it_got_on(folder: Path, state: Path):
    now = [0.0]
    with Ledger.open(folder) as ledger:
        anchoring = Anchoring(ledger, 300.0, lambda: now[0])
        anchoring.anchor("opened")
        for at_s in (10.0, 301.0, 299.0 + 301.0):
            now[0] = at_s
            anchoring.turn()
        record_more(ledger)
        anchoring.turn()
        now[0] = 2000.0
        anchoring.turn()
    whys = [entry.values["why"] for entry in read_trail(state).entries]
    assert whys == ["opened", "counting"], "nothing new is not anchored again"


def record_more(ledger: Ledger) -> None:
    ledger.append([Opened(ledger.epoch, 5, "0", ledger.session, 100, 33.0, "filament", {})])


def test_what_people_do_stands_in_the_list(folder: Path, state: Path, tmp_path: Path):
    Accounts(state).add("A. Reader", "reader", "a long password")
    Accounts(state).set_password("A. Reader", "another password")
    typed(account, "remove", "A. Reader")
    typed(sessions, "export", "monday", "--format", "differential", "--out", str(tmp_path / "d.csv"))
    typed(sessions, "export", "monday", "--format", "archive", "--deidentify", "--out", str(tmp_path / "plain"))
    typed(sessions, "delete", "monday", "--yes", "--by", "A. Reader")
    lines = typed(audit, "list").stdout.splitlines()
    me = account_of(os.getuid())
    for line, words in zip(
        lines,
        [
            f"{me}: account 'A. Reader' added as a reader",
            "account 'A. Reader' given another password, reader",
            "account 'A. Reader' removed, a reader",
            f"session monday: written out as differential to {tmp_path / 'd.csv'}, at entry ",
            f"session monday: written out as archive, deidentify True to {tmp_path / 'plain'}",
            f"A. Reader ({me}): session monday: deleted (named), ",
        ],
        strict=True,
    ):
        assert words in line
    assert all("password'" not in line and "a long password" not in line for line in lines)
    assert [each["kind"] for each in listed("--since", "1h")] == [*["account"] * 3, *["exported"] * 2, "deleted"]
    assert listed("--since", "2100-01-01") == []
    assert typed(audit, "list", "--since", "soon", code=2).exit_code == 2


def test_keys_of_other_computers_are_told_and_a_revoked_one_is_revoked_in_any_case(state: Path):
    made = json.loads(typed(keys, "make", "lab", "--json").stdout)
    typed(keys, "allow", "scope", made["key"], "--right", "watch")
    typed(keys, "allow", "scope", made["key"], "--right", "feed")
    assert [each["values"]["what"] for each in listed()] == ["made", "allowed", "allowed"]
    assert listed()[2]["values"]["was"]["rights"] == ["watch"]
    assert "key 'scope' allowed to watch, feed" in typed(audit, "list").stdout
    assert read_pair(own_key_file(load_settings())).secret not in (state / AUDIT_FILE).read_text()
    (state / AUDIT_FILE).unlink()
    (state / AUDIT_FILE).mkdir()
    assert AUDIT_FILE in str(typed(keys, "allow", "other", "0" * 64, "--right", "watch", code=1).exception)
    assert "is not in the audit journal" in typed(keys, "revoke", "scope").stderr
    assert "no other computer is let in" in typed(keys, "list").stderr


def test_rights_are_added_to_a_key_and_another_key_does_not_take_its_name(state: Path):
    made = typed(keys, "make", "lab")
    key = read_pair(own_key_file(load_settings())).public
    assert f'hub_key = "{key}"' in made.stderr.replace("\n", " ")
    assert f"smearwatch keys allow lab {key} --right RIGHT" in " ".join(made.stderr.split())
    assert typed(keys, "allow", "scope", key, "--right", "work").stdout.startswith("scope: work  ")
    assert typed(keys, "allow", "scope", key, "--right", "watch").stdout.startswith("scope: watch, work  ")
    for name, other, says in (("scope", "0" * 64, "scope has another key"), ("desk", key, "allowed already, as scope")):
        refused = typed(keys, "allow", name, other, "--right", "control", code=1).exception
        assert says in str(refused)
        assert getattr(refused, "hint", None) == "smearwatch keys revoke scope, then again"
    (allowed,) = [each for each in map(json.loads, typed(keys, "list", "--json").stdout.splitlines()) if each["name"]]
    assert (allowed["key"], allowed["rights"]) == (key, ["watch", "work"])


def test_what_cannot_be_written_down_is_not_done_but_a_result_may_be_read(folder: Path, state: Path, tmp_path: Path):
    (state / AUDIT_FILE).mkdir()  # nobody can write it, root neither
    for words in (["delete", "monday", "--yes"], ["import", str(archive_of(tmp_path))]):
        refused = typed(sessions, *words, code=1).exception
        assert refused is not None
        line = one_line(refused) or repr(refused)
        assert AUDIT_FILE in line, line
        assert "\n" not in line
    assert folder.is_dir()
    assert not session_folder(state, "friday").exists()
    read = typed(sessions, "export", "monday", "--out", str(tmp_path / "cells.csv"))
    assert "is not in the audit journal" in read.stderr
    assert (tmp_path / "cells.csv").stat().st_size > 100


def archive_of(tmp_path: Path) -> Path:
    other = tmp_path / "other"
    where = session_folder(other, "friday")
    record(where, 2)
    close(where)
    settings = tmp_path / "other.toml"
    settings.write_text(f'state_dir = "{other}"\n')
    out = tmp_path / "friday.smearwatch"
    typed(sessions, "export", "friday", "--format", "archive", "--out", str(out), "--config", str(settings))
    return out


def test_settings_are_told_where_they_change_and_without_passwords(state: Path):
    def run(**changes: Any) -> None:
        settings = load_settings(typed=[f"{key}={value}" for key, value in changes.items()])
        note_settings(RunPlan(settings=settings, session="monday", source="folder", said_by="A. Reader"))

    camera = '{ bench = { camera = "rtsp://user:secret@camera/1" } }'
    for changes in ({}, {}, {"workers": 2, "places": camera}, {"workers": 2, "places": camera}, {}):
        run(**changes)
    first, changed, back = listed()
    assert (first["by"], first["session"], first["values"]["was"]) == ("A. Reader", "monday", {})
    assert changed["values"]["was"] == {"workers": 1, "places": {}}
    assert changed["values"]["now"]["workers"] == 2
    assert "secret" not in (state / AUDIT_FILE).read_text()
    assert back["values"]["now"] == {"workers": 1, "places": {}}
    lines = typed(audit, "list").stdout.splitlines()
    assert "settings changed: places = {'bench': " in lines[1]
    assert "workers = 2, before: 1" in lines[1]


def test_an_empty_session_that_was_exported_is_no_other_record_later(state: Path):
    Ledger.open(session_folder(state, "monday")).close()
    typed(sessions, "export", "monday", "--out", str(state / "cells.csv"))
    record(session_folder(state, "monday"), 3)
    assert "nothing was changed" in typed(sessions, "verify", "monday").stdout


def test_a_count_goes_on_where_its_anchors_cannot_be_kept_and_says_so_once(folder: Path, state: Path):
    (state / AUDIT_FILE).mkdir()
    with Ledger.open(folder) as ledger, capture_logs() as said:
        anchoring = Anchoring(ledger, 1.0, lambda: 0.0)
        anchoring.anchor("opened")
        record_more(ledger)
        anchoring.anchor("counting")
        (state / AUDIT_FILE).rmdir()
        anchoring.anchor("closed")
    assert [each["event"] for each in said] == ["not in the audit journal"]
    assert [each.values["why"] for each in read_trail(state).entries] == ["closed"]


def test_a_pipe_in_the_journal_s_place_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / AUDIT_FILE)
    for use in (
        lambda: read_trail(tmp_path),
        lambda: last_of(tmp_path, "settings"),
        lambda: add(tmp_path, "x"),
    ):
        with pytest.raises(AuditUnusable, match="it is no file"):
            use()
