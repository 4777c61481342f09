"""Which right each message takes: none is left out, and none takes less than it should."""

import pytest

from smearwatch.daemon.wire.messages import MESSAGES, ControlRun, Hello, Ready
from smearwatch.daemon.wire.rights import _ANY_OF, ALL, needed

# What the hub alone sends; nobody gets anything for sending it.
FROM_THE_HUB = {
    "welcome", "frame_taken", "frame_lease", "crop_lease", "snapshot", "events", "thumbnails", "frame_bytes",
    "labels_taken", "agreed", "event", "pulse", "refused", "pause_reading", "take_stalled", "draw_line", "hold_line",
}  # fmt: skip


def test_every_message_to_the_hub_takes_a_right():
    ruled = {message.kind for message in _ANY_OF} | {"hello"}
    assert ruled | FROM_THE_HUB == set(MESSAGES)
    assert not ruled & FROM_THE_HUB


@pytest.mark.parametrize(
    ("message", "rights"),
    [
        (Hello("worker", "w", 1), {"work"}),
        (Hello("source", "s", 1), {"feed"}),
        (Hello("finder", "f", 1), {"feed"}),
        (ControlRun(1, "stop"), {"control"}),
        (ControlRun(1, "state"), {"watch", "control"}),
        (Ready(1), {"feed", "work"}),
    ],
)
def test_who_may_what(message, rights):
    assert needed(message) == rights


def test_who_watches_changes_nothing():
    changes = {
        "label_cells",
        "describe_session",
        "keep_tally",
        "begin_next",
        "offer_frame",
        "cells_found",
        "crop_judged",
    }
    watched = {message.kind for message, rights in _ANY_OF.items() if "watch" in rights}
    assert watched == {"follow", "want_snapshot", "want_events", "want_thumbnails"}
    assert not watched & changes
    assert len(ALL) == 4
