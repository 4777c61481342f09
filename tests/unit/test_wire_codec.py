"""Messages to bytes and back; whatever else comes is refused with its code and never raises anything else."""

import time
from contextlib import suppress
from dataclasses import dataclass

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smearwatch.daemon.wire.codec import Unreadable, decode, encode
from smearwatch.daemon.wire.messages import (
    MESSAGES,
    WIRE_VERSION,
    CellsFound,
    CropLease,
    Hello,
    LabelCells,
    OfferFrame,
    Ready,
    Refused,
    WantThumbnails,
)
from smearwatch.daemon.wire.parts import CellOnWire, LabelOnWire

SHA = "ab" * 32
LIMIT = 10_000


def found(**changes):
    cell = CellOnWire(0, (1, 2, 3, 4), (2.5, 4.0), 120.5, False, 0.9)
    fields = {
        "lease": 3,
        "frame": SHA,
        "width_px": 640,
        "height_px": 480,
        "um_per_px": 0.07,
        "um_per_px_source": "red_cells",
        "um_per_px_estimate": None,
        "focus": 0.5,
        "cells": (cell,),
        "cropped": (0,),
        "stages_ms": {"decode": 3.2},
    }
    return CellsFound(**{**fields, **changes})


@pytest.mark.parametrize(
    ("message", "buffers"),
    [
        (Hello("worker", "worker-1", 77), []),
        (OfferFrame(1, "a.jpg", 5, "folder"), [b"\xff\xd8jpeg"]),
        (OfferFrame(1, "a.jpg", 5, "folder", 0.1, "configured"), [b""]),
        (found(), [bytes(300), b"jpeg"]),
        (CropLease(9, SHA, 2, 750), [bytearray(90)]),
        (WantThumbnails(4, ((SHA, 1), (SHA, 2))), []),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_there_and_back(message, buffers):
    back, views = decode(encode(message, buffers), max_bytes=LIMIT)
    assert back == message
    assert [bytes(view) for view in views] == [bytes(buffer) for buffer in buffers]


def test_a_label_of_the_second_reading_is_none_of_the_random_review():
    header = msgpack.unpackb(encode(LabelCells(1, "t", "B", (LabelOnWire(SHA, 0, "band"),), second=True), [])[0])
    assert isinstance(decode([msgpack.packb(header)], max_bytes=LIMIT)[0], LabelCells)
    header["b"]["labels"][0]["drawn"] = True
    with pytest.raises(Unreadable) as refused:
        decode([msgpack.packb(header)], max_bytes=LIMIT)
    assert refused.value.flaw == "bad_body"
    assert "the second reading is none of the random review" in str(refused.value)


def test_buffers_are_not_copied():
    picture = bytearray(5000)
    parts = encode(CropLease(9, SHA, 2, 750), [picture])
    _, (view,) = decode(parts, max_bytes=LIMIT)
    picture[0] = 77
    assert parts[1] is picture
    assert view[0] == 77
    assert view.readonly


def header(**changes):
    fields = {"v": WIRE_VERSION, "k": "ready", "b": {"capacity": 2}, "n": []}
    return msgpack.packb({**fields, **changes})


@dataclass(frozen=True)
class Case:
    name: str
    parts: list[bytes]
    flaw: str


CASES = [
    Case("no parts", [], "empty"),
    Case("not msgpack", [b"\xc1nonsense"], "not_msgpack"),
    Case("truncated header", [header()[:-3]], "not_msgpack"),
    Case("trailing bytes", [header() + b"x"], "not_msgpack"),
    Case("a list", [msgpack.packb([1, 2])], "not_msgpack"),
    Case("a missing key", [msgpack.packb({"v": WIRE_VERSION, "k": "ready"})], "not_msgpack"),
    Case("an extension type", [msgpack.packb(msgpack.ExtType(4, b"os.system"))], "not_msgpack"),
    Case("another version", [header(v=WIRE_VERSION + 1)], "wrong_version"),
    Case("an unknown kind", [header(k="launch")], "unknown_kind"),
    Case("a kind of another type", [header(k=7)], "unknown_kind"),
    Case("an unknown field", [header(b={"capacity": 2, "more": 1})], "bad_body"),
    Case("a missing field", [header(b={})], "bad_body"),
    Case("a text for a number", [header(b={"capacity": "2"})], "bad_body"),
    Case("a number out of range", [header(b={"capacity": -1})], "bad_body"),
    Case("a body that is a list", [header(b=[1])], "bad_body"),
    Case("lengths that are none", [header(n=["a"])], "bad_body"),
    Case("a missing buffer", [header(n=[5])], "truncated"),
    Case("a short buffer", [header(n=[5]), b"1234"], "truncated"),
    Case("an extra buffer", [header(), b"1234"], "truncated"),
    Case("too large", [header(n=[LIMIT + 1]), bytes(LIMIT + 1)], "too_large"),
    Case("too many parts", [header(), *[b""] * 5000], "too_large"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case):
    with pytest.raises(Unreadable) as caught:
        decode(case.parts, max_bytes=LIMIT)
    assert caught.value.flaw == case.flaw
    assert str(caught.value)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_noise_is_only_ever_unreadable(parts):
    with pytest.raises(Unreadable):
        decode(parts, max_bytes=LIMIT)


@given(st.data())
def test_a_flipped_byte_never_breaks_the_reader(data):
    parts = encode(found(), [bytes(300), b"jpeg"])
    flat = bytearray(parts[0])
    at = data.draw(st.integers(0, len(flat) - 1))
    flat[at] ^= data.draw(st.integers(1, 255))
    with suppress(Unreadable):
        message, _ = decode([bytes(flat), *parts[1:]], max_bytes=LIMIT)
        assert message.kind in MESSAGES


@pytest.mark.parametrize(
    "body",
    [
        {"cropped": [""] * 8_000_000}, {"cells": [[]] * 8_000_000}, {"cropped": [""] * 90_000},
        {"cells": [{}] * 90_000}, {"stages_ms": dict.fromkeys(map(str, range(900_000)), "")},
    ],
)  # fmt: skip
def test_a_header_of_nothing_but_wrong_values_costs_next_to_nothing(body):
    """Each wrong value was listed once: a header of eight megabytes took 40 seconds and 10 GB."""
    fields = msgpack.unpackb(encode(found())[0])
    fields["b"] |= body
    parts = [msgpack.packb(fields)]
    began = time.process_time()
    with pytest.raises(Unreadable):
        decode(parts, max_bytes=LIMIT)
    assert time.process_time() - began < 1.0


def test_what_an_answer_repeats_is_cut():
    assert len(Refused("no", "n" * 10_000).detail) == 4096


def test_numbers_that_are_none_are_refused():
    parts = encode(Ready(2))
    fields = msgpack.unpackb(parts[0])
    bad = msgpack.packb(
        {
            **fields,
            "k": "frame_rejected",
            "b": {
                "lease": 1,
                "frame": SHA,
                "reason": "blur",
                "detail": "",
                "value": float("nan"),
                "stages_ms": {},
            },
        }
    )
    with pytest.raises(Unreadable, match="value"):
        decode([bad], max_bytes=LIMIT)


def test_kinds_are_told_apart():
    assert len({message.kind for message in MESSAGES.values()}) == len(MESSAGES)
