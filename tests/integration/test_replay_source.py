"""A recorded session as a source: the same frames, in order, at the scale that was used then."""

import pytest

from smearwatch.capture.sources.replay import ReplaySource
from smearwatch.daemon.compare_sessions import compare
from smearwatch.daemon.record.events import Counted, Found, FoundCell, Opened, Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader

pytestmark = pytest.mark.integration

SIX = (0.0, 0.0, 0.0, 0.0, 0.1, 0.9)
REFUSED = "ee" * 32


def seen(frame, name, *, um_per_px=None, stored=True):
    return Seen(frame, name, 4, 5, um_per_px, "configured" if um_per_px else None, stored, "folder")


def record(state, name, cls="lymphocyte", cells=1):
    """A session with a found frame, one rejected for its focus, one that was never readable, one refused."""
    folder = state / "sessions" / name
    with Ledger.open(folder, session=name) as ledger:
        a, b, c = (ledger.frames.put(data) for data in (b"aaaa", b"bbbb", b"cccc"))
        found = tuple(FoundCell(i, (1, 2, 3, 4), (2.0, 3.0), 90.0, False, 0.9) for i in range(cells))
        ledger.append([Opened(ledger.epoch, 1, "t", name, 100, 33.0, "rule", {})])
        ledger.append([seen(a, "a.jpg"), seen(b, "b.jpg"), seen(c, "c.jpg", um_per_px=0.2)])
        ledger.append([seen(REFUSED, "d.jpg", stored=False), Rejected(REFUSED, "file_too_large", "9 GB", None)])
        ledger.append([Found(a, 640, 480, 0.071, "red_cells", 0.069, 0.8, found)])
        ledger.append([Rejected(b, "out_of_focus", "soft", 0.1, 0.073), Rejected(c, "truncated", "no end", None)])
        ledger.append([Counted(a, i, cls, "confirmed", SIX, SIX, 0.01, "cd" * 32) for i in range(cells)])
    return folder, (a, b, c)


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


def test_frames_come_back_with_the_scale_of_then(tmp_path):
    folder, _ = record(tmp_path, "old")
    with LedgerReader.read(folder) as ledger:
        source = ReplaySource(ledger, speed=None)
        assert source.state().waiting == 4
        frames = [*source.ready(3), *source.ready(3)]
        assert source.ready(3) == []
        assert source.state().finished
    told = [(f.name, f.data, f.um_per_px, f.um_per_px_source) for f in frames]
    # In the order in which they got their outcomes: the one that could not be taken had it at once.
    assert told == [
        ("d.jpg", None, None, None),
        ("a.jpg", b"aaaa", 0.071, "red_cells"),
        ("b.jpg", b"bbbb", 0.073, "red_cells"),
        ("c.jpg", b"cccc", 0.2, "configured"),
    ]
    assert (frames[0].refusal, frames[0].refused_as) == (("file_too_large", "9 GB"), REFUSED)


@pytest.mark.parametrize("reason", ["scale_changed", "scale_unknown"])
@pytest.mark.parametrize("given", [None, 0.092])
def test_what_red_cells_rejected_comes_back_as_it_came(tmp_path, reason, given):
    folder = tmp_path / "sessions" / "old"
    with Ledger.open(folder, session="old") as ledger:
        frame = ledger.frames.put(b"aaaa")
        ledger.append([Opened(ledger.epoch, 1, "t", "old", 100, 33.0, "rule", {})])
        ledger.append([seen(frame, "a.jpg", um_per_px=given), Rejected(frame, reason, "odd", None, 0.147)])
    with LedgerReader.read(folder) as ledger:
        (again,) = ReplaySource(ledger, speed=None).ready(1)
    assert (again.um_per_px, again.um_per_px_source) == (given, None if given is None else "configured")


def test_the_pace_is_the_recorded_one(tmp_path):
    folder = tmp_path / "sessions" / "slow"
    times = iter(range(10**9, 10**12, 2 * 10**9))
    with Ledger.open(folder, session="slow", clock_ns=lambda: next(times)) as ledger:
        for data in (b"aaaa", b"bbbb"):
            ledger.append([seen(ledger.frames.put(data), "x.jpg")])
    clock = Clock()
    with LedgerReader.read(folder) as ledger:
        source = ReplaySource(ledger, speed=4.0, clock=clock)
        assert len(source.ready(4)) == 1
        clock.now += 0.4
        assert source.ready(4) == []
        clock.now += 0.2
        assert len(source.ready(4)) == 1


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, {"identical": True, "cells_same": 2, "differing": 0, "only_before": 0, "only_after": 0}),
        ({"cls": "monocyte"}, {"identical": False, "cells_same": 0, "differing": 2, "only_before": 0, "only_after": 0}),
        ({"cells": 1}, {"identical": False, "cells_same": 1, "differing": 1, "only_before": 1, "only_after": 0}),
        ({"cells": 3}, {"identical": False, "cells_same": 2, "differing": 1, "only_before": 0, "only_after": 1}),
    ],
    ids=["the same", "another class", "a cell less", "a cell more"],
)
def test_two_sessions_are_compared_cell_by_cell(tmp_path, other, expected):
    record(tmp_path, "before", cells=2)
    record(tmp_path, "after", **{"cells": 2, **other})
    comparison = compare(tmp_path, "before", "after")
    assert {key: comparison[key] for key in expected} == expected
