import dataclasses
import json
import math

import pytest

from smearwatch.daemon.record.events import (
    CLASSES,
    LABELS,
    VERDICTS,
    Amended,
    Closed,
    Counted,
    Event,
    EventInvalid,
    Found,
    FoundCell,
    Labelled,
    Opened,
    Rejected,
    Replaced,
    Seen,
    Signed,
    Stage,
    event_from_bytes,
    event_to_bytes,
)
from smearwatch.daemon.record.signature import Overruled, SignedResult
from smearwatch.models import classes

FRAME = "ab" * 32
SIX = (0.5, 0.1, 0.1, 0.1, 0.1, 0.1)
SEEN = Seen(FRAME, "Zählkammer 1.jpg", 3, 4, 0.11, "configured", True, "folder")
FOUND = Found(FRAME, 9, 9, 0.11, "x", None, 0.5, (FoundCell(0, (1, 2, 3, 4), (2.5, 4.0), 131.25, False, 0.97),))
RESULT = SignedResult(1, 1, {"band": 3, "monocyte": 0}, 0, {"blast": 1}, {"smudge": 2}, 0, 1)
COUNTED = Counted(FRAME, 0, "band", "flagged", SIX, SIX, 0.02, "cd" * 32)
SECOND = Labelled(FRAME, 0, "band", "Dr. Weiß", 1, 9, Replaced.of(COUNTED), "second")
EVENTS: list[Event] = [
    Opened(1, 5, "0.1.0", "monday", 100, 33.0, "filament", {"b": 1.5, "a": None, "c": True, "d": "x", "e": 2}),
    SEEN,
    Seen(FRAME, "", 0, 0, None, None, False, "camera"),
    Rejected(FRAME, "out_of_focus", "too soft", 0.125),
    Rejected(FRAME, "empty_file", "", None),
    Found(FRAME, 1440, 900, 0.11, "red_cells", 0.1, 0.5, ()),
    FOUND,
    COUNTED,
    Closed(2, True, {"decode": Stage(3, 1.5, 2.25)}, {"dropped": 0}),
    Labelled(FRAME, 0, "immature_granulocyte", "Dr. Müller", 2, 7),
    Labelled(FRAME, 0, "blast", "Dr. Müller", 3, 8, Replaced.of(COUNTED)),
    SECOND,
    Labelled(FRAME, 0, "band", "Dr. Weiß", 1, 9, Replaced.of(COUNTED), drawn=True),
    Signed("Dr. Müller", 9, 1, RESULT, ("cd" * 32,), (Overruled("target", "a child's smear"),)),
    Signed("Dr. Müller", 9, 2, RESULT, (), (), "seen twice"),
    Amended("Dr. Weiß", "a cell was overlooked", 10, 1),
]


def test_classes_are_those_of_the_models():
    assert classes.CLASSES == CLASSES


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_bytes_and_back(event):
    body = event_to_bytes(event)
    assert event_from_bytes(body) == event
    assert event_to_bytes(event_from_bytes(body)) == body


def test_the_canonical_form_is_fixed():
    assert (
        event_to_bytes(SEEN)
        == (
            '{"captured_at_ns":4,"frame":"' + FRAME + '","kind":"seen","name":"Zählkammer 1.jpg","size_bytes":3,'
            '"source":"folder","stored":true,"um_per_px":0.11,"um_per_px_source":"configured"}'
        ).encode()
    )


def test_a_label_of_before_keeps_its_bytes():
    spelt = '{"by":"Dr. Müller","frame":"' + FRAME + '","index":0,"kind":"labelled","label":"immature_granulocyte",'
    assert event_to_bytes(EVENTS[9]) == (spelt + '"labelled_at_ns":7,"ordinal":2}').encode()


def test_a_verdict_of_the_reference_keeps_its_bytes_and_another_engine_is_named():
    assert b"engine" not in event_to_bytes(COUNTED)
    fused = dataclasses.replace(COUNTED, engine="fused")
    assert b'"engine":"fused"' in event_to_bytes(fused)
    assert event_from_bytes(event_to_bytes(fused)) == fused


def test_whole_numbers_and_floats_of_one_value_are_one_event():
    assert event_to_bytes(dataclasses.replace(FOUND, um_per_px=1)) == event_to_bytes(
        dataclasses.replace(FOUND, um_per_px=1.0)
    )


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_events_do_not_change(event):
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.kind = "other"
    for value in (getattr(event, field.name) for field in dataclasses.fields(event)):
        assert not isinstance(value, dict | list)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (SEEN, {"frame": "ab"}),
        (SECOND, {"drawn": True}),
        (SEEN, {"frame": "AB" * 32}),
        (SEEN, {"frame": FRAME + "\n"}),
        (SEEN, {"size_bytes": -1}),
        (SEEN, {"size_bytes": 1.0}),
        (SEEN, {"size_bytes": True}),
        (SEEN, {"stored": 1}),
        (SEEN, {"um_per_px": 0.0}),
        (SEEN, {"um_per_px": math.nan}),
        (SEEN, {"um_per_px_source": None}),
        (SEEN, {"kind": "found"}),
        (EVENTS[0], {"epoch": 0}),
        (EVENTS[0], {"target": 0}),
        (EVENTS[0], {"session": ""}),
        (EVENTS[0], {"settings": {"a": [1]}}),
        (EVENTS[3], {"reason": ""}),
        (EVENTS[3], {"value": math.inf}),
        (FOUND, {"width_px": 0}),
        (FOUND, {"cells": FOUND.cells * 2}),
        (COUNTED, {"cls": "Band"}),
        (COUNTED, {"verdict": "sure"}),
        (COUNTED, {"engine": "a b"}),
        (COUNTED, {"engine": ""}),
        (COUNTED, {"index": -1}),
        (COUNTED, {"probabilities": SIX[:5]}),
        (COUNTED, {"probabilities": (*SIX, 0.0)}),
        (COUNTED, {"verifiers": SIX[:5]}),
        (COUNTED, {"probabilities": (*SIX, 0.0), "verifiers": (*SIX, 0.0)}),
        (COUNTED, {"probabilities": SIX[:5], "verifiers": SIX[:5]}),
        (COUNTED, {"probabilities": (1.5, *SIX[1:])}),
        (EVENTS[9], {"label": "metamyelocyte"}),
        (EVENTS[9], {"machine": "band"}),
        (EVENTS[9], {"by": ""}),
        (EVENTS[9], {"ordinal": 0}),
        (EVENTS[8], {"stages": {"decode": Stage(0, 0.0, 0.0), "crop": 1}}),
    ],
)
def test_a_wrong_value_is_refused(given, wrong):
    with pytest.raises(ValueError, match=r"validation error"):
        dataclasses.replace(given, **wrong)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"kind":"unheard"}',
        event_to_bytes(SEEN)[:-1],
        event_to_bytes(SEEN)[:-1] + b',"more":1}',
        event_to_bytes(SEEN).replace(b'"size_bytes":3', b'"size_bytes":"3"'),
        event_to_bytes(SEEN).replace(b'"size_bytes":3,', b""),
        event_to_bytes(SEEN).replace(b"0.11", b"NaN"),
        b"\xff" + event_to_bytes(SEEN),
    ],
)
def test_bytes_that_are_no_event(body):
    with pytest.raises(EventInvalid, match="not an event") as caught:
        event_from_bytes(body)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_name_that_no_text_can_hold_is_still_recorded():
    seen = dataclasses.replace(SEEN, name=b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    assert event_from_bytes(event_to_bytes(seen)) == seen
    assert json.loads(event_to_bytes(seen))["name"] == "caf?.jpg"


def test_every_label_is_accepted():
    for label in LABELS:
        event = Labelled(FRAME, 0, label, "reader", 1, 0)
        assert event_from_bytes(event_to_bytes(event)) == event


def test_verdicts_are_accepted_and_no_others():
    for verdict in VERDICTS:
        assert dataclasses.replace(COUNTED, verdict=verdict).verdict == verdict
