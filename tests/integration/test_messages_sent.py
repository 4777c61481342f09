"""Messages that are put into a laboratory system's folder: once for each signature, also over a sudden end."""

import fcntl
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smearwatch.clients import sending
from smearwatch.clients.commands.sessions import app
from smearwatch.clients.owed_messages import KEPT, owes
from smearwatch.clients.pruning import recorded_sessions
from smearwatch.daemon.config import SettingsUnusable, load_settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.reading import LedgerReader
from tests.integration.test_exports import folder, recorded, typed

pytestmark = pytest.mark.integration

__all__ = ["folder", "recorded"]

_OVERRULED = ("--overrule", "flagged=x", "--overrule", "rejected=y", "--overrule", "target=z")
SIGN = ("sign", "monday", "--by", "B. Chief", *_OVERRULED)

_KILLED = """
import os, signal, sys
from smearwatch.clients import sending
from smearwatch.clients.commands.sessions import app

def die(*given):
    os.kill(os.getpid(), signal.SIGKILL)

where, *words = sys.argv[1:]
if where == "signed":
    sending._send_after = die
elif where == "written":
    sending._note = die
elif where == "recorded":
    sending._rename = die
elif where == "named":
    rename = sending._rename
    def named(*given):
        rename(*given)
        die()
    sending._rename = named
app(words)
"""


@pytest.fixture
def watched(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a folder for messages."""
    watched = tmp_path / "lis"
    watched.mkdir()
    monkeypatch.setenv("SMEARWATCH_MESSAGES", json.dumps({"folder": str(watched), "formats": ["hl7", "fhir"]}))
    return watched


def killed(where: str, *words: str) -> None:
    """Type a command in a process that is killed at a place of the program."""
    process = subprocess.run([sys.executable, "-c", _KILLED, where, *words], check=False, capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def names(watched: Path) -> list[str]:
    return sorted(each.name.rpartition("-")[0] + each.suffix for each in watched.iterdir())


def signed(folder: Path) -> bool:
    with LedgerReader.read(folder) as ledger:
        return ledger.signature() is not None


def test_each_signature_is_sent_once(watched: Path):
    result = typed(*SIGN)
    assert "Sent to" in result.stderr
    assert names(watched) == ["monday-signed-1.hl7", "monday-signed-1.json"]
    assert all(each.stat().st_size for each in watched.iterdir())
    exported = typed("export", "monday", "--format", "hl7").stdout_bytes
    (hl7,) = watched.glob("*.hl7")
    assert hl7.read_bytes() == exported
    for each in watched.iterdir():
        each.unlink()  # the laboratory's system has taken them
    assert "was put before" in typed("send", "monday").stdout
    assert typed("send").stdout == "no message waits to be sent\n"
    assert names(watched) == []
    amended = typed("amend", "monday", "--by", "B", "--reason", "r").stderr.replace("\n  ", " ")
    assert "Nothing is sent until it is signed again. Until then the laboratory's system has the earlier" in amended
    assert "was opened again, so there is nothing to send until it is signed" in str(typed_error("send", "monday"))
    assert (typed("send").stdout, names(watched)) == ("no message waits to be sent\n", [])
    typed(*SIGN)
    assert names(watched) == ["monday-signed-2.hl7", "monday-signed-2.json"]
    text = next(watched.glob("*signed-2*.hl7")).read_bytes().decode()
    assert {line.split("|")[11] for line in text.split("\r") if line.startswith("OBX|")} == {"C"}
    typed("send", "monday", "--again")
    assert len(names(watched)) == 2
    other = watched.with_name("other")
    other.mkdir()
    elsewhere = typed("send", "monday", "--to", str(other), code=1)
    assert f"was put before into {watched}" in elsewhere.stdout
    assert f"was sent before, and not into {other} (--again" in elsewhere.stderr.replace("\n  ", " ")
    assert names(other) == []
    typed("send", "monday", "--to", str(other), "--again")
    assert names(other) == names(watched)


def test_what_was_not_sent_before_an_amendment_is_never_sent(folder: Path, watched: Path):
    watched.rmdir()
    typed(*SIGN)
    amended = typed("amend", "monday", "--by", "B", "--reason", "r").stderr.replace("\n  ", " ")
    assert "The earlier result was never sent from here." in amended
    watched.mkdir()
    assert not owes(folder)
    assert (typed("send").stdout, names(watched)) == ("no message waits to be sent\n", [])


@pytest.mark.parametrize("where", ["signed", "written", "recorded", "named"])
def test_a_kill_neither_loses_nor_doubles_a_message(folder: Path, watched: Path, where: str):
    killed(where, *SIGN)
    assert signed(folder)
    taken = [each.name for each in watched.glob("[!.]*")]
    assert len(taken) == (where == "named")
    for name in taken:
        (watched / name).unlink()
    sent = [json.loads(line) for line in typed("send", "--json").stdout.splitlines()]
    assert len(sent) == 2
    arrived = [each.name for each in watched.iterdir()]  # nothing hidden is left
    assert sorted(taken + arrived) == sorted(Path(each["file"]).name for each in sent)
    typed("send")
    typed("send", "monday")
    assert len([*watched.iterdir()]) == len(arrived)


def test_a_folder_that_is_not_there_does_not_hinder_a_signature(folder: Path, watched: Path):
    watched.rmdir()
    result = typed(*SIGN)
    assert "Signed by B. Chief" in result.stdout
    (line,) = result.stderr.replace("\n", " ").split("smearwatch: ")[1:]
    assert line.startswith(f"monday: Its message was not sent: folder for messages {watched} is not there (make")
    (kept,) = recorded_sessions(load_settings().state_dir)
    assert kept.kept_for == "has a message that waits to be sent"
    failed = typed("send", code=1)
    assert "is not there" in failed.stderr
    watched.touch()
    assert "is not there" in typed("send", code=1).stderr
    watched.unlink()
    watched.mkdir()
    typed("send")
    assert names(watched) == ["monday-signed-1.hl7", "monday-signed-1.json"]
    (kept,) = recorded_sessions(load_settings().state_dir)
    assert kept.kept_for is None


def test_a_message_that_hangs_does_not_hinder_a_signature(folder: Path, watched: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "_PATIENCE_S", 0.05)
    (folder / KEPT).mkdir()
    with (folder / KEPT / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = typed(*SIGN)
        assert "is being sent by another process" in result.stderr.replace("\n", " ")
    assert signed(folder)
    assert names(watched) == []
    typed("send")
    assert len(names(watched)) == 2


def test_where_a_message_was_lost_with_its_folder_a_person_decides(watched: Path):
    killed("recorded", *SIGN)
    watched.rename(watched.with_name("away"))
    assert "is not there (bring that folder back, or send" in typed("send", code=1).stderr.replace("\n", " ")
    watched.mkdir()
    assert "is not the one of before" in typed("send", code=1).stderr.replace("\n", " ")
    typed("send", "monday", "--again")
    assert names(watched) == ["monday-signed-1.hl7", "monday-signed-1.json"]


def test_a_session_without_a_number_is_not_sent_and_what_waits_is_said(folder: Path, watched: Path):
    typed("describe", "monday", "--specimen", "", "--by", "A")
    open_gates = typed("sign", "monday", "--by", "B", code=1).stderr
    assert [line.partition(" (")[0] for line in open_gates.splitlines()] == [
        "smearwatch: monday is not signed: 3 flagged cells have no label",
        "smearwatch: monday is not signed: 4 rejected cells have no label",
        "smearwatch: monday is not signed: 23 of 100 leukocytes: the target is not reached",
        "smearwatch: monday is not signed: its message cannot be sent, for it has no specimen or order number",
    ]
    before = typed(*SIGN, code=1).stderr
    assert "describe monday --specimen NUMBER --by WHO) or add --without-message" in before
    assert not signed(folder)
    told = json.loads(typed(*SIGN, "--json", code=1).stdout)
    assert (told["signed"], told["open"], told["unsent"][:28]) == (None, [], "its message cannot be sent, ")
    after = typed(*SIGN, "--without-message").stderr.replace("\n", " ")
    assert "Its message was not sent: session monday has no specimen or order number" in after
    assert "(open it again with: smearwatch sessions amend monday; then say" in after.replace("  ", " ")
    assert names(watched) == []
    assert typed("send").stdout == "no message waits to be sent\n", "it could never be sent"
    typed("amend", "monday", "--by", "B", "--reason", "number")
    typed("describe", "monday", "--specimen", "H1", "--by", "A")
    typed(*SIGN)
    assert names(watched) == ["monday-signed-2.hl7", "monday-signed-2.json"]


def test_what_was_never_signed_is_not_sent(folder: Path, watched: Path):
    typed("sign", "monday", "--by", "B", code=1)  # gates are open
    assert not owes(folder)
    assert typed("send").stdout == "no message waits to be sent\n"
    assert "was never signed" in str(typed_error("send", "monday"))


def test_a_folder_is_named_or_set(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert (one_line(typed_error("send", "monday")) or "").startswith("there is no folder for messages (name a folder")
    assert "Sent" not in typed(*SIGN).stderr
    (tmp_path / "by-hand").mkdir()
    typed("send", "monday", "--to", str(tmp_path / "by-hand"))
    assert names(tmp_path / "by-hand") == ["monday-signed-1.hl7"]
    monkeypatch.setenv("SMEARWATCH_MESSAGES", '{"folder": "here"}')
    with pytest.raises(SettingsUnusable, match=r"messages\.folder: write the whole path"):
        load_settings()


def typed_error(*words: str) -> BaseException:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 1
    assert result.exception is not None
    return result.exception
