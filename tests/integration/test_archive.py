"""A session as one file: what comes out is what went in, and a file that is anything else is refused whole."""

import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smearwatch.clients.commands.sessions import app
from smearwatch.clients.exports.archive import FORMAT, ArchiveOptions
from smearwatch.clients.exports.writing import export_session
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.events import Counted, Found, FoundCell, Labelled, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder, session_names, sessions_root
from smearwatch.daemon.record.values import digest_of
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

Members = dict[str, bytes]


@pytest.fixture
def state() -> Path:
    return load_settings().state_dir


@pytest.fixture
def folder(state: Path) -> Path:
    where = session_folder(state, "monday")
    record(where, 30, again=3)
    close(where)
    return where


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Archive a session of another computer, once for all."""
    above = tmp_path_factory.mktemp("other")
    where, out = session_folder(above, "monday"), above / "out"
    record(where, 30, again=3)
    close(where)
    export_session(where, above, out, "archive", FORMAT, ArchiveOptions(), overwrite=False)
    return out.read_bytes()


@pytest.fixture
def file(archived: bytes, tmp_path: Path) -> Path:
    out = tmp_path / "monday.smearwatch"
    out.write_bytes(archived)
    return out


def typed(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(*words: str) -> str:
    error = typed(*words, code=1).exception
    assert error is not None
    line = one_line(error)
    assert line is not None, repr(error)
    assert "\n" not in line
    return line


def shown(name: str) -> dict[str, Any]:
    return json.loads(typed("show", name, "--json").stdout)  # type: ignore[no-any-return]


def form(folder: Path) -> int:
    with LedgerReader.read(folder) as ledger:
        return int(ledger.rows("PRAGMA user_version")[0][0])


def test_what_comes_out_is_what_went_in(folder: Path, state: Path, tmp_path: Path):
    file, again = tmp_path / "monday.smearwatch", tmp_path / "again.smearwatch"
    for out in (file, again):
        assert "3 frames and 38 entries" in typed("export", "monday", "--format", "archive", "--out", str(out)).stderr
    assert again.read_bytes() == file.read_bytes(), "the same session, the same file"
    typed("describe", "monday", "--note", "later")
    told = typed("import", str(file), "--as", "tuesday", "--by", "B. Other")
    assert told.stdout == "tuesday: imported; 38 entries and every frame are as they were archived\n"
    before, after = shown("monday"), shown("tuesday")
    assert {key: after[key] for key in ("counts", "cells", "percent", "frames", "began_at_ns", "seen_again")} == {
        key: before[key] for key in ("counts", "cells", "percent", "frames", "began_at_ns", "seen_again")
    }
    assert (after["session"], after["note"], before["imported"]) == ("tuesday", None, None)
    came = after["imported"]
    assert (came["session"], came["archive"], came["by"], came["events"]) == ("monday", file.name, "B. Other", 38)
    assert came["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "imported from monday.smearwatch by B. Other on " in typed("show", "tuesday").stdout
    assert "nothing was changed: 3 frames and 38 entries" in typed("verify", "tuesday").stdout
    frames = {path.name: path for path in (session_folder(state, "tuesday") / "frames").rglob("*") if path.is_file()}
    assert {path.name: path.read_bytes() for path in (folder / "frames").rglob("*") if path.is_file()} == {
        name: path.read_bytes() for name, path in frames.items()
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in frames.values()} == {0o444}
    assert sorted(path.name for path in sessions_root(state).iterdir()) == ["monday", "tuesday"]
    # It is a session like any other, whatever it is called here.
    assert typed("describe", "tuesday", "--specimen", "H26-1").stdout.strip() == "tuesday: specimen H26-1"
    assert "nothing was changed: 3 frames and 39 entries" in typed("verify", "tuesday").stdout
    rows = typed("export", "tuesday").stdout.splitlines()
    assert all(row.startswith("tuesday,") for row in rows[1:])


def test_an_imported_record_that_lost_its_end_is_noticed(file: Path, state: Path):
    typed("import", str(file), "--as", "tuesday")
    by_hand = sqlite3.connect(session_folder(state, "tuesday") / "ledger.sqlite")
    by_hand.executescript("DROP TRIGGER events_keep_delete; DELETE FROM events WHERE number = 38")
    by_hand.close()
    assert "the record is not the one that was imported" in typed("verify", "tuesday", code=1).stdout


def test_without_frames(folder: Path, state: Path, tmp_path: Path):
    out = tmp_path / "light.smearwatch"
    told = typed("export", "monday", "--format", "archive", "--option", "frames=no", "--out", str(out))
    assert "no frames and 38 entries" in told.stderr
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["manifest.json", "ledger.sqlite"]
    assert "its frames are not in the file" in typed("import", str(out), "--as", "light").stdout
    assert "of session monday, without its frames" in typed("show", "light").stdout
    said = typed("verify", "light").stdout
    assert said == "light: nothing was changed: 38 entries, imported without 3 frames, are as they were recorded\n"
    assert json.loads(typed("verify", "light", "--json").stdout)["frames_checked"] is False
    again = ("export", "light", "--format", "archive", "--out", str(tmp_path / "x"))
    assert "was imported without its frames (add --option frames=no)" in refused(*again)
    typed(*again, "--option", "frames=no")


def test_while_the_session_is_written(folder: Path, tmp_path: Path):
    """A real second process appends all the while; each file is of one moment, and whole."""
    script = (
        "import sys, threading; from pathlib import Path; from smearwatch.daemon.record.ledger import Ledger\n"
        "from smearwatch.daemon.record.events import Opened, Seen\n"
        "ended = threading.Event(); threading.Thread(target=lambda: (sys.stdin.read(), ended.set())).start()\n"
        "with Ledger.open(Path(sys.argv[1])) as ledger:\n"
        "    ledger.append([Opened(ledger.epoch, 1, 'test', 'monday', 100, 33.0, 'filament', {})])\n"
        "    print('writing', flush=True)\n"
        "    for n in range(10**6):\n"
        "        frame = ledger.frames.put(b'frame %d' % n)\n"
        "        ledger.append([Seen(frame, f'{n}.jpg', 9, 1, None, None, True, 'folder')])\n"
        "        if ended.wait(0.001): break\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "writing\n"
        said = [
            typed("export", "monday", "--format", "archive", "--out", str(tmp_path / f"{n}.smearwatch")).stderr
            for n in range(2)
        ]
        with LedgerReader.read(folder) as ledger:
            last = ledger.last_number
        assert all("monday is being counted: this is how it stood at entry" in each for each in said)
        writer.stdin.close()
    held = []
    for n in range(2):
        typed("import", str(tmp_path / f"{n}.smearwatch"), "--as", f"copy-{n}")
        held.append(shown(f"copy-{n}")["events"])
        assert f"at entry {held[-1]}." in said[n]
    assert 38 < held[0] <= held[1] <= last


def test_older_and_newer_forms_of_the_record(state: Path, tmp_path: Path):
    """Of form 1, and with each table that came later; its form stays."""
    where = session_folder(state, "plain")
    with Ledger.open(where) as ledger:
        frame = ledger.frames.put(b"one")
        ledger.append([Opened(1, 1, "0.1", "plain", 100, 33.0, "filament", {})])
        ledger.append([Seen(frame, "a.jpg", 3, 1, None, None, True, "folder")])
    late = session_folder(state, "late")
    six = (0.95, 0.01, 0.01, 0.01, 0.01, 0.01)
    with Ledger.open(late) as ledger:
        one, two = ledger.frames.put(b"one"), ledger.frames.put(b"two")
        first = FoundCell(0, (1, 1, 9, 9), (5.0, 5.0), 90.0, False, 1.0)
        better = FoundCell(0, (1, 1, 9, 9), (5.0, 5.0), 90.0, False, 1.0, CellName(one, 0), CellName(one, 0))
        found = [
            Found(each, 20, 20, 0.1, "configured", None, 0.5, (cell,)) for each, cell in ((one, first), (two, better))
        ]
        ledger.append([Opened(1, 1, "1", "late", 100, 33.0, "filament", {})])
        ledger.append([Seen(each, "a.jpg", 3, 1, None, None, True, "folder") for each in (one, two)])
        kept = b"\0\1" * 8
        counted = Counted(one, 0, "band", "confirmed", six, six, 0.1, "w", moments=digest_of(kept))
        ledger.append([*found, counted, Labelled(one, 0, "band", "A", 1, 5)], {(one, 0): b"jpeg"}, {(one, 0): kept})
    for name, expected in (("plain", 1), ("late", 11)):
        out = str(tmp_path / f"{name}.smearwatch")
        assert form(session_folder(state, name)) == expected
        typed("export", name, "--format", "archive", "--out", out)
        typed("import", out, "--as", f"{name}-2")
        assert form(session_folder(state, f"{name}-2")) == expected
    with LedgerReader.read(session_folder(state, "late-2")) as ledger:
        assert (ledger.thumbnail(one, 0), ledger.moments(one, 0)) == (b"jpeg", kept)
        assert ledger.rows("SELECT than_frame FROM better") == [(one,)]


def test_a_damaged_session_is_not_archived(folder: Path, tmp_path: Path):
    export = ("export", "monday", "--format", "archive", "--out", str(tmp_path / "x"))
    frame = next(path for path in (folder / "frames").rglob("*") if path.is_file())
    data = frame.read_bytes()
    frame.chmod(0o644)
    frame.write_bytes(data[:-1] + b"?")
    assert "not the bytes that came" in refused(*export)
    frame.unlink()
    assert "no such frame" in refused(*export)
    frame.write_bytes(data)
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    by_hand.executescript("DROP TRIGGER events_keep_update; UPDATE events SET body = replace(body, '0.9', '0.8')")
    by_hand.close()
    assert "session monday is damaged: " in refused(*export)
    assert [*tmp_path.glob("*x*")] == []


def test_on_a_full_disk_the_folder_is_named_and_space_is_asked_for(folder: Path, tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        for words in ((), ("--deidentify",)):
            line = refused("export", "monday", "--format", "archive", *words, "--out", str(small / "monday.smearwatch"))
            assert line.startswith(f"{small}: ")
            assert "full (free space on that disk" in line
            assert [*small.iterdir()] == []
    finally:
        subprocess.run(["umount", small], check=True)


def rewritten(file: Path, change: Callable[[Members, dict[str, Any]], None]) -> None:
    """Write an archive anew with other members; the manifest names them by their new bytes, as a forger would."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(members, manifest)
    if isinstance(manifest.get("members"), dict):
        manifest["members"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
        }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, data in members.items():
            archive.writestr(name, data)


def with_ledger(statements: str) -> Callable[[Members, dict[str, Any]], None]:
    def change(members: Members, manifest: dict[str, Any]) -> None:
        path = load_settings().state_dir.parent / "by-hand.sqlite"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(members["ledger.sqlite"])
        by_hand = sqlite3.connect(path)
        by_hand.executescript(statements)
        by_hand.close()
        members["ledger.sqlite"] = path.read_bytes()
        path.unlink()

    return change


def a_frame(members: Members) -> str:
    return next(name for name in members if name.startswith("frames/"))


def other_frame(members: Members, manifest: dict[str, Any]) -> None:
    data = members.pop(a_frame(members)) + b"?"
    digest = hashlib.sha256(data).hexdigest()
    members[f"frames/{digest[:2]}/{digest}"] = data


FORGED: list[tuple[Callable[[Members, dict[str, Any]], Any], str]] = [
    (lambda members, manifest: members.update({"../../evil": b"x"}), "it holds '../../evil'"),
    (lambda members, manifest: members.update({"/etc/evil": b"x"}), "it holds '/etc/evil'"),
    (lambda members, manifest: members.update({"frames/ab/../../evil": b"x"}), "it holds 'frames/ab/../../evil'"),
    (lambda members, manifest: members.update({"lock": b"x"}), "it holds 'lock'"),
    (lambda members, manifest: members.update({"frames/aa/" + "a" * 64: b"x"}), "is not named by its bytes"),
    (lambda members, manifest: members.update({a_frame(members): b"x"}), "is not named by its bytes"),
    (lambda members, manifest: members.pop(a_frame(members)), "a frame of the record is missing"),
    (other_frame, "a frame of the record is missing"),
    (lambda members, manifest: members.pop("ledger.sqlite"), "it has no manifest, or no ledger"),
    (
        lambda members, manifest: members.update({"ledger.sqlite": b"x" * 5000}),
        "its ledger: file is not a database (re",
    ),
    (lambda members, manifest: manifest.update(format=3), "written in archive form 3, this program knows 2 (update sm"),
    (lambda members, manifest: manifest.update(session="../x"), "'../x' cannot be the name of a session"),
    (lambda members, manifest: manifest.update(session="other"), "its ledger is another one than its manifest says"),
    (lambda members, manifest: manifest.update(chain="0" * 64), "its ledger is another one than its manifest says"),
    (lambda members, manifest: manifest.update(members=None), "its manifest says what none can say"),
    (with_ledger("PRAGMA user_version = 99"), "written in form 99, this program knows"),
    (
        with_ledger("CREATE TRIGGER evil AFTER INSERT ON events BEGIN SELECT load_extension('x'); END"),
        "'evil' in its ledger is not as in a ledger of ours",
    ),
    (
        with_ledger("DROP TRIGGER events_keep_update; UPDATE events SET body = replace(body, 'monocyte', 'basophil')"),
        "'events_keep_update' in its ledger is not as",
    ),
]


@pytest.mark.parametrize(("change", "line"), FORGED, ids=[line for _, line in FORGED])
def test_a_forged_file_is_refused(file: Path, state: Path, change: Callable[..., Any], line: str):
    rewritten(file, change)
    said = refused("import", str(file))
    assert line in said
    assert said.startswith(f"{file}: ") or "cannot be the name" in said, "not a file that is gone by then"
    assert not sessions_root(state).exists() or [*sessions_root(state).iterdir()] == []


def test_a_changed_record_is_refused_even_where_its_triggers_are_put_back(file: Path, state: Path):
    typed("import", str(file))
    with LedgerReader.read(session_folder(state, "monday")) as ledger:
        ((trigger,),) = ledger.rows("SELECT sql FROM sqlite_master WHERE name = 'events_keep_update'")
    update = "UPDATE events SET body = replace(body, 'monocyte', 'basophil')"
    rewritten(file, with_ledger(f"DROP TRIGGER events_keep_update; {update}; {trigger}"))
    assert "its record was changed: the chain is broken at event" in refused("import", str(file), "--as", "b")
    assert session_names(state) == ["monday"]


def test_links_doubles_and_bombs_are_refused(file: Path, state: Path):
    whole = file.read_bytes()
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("frames/aa/" + "a" * 64)
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused("import", str(file), "--as", "b")
    file.write_bytes(whole)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ledger.sqlite", b"another")
    assert "'ledger.sqlite' is in it twice" in refused("import", str(file), "--as", "b")
    file.write_bytes(whole)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames/aa/" + "a" * 64, b"x")
        archive.infolist()[-1].file_size = 1 << 40
    assert "bytes that would become" in refused("import", str(file), "--as", "b")
    file.write_bytes(whole)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames/aa/" + "a" * 64, bytes(1 << 20))
        archive.infolist()[-1].file_size = 10  # larger than it says
    assert "is in it, and not in its manifest" in refused("import", str(file), "--as", "b")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", '{"format": 1}' + " " * (1 << 20))
        archive.writestr("ledger.sqlite", b"")
        archive.infolist()[0].file_size = 13
    assert "cut off, damaged, or no archived session" in refused("import", str(file), "--as", "b")
    assert session_names(state) == []


def test_a_file_that_is_damaged_or_cut_off_anywhere_is_refused(file: Path, state: Path):
    whole = file.read_bytes()
    for at in range(200, len(whole), len(whole) // 11):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]):
            file.write_bytes(damaged)
            assert str(file) in refused("import", str(file), "--as", "b")
    assert session_names(state) == []
    file.write_bytes(whole)
    typed("import", str(file))


def test_an_existing_session_and_a_missing_file_are_left_alone(file: Path, state: Path, tmp_path: Path):
    typed("import", str(file))
    assert "there is a session monday already" in refused("import", str(file))
    assert "no such file" in refused("import", str(tmp_path / "nowhere.smearwatch"))
    assert "cannot be the name of a session" in refused("import", str(file), "--as", "a/b")
    (sessions_root(state) / "half").mkdir()  # whatever it is
    assert "there is a session half already" in refused("import", str(file), "--as", "half")
