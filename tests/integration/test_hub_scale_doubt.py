"""Over sockets: a picture not sure of its scale is recorded, and named once another objective was seen."""

from dataclasses import replace

import pytest

from smearwatch.daemon.record.events import Found
from smearwatch.daemon.record.schema import SCALE_FORM
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import FrameLease
from tests.integration.hub_bench import cells, rejected

pytestmark = pytest.mark.integration


def answer(bench, finder, *, unsure=False, other=False):
    ((lease, _),) = bench.hear(finder, FrameLease, least=1)
    if other:
        finder.send(replace(rejected(lease), reason="scale_changed", value=1.6, um_per_px=0.1))
    else:
        message, buffers = cells(lease, whole=0)
        finder.send(replace(message, scale_unsure=unsure), buffers)
    bench.turn()


def test_a_picture_that_is_not_sure_is_named_once_another_objective_was_seen(bench):
    source, finder, _ = bench.peer("source", "s"), bench.peer("finder", "f", 1), bench.peer("worker", "w", 4)
    bench.offer(source, b"one", b"two", b"three", b"four")
    answer(bench, finder)
    answer(bench, finder, unsure=True)
    assert [event.scale_unsure for event in bench.ledger.found_frames()] == [None, True]
    assert bench.ledger.rows("PRAGMA user_version") == [(SCALE_FORM,)]
    bench.crash()
    bench.open()
    finder, _ = bench.peer("finder", "f2", 1), bench.peer("worker", "w2", 4)
    assert bench.journal.fold.scale_contradicted is None
    answer(bench, finder, other=True)
    odd = bench.journal.fold.scale_contradicted
    assert odd is not None
    second = next(each for each in bench.ledger.found_frames() if each.scale_unsure)
    seen = bench.ledger.seen(second.frame)
    assert seen is not None
    assert (odd["in_doubt"], odd["frames"]) == ([seen.name], 1)
    answer(bench, finder, unsure=True)
    bench.crash()
    bench.open()
    odd = bench.journal.fold.scale_contradicted
    assert odd is not None
    assert odd["frames"] == 2
    assert all(isinstance(each, Found) for each in bench.ledger.found_frames())
    assert list(verify(bench.ledger)) == []
