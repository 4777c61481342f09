"""A session without what names people, specimens and files: nothing of it is anywhere in the file, no count changes."""

import io
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smearwatch.capture.formats.decode import decode
from smearwatch.clients.exports.plain_frames import close as close_reader
from smearwatch.clients.exports.plain_frames import plain_frame
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.events import (
    Analysed,
    Described,
    Event,
    Followed,
    Labelled,
    LocationTested,
    LocationWithdrawn,
    LookRange,
    Opened,
    Ranged,
    Rejected,
    Seen,
    Tallied,
    WaitingFile,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.location import Mark, MarkedField
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import connect_to_read
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.signing import amend, sign
from smearwatch.daemon.record.verifying import verify
from tests.integration.test_archive import shown, typed
from tests.reviewed import close, record

pytestmark = pytest.mark.integration

SECRET = "Geheim"
WHY = {"flagged": f"{SECRET} gate", "rejected": "debris", "target": "few"}
NS = 1_700_000_000_000_000_000


def picture(kind: str, field: np.ndarray) -> bytes:
    """Write a field with a secret in whatever the format has for texts."""
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x010E], exif[0x0112] = f"{SECRET} description", 6  # turned
    image = Image.fromarray(field)
    if kind == "jpeg":
        image.save(data, "JPEG", exif=exif, comment=f"{SECRET} comment".encode(), progressive=True)
        return data.getvalue() + f"{SECRET} behind".encode()
    if kind == "upright":
        del exif[0x0112]
        image.save(data, "JPEG", exif=exif, comment=f"{SECRET} comment".encode(), quality=92)
    elif kind == "png":
        text = PngInfo()
        text.add_text("Patient", f"{SECRET} text")
        text.add_itxt("Ward", f"{SECRET} text", zip=True)
        image.save(data, "PNG", pnginfo=text)
    else:
        image.save(data, "TIFF", description=f"{SECRET} OME", software=f"{SECRET} Labs")
    return data.getvalue()


@pytest.fixture
def folder() -> Path:
    """Record a session of every kind of entry, each text in which a person, specimen or file can stand a secret one."""
    where = session_folder(load_settings().state_dir, f"{SECRET}-session")
    kinds = iter(["upright", "png", "tiff"])
    record(where, 60, name=f"{SECRET}-{{}}.jpg", store=lambda field: picture(next(kinds), field))
    with Ledger.open(where) as ledger:
        found = next(ledger.found_frames())
        dark = ledger.frames.put(f"{SECRET} no picture".encode())
        settings: dict[str, str | int | float | bool | None] = {
            "origin": f"the folder {SECRET}",
            "origin_of": "0" * 16,
            "follows": f"{SECRET}-before",
            "target": 5,
        }
        settings |= {"band_rule": f"{SECRET} rule", "subfolder": SECRET, "source": "folder", f"new {SECRET}": 1}
        opened = Opened(ledger.epoch, NS, "1", where.name, 100, 33.0, f"{SECRET} rule", settings)
        machine = ledger.standing(found.frame, 0)
        assert machine is not None
        box = found.cells[0].box
        mark = Mark(box[0] + 1.0, box[1] + 1.0, 0)
        field = MarkedField(found.frame, (mark,), ())
        ledger.append(
            [
                opened,
                Seen(dark, f"{SECRET}.jpg", 9, NS, 0.1, f"{SECRET} scale", True, "folder"),
                Rejected(dark, "undecodable", f"{SECRET} detail", None),
                Ranged("w", (LookRange(f"{SECRET} laboratory", 5, {"stain": (0.1, 0.2)}),)),
                Described(f"{SECRET} by", 1, NS, f"{SECRET} title", f"{SECRET} 1", f"{SECRET} op", f"{SECRET} note"),
                Labelled(found.frame, 0, "monocyte", f"{SECRET} reader", 1, NS, drawn=True),
                Labelled(found.frame, 1, "monocyte", f"{SECRET} reader", 1, NS),
                Labelled(found.frame, 1, "band", f"{SECRET} second", 1, NS, reading="second"),
                Tallied(f"{SECRET} teller", NS, NS, 1, 100, {"band": 3}),
                Analysed(f"{SECRET} teller", NS, 1, {"band": "12.5"}),
                LocationTested(f"{SECRET} tester", NS, NS, 1, "random", 5.0, (field,), note=f"{SECRET} stain"),
                LocationWithdrawn(f"{SECRET} tester", f"{SECRET} why", NS, 1),
            ]
        )
    close(where)
    sign(where, by=f"{SECRET} chief", overruled=WHY, note=f"{SECRET} signed")  # type: ignore[arg-type]
    amend(where, by=f"{SECRET} chief", reason=SECRET.lower())
    said = {"specimen": f"{SECRET} 2", "operator": f"{SECRET} op", "note": f"{SECRET} note"}
    with Ledger.open(where) as ledger:
        waiting = (WaitingFile(f"{SECRET}-late.jpg", 1, 1, "a" * 64),)
        ledger.append([Followed(f"{SECRET} by", NS, f"{SECRET}-next", said, None, waiting)])
    close(where)
    return where


def export(folder: Path, out: Path, *options: str) -> str:
    return typed("export", folder.name, "--format", "archive", "--deidentify", "--out", str(out), *options).stderr


LIGHT = ("--option", "frames=no")


def test_nothing_is_left_and_nothing_is_counted_otherwise(folder: Path, tmp_path: Path):
    file = tmp_path / "for-everybody.smearwatch"
    said = export(folder, file)
    with LedgerReader.read(folder) as ledger:
        assert list(verify(ledger)) == []
        assert sum(SECRET in body for (body,) in ledger.rows("SELECT body FROM events")) == 19
        kinds = {each.event.kind for each in ledger.events()}
        original = ledger.rows("SELECT chain FROM events ORDER BY number DESC LIMIT 1")[0][0]
    assert kinds == {kind.__dataclass_fields__["kind"].default for kind in get_args(Event)}, (
        "a new kind: put it in here"
    )
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    everything = [file.read_bytes(), *members.values(), *(name.encode() for name in members)]
    for text in (SECRET, SECRET.lower(), original.hex()):
        wanted = [text.encode(), text.encode("utf-16-le")]
        assert [each for each in wanted for data in everything if each in data] == []
    assert all(original not in data for data in everything)
    assert "The random review is not in it (1 name counts as picked)" in said
    assert "Not in it: 1 frame that cannot be decoded." in said
    typed("import", str(file), "--as", "copy")
    assert "nothing was changed" in typed("verify", "copy").stdout
    before, after = shown(folder.name), shown("copy")
    for key in ("counts", "percent", "reviewed", "cells", "frames", "rejected_by_reason", "signed", "events"):
        assert before[key] == after[key], key
    assert (after["operator"], after["described_by"]) != (before["operator"], before["described_by"])
    assert after["operator"].startswith("person-")
    assert (after["title"], after["note"], after["imported"]["deidentified"]) == ("withheld", "withheld", True)


def test_the_pixels_are_the_same(folder: Path, tmp_path: Path):
    file = tmp_path / "out"
    export(folder, file)
    typed("import", str(file), "--as", "copy")
    with LedgerReader.read(folder) as before, LedgerReader.read(folder.parent / "copy") as after:
        pairs = list(zip(before.seen_frames(), after.seen_frames(), strict=True))
        for old, new in pairs:
            assert isinstance(old.event, Seen)
            assert isinstance(new.event, Seen)
            if not new.event.stored:
                assert before.rejected(old.event.frame) is not None
                continue
            one, other = before.frames.read(old.event.frame), after.frames.read(new.event.frame)
            assert new.event.size_bytes == len(other)
            assert np.array_equal(decode(one), decode(other))
            found = before.found(old.event.frame)
            assert after.found(new.event.frame) == (found and replace(found, frame=new.event.frame))
            assert before.thumbnail(old.event.frame, 0) == after.thumbnail(new.event.frame, 0)
    assert len(pairs) == 4
    connection = connect_to_read(folder.parent / "copy" / "ledger.sqlite")
    assert isinstance(connection, sqlite3.Connection)
    assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    connection.close()


def test_a_jpeg_keeps_its_picture_and_nothing_else():
    field = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    try:
        for kind, same in (("upright", b"\xff\xd8"), ("jpeg", b"\x89PNG"), ("png", b"\x89PNG"), ("tiff", b"\x89PNG")):
            data = picture(kind, field)
            plain = plain_frame(data)
            assert plain is not None
            assert plain.startswith(same), "a turned JPEG is written anew, for what turns it is metadata"
            assert SECRET.encode() in data
            assert SECRET.encode() not in plain
            assert np.array_equal(decode(data), decode(plain))
        hidden = picture("upright", field).replace(b"\xff\xda", b"\xff\xdc\x00\x0f" + b"SECRET height" + b"\xff\xda", 1)
        assert b"SECRET height" not in (plain_frame(hidden) or b""), "a segment that is of no picture"
        assert plain_frame(b"no picture") is None
        for kind in ("upright", "jpeg"):
            data = picture(kind, field)
            if kind == "jpeg":  # progressive: its tables come scan by scan
                data = data.replace(b"Exif\0\0", b"Fixe\0\0", 1)
            hidden = with_tables(data)
            assert np.array_equal(decode(data), decode(hidden))
            plain, without = plain_frame(hidden), plain_frame(data)
            assert plain is not None
            assert plain == without
            assert plain.startswith(b"\xff\xd8"), "still a JPEG"
            assert hidden.count(b"SECRET table") == 3
            assert b"SECRET table" not in plain
    finally:
        close_reader()


def with_tables(jpeg: bytes) -> bytes:
    """Put three tables with a text in front of those of the picture: two that no scan uses, one that is replaced."""

    def segment(marker: int, content: bytes) -> bytes:
        return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content

    def values(length: int) -> bytes:
        return b"SECRET table".ljust(length, b"x")

    huffman = b"\x03" + bytes([0] * 7 + [20] + [0] * 8) + values(20)
    hidden = segment(0xDB, b"\x03" + values(64) + b"\x00" + values(64)) + segment(0xC4, huffman)
    return jpeg.replace(b"\xff\xdb", hidden + b"\xff\xdb", 1)


def test_the_same_text_has_the_same_token_here_and_another_elsewhere(folder: Path, tmp_path: Path, monkeypatch: Any):
    def persons(out: Path) -> list[str]:
        with zipfile.ZipFile(out) as archive:
            path = tmp_path / "ledger"
            path.write_bytes(archive.read("ledger.sqlite"))
        by_hand = sqlite3.connect(path)
        rows = by_hand.execute("SELECT json_extract(body, '$.by') FROM events WHERE kind <> 'opened' ORDER BY number")
        found = [name for (name,) in rows if name]
        by_hand.close()
        return found

    for name in ("one", "two"):
        export(folder, tmp_path / name, *LIGHT)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    key = folder.parent.parent / "deidentify.key"
    assert (key.stat().st_mode & 0o777, len(key.read_bytes())) == (0o600, 32)
    first = persons(tmp_path / "one")
    assert len(set(first)) == len({"by", "reader", "second", "teller", "tester", "chief"})
    key.unlink()
    export(folder, tmp_path / "three", *LIGHT)
    assert not set(first) & set(persons(tmp_path / "three"))
    key.write_bytes(b"short")
    result = typed("export", folder.name, "--format", "archive", "--deidentify", "--out", str(tmp_path / "x"), code=1)
    assert "holds 5 bytes and not 32" in str(result.exception)
    key.chmod(0o644)
    result = typed("export", folder.name, "--format", "archive", "--deidentify", "--out", str(tmp_path / "x"), code=1)
    assert "may be read by others" in str(result.exception)
