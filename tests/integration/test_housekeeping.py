"""Sessions that go: named, older than a day, or beyond what is kept; never one that somebody is not done with."""

import json
import os
import time
from pathlib import Path

import pytest

from smearwatch.clients.pruning import DAY_NS, GB, NoLongerSigned, check_signed
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import (
    Amended,
    Closed,
    Counted,
    Followed,
    Found,
    FoundCell,
    Opened,
    Seen,
    Signed,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import delete_session, describe_session, session_folder, session_names
from smearwatch.daemon.record.signatures import as_signed
from smearwatch.daemon.record.signing import amend
from smearwatch.daemon.record.tally import TallyFold
from tests.integration.test_archive import refused, typed

pytestmark = pytest.mark.integration

SIX = (0.95, 0.01, 0.01, 0.01, 0.01, 0.01)


def session(
    name: str, days_old: int, *, signed: bool = True, size: int = 1000, follow: str | None = None, amended: bool = False
) -> Path:
    """Record a session of one cell, so many days ago."""
    folder = session_folder(load_settings().state_dir, name)
    at_ns = time.time_ns() - days_old * DAY_NS - 10**9
    with Ledger.open(folder, clock_ns=lambda: at_ns) as ledger:
        frame = ledger.frames.put(name.encode() + os.urandom(size))
        cell = FoundCell(0, (1, 1, 9, 9), (5.0, 5.0), 90.0, False, 1.0)
        ledger.append([Opened(1, at_ns, "1", name, 100, 33.0, "filament", {})])
        ledger.append([Seen(frame, "a.jpg", 3, 1, None, None, True, "folder")])
        ledger.append([Found(frame, 20, 20, 0.1, "configured", None, 0.5, (cell,))])
        ledger.append([Counted(frame, 0, "band", "confirmed", SIX, SIX, 0.1, "w")])
        if follow is not None:
            ledger.append([Followed("A", at_ns, follow, {}, None, ())])
        ledger.append([Closed(1, False, {}, {})])
        if signed or amended:
            fold = TallyFold()
            for recorded in ledger.events():
                fold.apply(recorded.event)
            ledger.append([Signed("A. Reader", at_ns, 1, as_signed(fold.result), ("w",), ())])
        if amended:
            ledger.append([Amended("A", "one more look", at_ns, 1)])
    return folder


def there() -> list[str]:
    return session_names(load_settings().state_dir)


def test_several_by_name_and_the_list_of_what_went():
    for name in ("a", "b", "c"):
        session(name, 1, signed=name == "a")
    with LedgerReader.read(session_folder(load_settings().state_dir, "a")) as ledger:
        chain = ledger.rows("SELECT chain FROM events ORDER BY number DESC LIMIT 1")[0][0].hex()
    assert typed("list", "--deleted").stdout.startswith("no session under")
    typed("delete", "a", "b", code=2)
    assert "no session 'x'" in refused("delete", "a", "x", "--yes")
    dry = typed("delete", "a", "b", "--dry-run").stdout
    assert "signed by A. Reader (named)" in dry
    assert "2 sessions, " in dry
    assert "1 of them not signed would be deleted" in dry
    assert there() == ["a", "b", "c"]
    told = typed("delete", "a", "b", "a", "--yes", "--by", "B. Chief").stdout.splitlines()
    assert [line.split(":")[0] for line in told] == ["a", "b"]
    assert there() == ["c"]
    first, second = typed("list", "--deleted").stdout.splitlines()
    assert f"by B. Chief (named): 6 entries to chain {chain[:16]}, signed by A. Reader" in first
    assert second.startswith("b: ")
    assert second.endswith(", not signed")
    gone = [json.loads(line) for line in typed("list", "--deleted", "--json").stdout.splitlines()]
    assert (gone[0]["session"], gone[0]["chain"], gone[0]["why"]) == ("a", chain, "named")
    assert all(each["size_bytes"] > 1000 for each in gone)
    path = load_settings().state_dir / "deleted.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    path.write_bytes(before + b'{"session": "cut o')  # power was lost
    typed("delete", "c", "--yes")
    assert path.read_bytes().startswith(before), "lines are only ever added"
    result = typed("list", "--deleted", code=1)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["a", "b", "c"]
    assert "line 3 of the list" in str(result.exception)


def test_a_session_stays_where_its_deletion_cannot_be_written_down(monkeypatch: pytest.MonkeyPatch):
    session("a", 1)
    (load_settings().state_dir / "deleted.jsonl").mkdir()
    assert "nothing was deleted" in refused("delete", "a", "--yes")
    assert there() == ["a"]


def test_a_session_that_lies_elsewhere_stays_and_is_not_said_to_be_gone(tmp_path: Path):
    session("a", 1)
    folder = session_folder(load_settings().state_dir, "a")
    folder.symlink_to(folder.rename(tmp_path / "elsewhere"))
    assert "is a link to" in refused("delete", "a", "--yes")
    assert there() == ["a"]
    assert "was deleted" in typed("list", "--deleted").stdout


def test_older_than(monkeypatch: pytest.MonkeyPatch):
    for name, days in (("old", 100), ("new", 1), ("busy", 200)):
        session(name, days, signed=False)
    typed("delete", "old", "--older-than", "9", code=2)
    with Ledger.open(session_folder(load_settings().state_dir, "busy")):
        assert typed("delete", "--older-than", "50", "--yes").stdout.startswith("old: ")
        assert "being written" in refused("delete", "busy", "--yes")
    assert there() == ["busy", "new"]
    assert typed("delete", "--older-than", "5000", "--yes").stdout == "nothing is to be deleted\n"


def test_what_is_kept():
    typed("prune", "--yes", code=2)
    session("1-signed", 100, size=300_000)
    session("2-unsigned", 90, signed=False)
    session("3-amended", 80, amended=True)
    session("4-followed", 70, follow="5-later")
    session("5-later", 60, signed=False)
    session("6-signed", 50, size=300_000)
    session("7-signed", 1, size=300_000)
    dry = typed("prune", "--keep-days", "30", "--dry-run").stdout
    assert "2-unsigned: " in dry
    assert "kept, for it is not signed" in dry
    assert "kept, for it is needed: session 5-later follows it, which is not signed" in dry
    assert "2 sessions, " in dry
    would = [
        json.loads(each) for each in typed("prune", "--keep-days", "75", "--dry-run", "--json").stdout.splitlines()
    ]
    assert [(each["session"], each["why"]) for each in would] == [("1-signed", "age")]
    typed("prune", "--keep-days", "75", code=2)
    assert len(there()) == 7
    with Ledger.open(session_folder(load_settings().state_dir, "1-signed")):
        assert "kept, for it is being counted" in typed("prune", "--keep-days", "95", "--yes").stdout
    typed("prune", "--keep-days", "75", "--yes")
    rest = ["2-unsigned", "3-amended", "4-followed", "5-later", "6-signed", "7-signed"]
    assert there() == rest
    # By size: the oldest ones that may go, and no more than is needed.
    sizes = {name: describe_session(load_settings().state_dir, name).size_bytes for name in rest}
    enough = sum(sizes.values()) - sizes["6-signed"]
    assert typed("prune", "--keep-gb", f"{(enough + 9) / GB:.9f}", "--yes").stdout.startswith("6-signed: ")
    assert there() == [name for name in rest if name != "6-signed"]
    told = typed("prune", "--keep-gb", "0.0001", "--yes").stdout.splitlines()
    assert "are left, more than is kept: none of these may go" in told[0]
    assert told[1].startswith("7-signed: ")
    assert there() == rest[:4]


def test_the_settings_say_what_is_kept(monkeypatch: pytest.MonkeyPatch):
    session("old", 40)
    monkeypatch.setenv("SMEARWATCH_KEEP_DAYS", "30")
    assert typed("prune", "--yes").stdout.startswith("old: ")
    gone = json.loads(typed("list", "--deleted", "--json").stdout)
    assert (gone["session"], gone["why"], gone["signed_by"]) == ("old", "age", "A. Reader")


def test_one_that_is_opened_again_after_it_was_chosen_stays():
    folder = session("a", 40)
    amend(folder, by="A", reason="one more look")
    with pytest.raises(NoLongerSigned, match="a is not signed any more"):
        delete_session(load_settings().state_dir, "a", lambda where, size: check_signed(where))
    assert there() == ["a"]
