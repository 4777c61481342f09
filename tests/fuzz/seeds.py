"""Real small inputs for each reader, which are then altered: one of every message, event, format and file."""

import io
import json
import random
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import imagecodecs
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from smearwatch.clients.exports.archive import FORMAT, ArchiveOptions
from smearwatch.clients.exports.writing import export_session
from smearwatch.daemon.folds import FOLDS_FILE, Folds
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.wire.codec import encode
from smearwatch.daemon.wire.messages import MESSAGES
from tests.czi_files import SubBlock, czi, scaling_xml
from tests.fuzz.messages import messages, possible
from tests.fuzz.readers import CUT
from tests.picture_files import quarters, tiff
from tests.reviewed import close, record

FOUND = Path(__file__).with_name("found")
"""What once got through, a folder for each reader: kept small, and read again by the tests."""


@cache
def seeds(reader: str) -> tuple[bytes, ...]:
    """Return a reader's inputs: sound ones, then those that once got through."""
    kept = [each.read_bytes() for each in sorted((FOUND / reader).glob("*"))]
    return (*_MADE[reader](), *kept)


def altered(data: bytes, luck: random.Random) -> bytes:
    """Return an input with a few things wrong: bits, numbers, pieces left out, doubled, moved, or from elsewhere."""
    out = bytearray(data)
    for _ in range(luck.choice((1, 1, 2, 4, 8))):
        at = luck.randrange(len(out) + 1)
        upto = min(len(out), at + luck.choice((1, 2, 4, 8, 64, 1024)))
        match luck.randrange(7):
            case 0 if at < len(out):
                out[at] ^= 1 << luck.randrange(8)
            case 1:
                out[at:upto] = luck.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"9", b"-", b"[")) * (upto - at)
            case 2:
                del out[at:upto]
            case 3:
                out[at:at] = out[at:upto] * luck.choice((1, 2, 100))
            case 4:
                out[at:at] = luck.choice(_TRICKS)
            case 5:
                del out[at:]
            case _:
                out[at:upto] = luck.randbytes(upto - at)
    return bytes(out)


_TRICKS = (
    b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80" * 8, b"NaN", b"-1", b"1e999", b"9" * 400, b"null", b"{}",
    b"[" * 2000, b"\x91" * 2000, b'{"a":' * 500, b"\xed\xa0\x80", b"\\ud800", b"\xe2\x80\xae", b"../", b"\r\n", b'"',
)  # fmt: skip


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return what a strategy draws first, the same each time."""
    made: list[Any] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def draw(each: Any) -> None:
        made.append(each)

    draw()
    return made


def _one_of_each() -> list[bytes]:
    every = (message for kind in MESSAGES.values() for message in drawn(possible(messages(kind)), 3))
    return [bytes(encode(message)[0]) for message in every]


@cache
def _recorded() -> tuple[tuple[bytes, ...], bytes, bytes]:
    """Return the events of a small session, its ledger, and both as one file."""
    with TemporaryDirectory() as name:
        state = Path(name)
        folder = session_folder(state, "monday")
        record(folder, 9, a_frame=6, again=2, look={"white": 0.4})
        close(folder)
        with LedgerReader.read(folder) as ledger:
            bodies = tuple(body.encode() for (body,) in ledger.rows("SELECT body FROM events"))
            ledger.copy_to(state / "copy")
        packed = sqlite3.connect(state / "copy", isolation_level=None)
        packed.executescript("PRAGMA page_size = 512; VACUUM")
        packed.close()
        export_session(folder, state, state / "out", "archive", FORMAT, ArchiveOptions(), overwrite=False)
        return bodies, (state / "copy").read_bytes(), (state / "out").read_bytes()


def recorded_ledger() -> bytes:
    """Return the ledger of a small session."""
    return _recorded()[1]


def _kept() -> list[bytes]:
    """Return what a hub would keep of its counts in the middle of that session, and at its end."""
    kept = []
    with TemporaryDirectory() as name:
        (Path(name) / "ledger.sqlite").write_bytes(recorded_ledger())
        with LedgerReader.read(Path(name)) as ledger:
            for events in (40, None):
                folds = Folds(ledger)
                folds.take(ledger.events(limit=events))
                folds.keep(ledger, 1)
                kept.append((Path(name) / FOLDS_FILE).read_bytes().partition(b"\n")[2])
    return kept


def _pictures() -> list[bytes]:
    bgr = quarters()[::2, ::2].copy()
    rgb = Image.fromarray(bgr[..., ::-1])
    made = [tiff(bgr[..., ::-1], photometric="rgb", **options) for options in (
        {}, {"compression": "lzw", "predictor": True}, {"compression": "deflate"}, {"bigtiff": True}, {"ome": True},
        {"tile": (16, 16)}, {"byteorder": ">"}, {"compression": "jpeg"}, {"compression": "packbits"},
        {"resolution": (1e5, 1e5), "resolutionunit": 3}, {"imagej": True, "metadata": {"unit": "um"}},
    )]  # fmt: skip
    made += [tiff(np.stack([bgr[..., 0]] * 3), photometric="minisblack", ome=True, metadata={"axes": "CYX"})]
    for kind, options in (
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"}),
    ):  # fmt: skip
        out = io.BytesIO()
        rgb.save(out, kind, **options)
        made.append(out.getvalue())
    for suffix, pixels in ((".png", bgr.astype(np.uint16) * 257), (".png", np.dstack([bgr, bgr[..., :1]]))):
        made.append(cv2.imencode(suffix, pixels)[1].tobytes())
    out = io.BytesIO()
    rgb.quantize(8).save(out, "PNG")
    made.append(out.getvalue())
    packed = {
        1: imagecodecs.jpeg8_encode(bgr),
        4: imagecodecs.jpegxr_encode(bgr),
        5: imagecodecs.zstd_encode(bgr.tobytes()),
    }
    made.append(czi(SubBlock(bgr), xml=scaling_xml()))
    made += [czi(SubBlock(bgr, compression=kind, packed=data), xml=scaling_xml()) for kind, data in packed.items()]
    return made


def _settings() -> list[bytes]:
    whole = b"""target = 200\num_per_px = 0.1\nband_rule = "filament"\nkeep_days = 30\nreview = true
extra_classes = {hairy_cell = {key = "h", counts = "per_100"}}\n[keys]\nband = "b"\n[places]
home = {folder = "/tmp"}\n[messages]\nfolder = "/tmp"\nformat = "hl7"\n"""
    return [b"", whole, b"target = 5" + CUT + b'{"band": "b"}', CUT + b'[{"folder": "/tmp"}]', CUT + b"1920x1080"]


def _labels() -> list[bytes]:
    return [
        b"frame,index,label\n" + b"a" * 64 + b",0,band\n" + b"a" * 64 + b",1,segmented\n",
        b'\xef\xbb\xbfname;x;y;label\r\n"0.jpg";1,5;2;\'=band\r\n;;;\r\n',
    ]


def _notes() -> list[bytes]:
    return [
        json.dumps(each).encode()
        for each in (
            {"accounts": [{"name": "A", "role": "reader", "password": "scrypt$16384$8$1$aa$bb"}]},
            {"aa" * 32: {"name": "A", "under": "b", "until_s": 1.0}},
            {"name": "home", "um_per_px": 0.1, "width_px": 640, "height_px": 480, "measured_at_ns": 1},
            {"session": "t", "by": "A", "deleted_at_ns": 1},
            {"by": "A", "began_at_ns": 1, "order": "cells", "fields": [], "not_shown": []},
            {"9 1 0.jpg": 2},
        )
    ]


_MADE: dict[str, Callable[[], list[bytes]]] = {
    "message": _one_of_each,
    "event": lambda: [*_recorded()[0]],
    "ledger": lambda: [_recorded()[1]],
    "folds": _kept,
    "picture": _pictures,
    "side_file": lambda: [scaling_xml(), scaling_xml("1e-7", None)],
    "settings": _settings,
    "labels": _labels,
    "archive": lambda: [_recorded()[2]],
    "notes": _notes,
}
