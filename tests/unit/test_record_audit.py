"""The audit journal: entries in a chain, whatever is done to the file is named, and nothing is lost half written."""

import fcntl
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from smearwatch.daemon.record.anchors import audit_flaws, in_lines
from smearwatch.daemon.record.audit import AUDIT_FILE, AuditUnusable, account_of, add, read_trail

THREE = ("one", "two", "three")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    for n, word in enumerate(THREE):
        add(tmp_path, "key", by="A. Reader" if n else None, values={"what": word, "was": None, "now": [n, 1.5, "ü"]})
    return tmp_path / AUDIT_FILE


def test_entries_say_who_when_and_what_and_follow_each_other(journal: Path):
    trail = read_trail(journal.parent)
    assert [each.number for each in trail.entries] == [1, 2, 3]
    assert [each.values["what"] for each in trail.entries] == list(THREE)
    assert [each.by for each in trail.entries] == [None, "A. Reader", "A. Reader"]
    assert {(each.account, each.uid) for each in trail.entries} == {(account_of(os.getuid()), os.getuid())}
    assert (trail.faults, trail.unfinished, trail.head[0]) == ((), (), 3)
    assert [json.loads(line)["number"] for line in journal.read_text().splitlines()] == [1, 2, 3]
    assert journal.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: lines[1:], "entry 1 is missing, this is entry 2"),
        (lambda lines: [lines[0], lines[2]], "entry 2 is missing, this is entry 3"),
        (lambda lines: [lines[0], lines[1].replace(b"two", b"six"), lines[2]], "the chain is broken at entry 2"),
        (lambda lines: [lines[1], lines[0], lines[2]], "entry 1 is missing, this is entry 2"),
        (lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]], "entry 1 is not spelt as it was written"),
        (lambda lines: [lines[0], b"{}\n", lines[2]], "entry 2 is missing, this is entry 3"),
    ],
)
def test_what_was_altered_is_named(journal: Path, change, fault: str):
    journal.write_bytes(b"".join(change(journal.read_bytes().splitlines(keepends=True))))
    assert any(fault in each for each in read_trail(journal.parent).faults)


def test_a_line_cut_off_by_a_loss_of_power_hinders_nothing(journal: Path):
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[2][:40])
    assert read_trail(journal.parent).unfinished == (4,)
    assert add(journal.parent, "key").number == 4
    trail = read_trail(journal.parent)
    assert (len(trail.entries), trail.faults, trail.unfinished) == (4, (), (4,))


def test_an_end_that_was_cut_off_is_noticed_by_the_log_alone(journal: Path):
    last = read_trail(journal.parent).entries[-1]
    line = (
        f'level=info event="chain anchor" record={"a" * 16} entry=7 chain={"0" * 64} audit=3 audit_chain={last.chain}'
    )
    as_json = json.dumps(dict(part.split("=") for part in line.replace('"chain anchor"', "chain~anchor").split()))
    as_json = as_json.replace("~", " ")
    for text in (line, as_json, json.dumps({"MESSAGE": as_json})):
        (logged,) = in_lines([text, "chain anchor of nothing", "something else"])
        assert (logged.event, logged.audit, logged.audit_chain) == (7, 3, last.chain)
        assert list(audit_flaws(read_trail(journal.parent), [logged])) == []
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    cut = read_trail(journal.parent)
    assert cut.faults == (), "the chain is sound"
    assert list(audit_flaws(cut, [logged])) == ["its end was cut off: the log has entry 3, and the last one here is 2"]
    add(journal.parent, "key", values={"what": "another third"})
    assert list(audit_flaws(read_trail(journal.parent), [logged])) == ["entry 3 is another than the one in the log"]


def test_long_entries_are_found_from_the_end(tmp_path: Path):
    for n in range(3):
        add(tmp_path, "imported", values={"anchors": [n] * 60_000})
    assert add(tmp_path, "key").number == 4
    assert read_trail(tmp_path).faults == ()


def test_several_processes_write_one_chain(tmp_path: Path):
    program = (
        "import sys, pathlib\nfrom smearwatch.daemon.record.audit import add\n"
        "for n in range(25): add(pathlib.Path(sys.argv[1]), 'key', values={'n': n})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    trail = read_trail(tmp_path)
    assert (len(trail.entries), trail.faults) == (75, ())


def test_who_holds_it_for_ever_holds_up_nobody(journal: Path):
    with journal.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AuditUnusable, match="another process is writing it") as busy:
            add(journal.parent, "key", patience_s=0.05)
    assert busy.value.hint


def test_on_a_full_disk_nothing_of_an_entry_is_left(journal: Path):
    before = journal.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, limits[1]))
    try:
        with pytest.raises(AuditUnusable, match=r"audit\.jsonl: ") as full:
            add(journal.parent, "key")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "nothing was done" in full.value.hint
    assert journal.read_bytes() == before
    assert add(journal.parent, "key").number == 4
