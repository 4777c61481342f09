"""The log of a whole run, as systemd's journal gets it: a frame's life by one word, anchors, no specimen's number."""

import json
import os
import re
import shutil
import sqlite3
import subprocess

import pytest

from smearwatch.daemon.log import frame_id
from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.reading import LedgerReader
from tests.in_process import run_here
from tests.system.test_run import SMEARWATCH, session_folder

pytestmark = pytest.mark.system

MARK = "S26-31415"
STEPS = {
    ("source", "picture handed over"),
    ("hub", "frame kept"),
    ("finder", "cells found"),
    ("hub", "frame searched"),
    ("worker-1", "cell judged"),
    ("hub", "frame counted"),
}


def test_a_run_into_the_journal(fields, tmp_path, monkeypatch):
    watched, journal = tmp_path / f"for {MARK}", tmp_path / "journal"
    watched.mkdir()
    for n, file in enumerate(sorted(fields.iterdir())[:2]):
        shutil.copy(file, watched / f"{MARK}_{n}{file.suffix}")
    (watched / f"{MARK}.heic").write_bytes(b"a kind that is not read")
    (watched / f"{MARK}_bad.jpg").write_bytes(b"\xff\xd8\xff" + MARK.encode() * 40)
    options = ["--watch", watched, "--session", f"{MARK}-a", "--specimen", MARK, "--note", f"of {MARK}, again"]
    monkeypatch.setenv("SMEARWATCH_ANCHOR_S", "1")
    with journal.open("w") as out:
        status = os.fstat(out.fileno())
        command = [*SMEARWATCH, "run", *map(str, options), "--um-per-px", "0.09", "--until-idle", "2"]
        env = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert subprocess.run(command, stdout=out, stderr=out, env=env, timeout=280, check=False).returncode == 0
    lines = journal.read_text().splitlines()
    assert not [line for line in lines if MARK in line]
    entries = [json.loads(line[3:]) for line in lines if line.startswith("<")]
    assert {line[:3] for line in lines if line.startswith("<")} >= {"<6>", "<4>"}
    assert any(entry["event"] == "pictures of a kind that is not read" for entry in entries)
    with LedgerReader.read(session_folder(f"{MARK}-a")) as ledger:
        found = next(each for each in ledger.found_frames() if sum(cell.is_judged for cell in each.cells))
        last = ledger.last_number
        by = {each.event.engine for each in ledger.events() if isinstance(each.event, Counted)}
    (loaded,) = (entry for entry in entries if entry["event"] == "networks loaded")
    assert by == {None if loaded["engine"] == "eager" else loaded["engine"]}
    life = [(entry["role"], entry["event"]) for entry in entries if entry.get("frame") == frame_id(found.frame)]
    assert set(life) >= STEPS
    assert (
        life.index(("hub", "frame kept")) < life.index(("finder", "cells found")) < life.index(("hub", "frame counted"))
    )
    anchors = [entry for entry in entries if entry["event"] == "chain anchor"]
    assert len(anchors) >= 2
    assert anchors[-1]["entry"] == last

    verify = ("sessions", "verify", f"{MARK}-a", "--anchors", journal, "--json")
    whole = json.loads(run_here(*verify).stdout)
    assert (whole["ok"], whole["anchors"], whole["anchors_in_log"]) == (True, len(anchors), len(anchors))
    by_hand = sqlite3.connect(session_folder(f"{MARK}-a") / "ledger.sqlite")
    by_hand.executescript(f"DROP TRIGGER events_keep_delete; DELETE FROM events WHERE number = {last}")
    by_hand.close()
    cut = run_here("sessions", "verify", f"{MARK}-a")
    assert cut.returncode == 1
    assert f"its end was cut off: entry {last} is gone, which the anchors have" in cut.stdout
    listed = run_here("audit", "list")
    assert re.search(rf"session {MARK}-a: the count ended, at entry {last}", listed.stdout)
    assert "settings of the first run" in listed.stdout
