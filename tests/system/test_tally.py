"""A tally as a person types it, in a real terminal: closed in the middle, gone on with, kept, shown, pooled."""

import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from smearwatch.clients.tallying.draft import FILE, Draft
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from tests.in_process import of_state as typed
from tests.reviewed import close, record

pytestmark = pytest.mark.system

FIGURES = "neutrophils=33.3,lymphocytes=16.7,monocytes=16.7,eosinophils=16.7,basophils=16.7"
BELL = b"\a"


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "sessions" / "monday"
    record(folder, 72)
    close(folder)
    return tmp_path


def environment(state: Path) -> dict[str, str]:
    ours = {"SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "run"), "TERM": "xterm-256color"}
    return {**os.environ, **ours}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "smearwatch.daemon.cli", *words]


class Terminal:
    """A program in a terminal of 80x24, typed into and read."""

    def __init__(self, state: Path, *words: str) -> None:
        self.said = b""
        self.pid, self._end = pty.fork()
        if not self.pid:
            os.execve(sys.executable, command(*words), environment(state))
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def until(self, holds, *, within_s: float = 60.0) -> None:
        """Read until something holds."""
        deadline_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline_s, self.said.decode("utf-8", "replace")[-3000:]
            if select.select([self._end], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.said += os.read(self._end, 65536)

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._end)
        deadline_s = time.monotonic() + 60
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            assert time.monotonic() < deadline_s, "it goes on without a terminal"
            time.sleep(0.05)

    def ended(self) -> int:
        gone: list[int] = []

        def over() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                gone.append(os.waitstatus_to_exitcode(status))
            return bool(gone)

        self.until(over)
        while select.select([self._end], [], [], 0.1)[0]:
            try:
                self.said += os.read(self._end, 65536)
            except OSError:
                break
        os.close(self._end)
        return gone[0]


def lines(state: Path) -> list[str]:
    file = state / "sessions" / "monday" / FILE
    return file.read_text().splitlines()[1:] if file.exists() else []


def test_closed_in_the_middle_gone_on_with_and_kept(state):
    words = ("tally", "--session", "monday", "--by", "A. Reader", "--target", "5")
    first = Terminal(state, *words)
    first.until(lambda: b"tally" in first.said and b"leukocytes" in first.said)
    first.type("1226e")
    first.until(lambda: len(lines(state)) == 5)
    first.hang_up()
    assert lines(state) == ["band", "segmented", "segmented", "lymphocyte", "erythroblast"]

    status, _, err = typed(state, "tally", "--session", "monday", "--by", "B. Reader", "--keep")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "an unfinished tally of 5 cells by A. Reader is there" in err

    second = Terminal(state, *words)
    second.until(lambda: b"continued: 5 cells" in second.said)
    before = second.said.count(BELL)
    second.type("56\x7f")
    second.until(lambda: len(lines(state)) == 8)
    second.until(lambda: second.said.count(BELL) >= before + 4)  # thrice at the target, once for the sixth
    second.type("q")
    second.until(lambda: b"Keep this tally" in second.said)
    second.type("y")
    assert second.ended() == 0
    assert b"kept with session monday, as tally 1" in second.said
    assert lines(state) == []

    told = json.loads(typed(state, "sessions", "show", "monday", "--json")[1])
    assert [(each["by"], each["cells"], each["target"]) for each in told["tallies"]] == [("A. Reader", 5, 5)]
    kept = told["tallies"][0]
    named = {"band": 1, "segmented": 2, "monocyte": 1, "lymphocyte": 1}
    assert kept["counts"] == dict.fromkeys(kept["counts"], 0) | named
    assert kept["others_per_100"] == {"erythroblast": 20.0}
    assert (told["cells"], told["reviewed"], "pooled" in told) == (60, None, False)
    pooled = json.loads(typed(state, "sessions", "show", "monday", "--pooled", "--json")[1])["pooled"]
    assert (pooled["cells"], pooled["counts"]["segmented"]) == (65, 12)

    status, out, _ = typed(state, "sessions", "show", "monday", "--pooled")
    assert status == 0
    assert "tallied by hand, 5 leukocytes, by A. Reader" in out
    assert "not in the counts above" in out
    assert "no cell was both tallied and photographed" in out
    assert typed(state, "sessions", "verify", "monday")[0] == 0
    table = state / "cells.csv"
    assert "Not in it: 1 tally" in typed(state, "sessions", "export", "monday", "--out", str(table))[2]
    assert len(table.read_text().splitlines()) == 73


def test_a_tally_of_a_session_that_is_counted_waits(state):
    folder = state / "sessions" / "monday"
    words = ("tally", "--session", "monday", "--by", "A. Reader")
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", "monday", 100, 33.0, "filament", {})])
        screen = Terminal(state, *words, "--quiet")
        screen.until(lambda: b"leukocytes" in screen.said)
        before = screen.said.count(BELL)
        screen.type("123")
        screen.until(lambda: b"eosinophil (Backspace" in screen.said)
        assert screen.said.count(BELL) == before
        screen.type("q")
        screen.until(lambda: b"Keep this tally" in screen.said)
        screen.type("y")
        assert screen.ended() == 1
        said = b" ".join(screen.said.split())
        assert b"the tally of 3 cells is safe" in said
        assert b"no count answers" in said
        assert lines(state) == ["band", "segmented", "eosinophil"]
    status, out, _ = typed(state, *words, "--keep", "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["became"], told["ordinal"], told["cells"]) == ("kept", 1, 3)
    assert typed(state, "sessions", "verify", "monday")[0] == 0


def test_without_a_session_it_is_only_shown(state):
    screen = Terminal(state, "tally")
    screen.until(lambda: b"leukocytes" in screen.said)
    screen.type("66")
    screen.until(lambda: b"2    100" in screen.said or (state / FILE).read_text().count("lymphocyte") == 2)
    screen.type("q")
    screen.until(lambda: b"End this tally?" in screen.said)
    screen.type("y")
    assert screen.ended() == 0
    assert b"not kept: no session was named" in screen.said
    assert not (state / FILE).exists()


def test_what_is_typed_wrongly_is_one_line(state):
    for words, status, said in (
        (("tally",), 1, "here is no terminal"),
        (("tally", "--keep"), 2, "name the session"),
        (("tally", "--session", "monday"), 2, "name the person"),
        (("tally", "--session", "mondy", "--by", "A"), 1, "did you mean monday?"),
        (("tally", "--session", "monday", "--by", "A", "--keep"), 1, "has no unfinished tally"),
        (("tally", "--target", "0"), 2, "--target"),
        (("sessions", "show", "monday", "--pooled"), 1, "has no tally"),
        (("sessions", "analyser", "monday"), 1, "has no analyser's differential"),
        (("sessions", "analyser", "monday", "--keep"), 2, "type what is to be kept"),
        (("sessions", "analyser", "monday", "--of", "5"), 2, "the parts are missing"),
        (("sessions", "analyser", "monday", "--percent", "neutrophils=62,5"), 2, "is no PART=NUMBER"),
        (("sessions", "analyser", "monday", "--percent", "band=x"), 2, "'x' is no percentage"),
        (("sessions", "analyser", "monday", "--percent", "band=1,bands=2"), 2, "band is given twice"),
        (("sessions", "analyser", "monday", "--percent", "band=60,segmented=42"), 2, "more than 100 together"),
        (("sessions", "analyser", "monday", "--percent", "band=-5"), 2, "'-5' is no percentage"),
        (("sessions", "analyser", "monday", "--percent", "band=101"), 2, "'101' is no percentage"),
        (
            ("sessions", "analyser", "monday", "--percent", "band=62.3", "--of", "100"),
            2,
            "cannot be 62.3 % of 100 cells",
        ),
        (("sessions", "analyser", "monday", "--counts", "band=4.2"), 2, "is no number of cells"),
        (("sessions", "analyser", "monday", "--counts", "band=4", "--percent", "band=4"), 2, "give one of"),
        (("sessions", "analyser", "monday", "--percent", FIGURES, "--keep"), 2, "name the person"),
    ):
        got, out, err = typed(state, *words)
        assert (got, out, len(err.splitlines())) == (status, "", 1), (words, err)
        assert said in err


def test_an_analysers_differential_is_compared_and_kept(state):
    words = ("sessions", "analyser", "monday", "--percent", FIGURES)
    status, out, _ = typed(state, *words, "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["result"], told["cells"], told["analyser"]["by"]) == ("counted", 60, None)
    assert not any(row["beyond_sampling"] for row in told["classes"].values())
    assert json.loads(typed(state, "sessions", "show", "monday", "--json")[1])["analysers"] == []

    status, out, _ = typed(state, *words, "--of", "5000", "--keep", "--by", "A. Reader")
    assert status == 0
    assert "kept with session monday, as printout 1" in out
    shown = json.loads(typed(state, "sessions", "show", "monday", "--json")[1])["analysers"]
    assert [(each["by"], each["cells"], each["percent"]["basophil"]) for each in shown] == [("A. Reader", 5000, "16.7")]
    again = json.loads(typed(state, "sessions", "analyser", "monday", "--json")[1])
    assert again["analyser"]["ordinal"] == 1
    other = json.loads(typed(state, "sessions", "analyser", "monday", "--percent", "basophils=0.4", "--json")[1])
    assert other["classes"]["basophil"]["beyond_sampling"] is True
    assert typed(state, "sessions", "verify", "monday")[0] == 0

    assert typed(state, "sessions", "sign", "monday", "--by", "S", *OVERRULED)[0] == 0
    status, out, err = typed(state, *words, "--keep", "--by", "A. Reader")
    assert (status, "neutrophils" in out, "kept with session" in out) == (1, True, False), "compared all the same"
    assert "compared, and not kept: session monday was signed by S" in err
    assert "smearwatch sessions amend monday --by WHO" in err
    status, out, _ = typed(state, *words, "--keep", "--by", "A. Reader", "--json")
    assert (status, json.loads(out)["analyser"]["ordinal"]) == (1, None)
    assert typed(state, *words)[0] == 0  # looking is always allowed


OVERRULED = tuple(word for gate in ("flagged", "rejected", "target") for word in ("--overrule", f"{gate}=seen"))


def test_on_a_full_disk_a_tally_is_safe_and_space_is_asked_for(state, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        shutil.copytree(state / "sessions", small / "sessions")
        draft = Draft.open(small / "sessions" / "monday", by="A", target=100)
        draft.add("segmented")
        draft.close()
        with contextlib.suppress(OSError), (small / "fill").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        keep = ("tally", "--session", "monday", "--by", "A", "--keep")
        status, _, err = typed(small, *keep)
        assert (status, len(err.splitlines())) == (1, 2)
        assert "the tally of 1 cell is safe, and not kept with the session yet; later: smearwatch tally" in err
        assert "the disk is full (free space on that disk; everything acknowledged so far is safe)" in err
        (small / "fill").unlink()
        assert typed(small, *keep)[0] == 0
    finally:
        subprocess.run(["umount", small], check=True)
