"""From a worker's answers to one alarm, told alike by the hub, a late client, the ledger and its export."""

import json

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.recorded import recorded_view
from smearwatch.daemon.record.events import Ranged
from smearwatch.daemon.record.mark import WORDS
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import CropLease, FrameLease, Refused, Snapshot, WantSnapshot
from smearwatch.daemon.wire.parts import RangeOnWire
from tests.integration.hub_bench import cells, judged

pytestmark = pytest.mark.integration

RANGES = (RangeOnWire("home", 500, {"nucleus_green": (1.0, 2.0)}),)
PALE = {"nucleus_green": 0.5}


def count(bench, finder, worker, **changes):
    """Let finder and worker do all that there is to do."""
    while leases := bench.hear(finder, FrameLease):
        for lease, _ in leases:
            finder.send(*cells(lease))
        for crop, _ in bench.hear(worker, CropLease):
            worker.send(judged(crop, **changes))
    bench.turn()


def test_one_alarm_for_everybody(bench):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, *(b"%d" % n for n in range(14)))
    count(bench, finder, worker, look=PALE, ranges=RANGES)
    told = tally_json(bench.journal.fold, "t", bench.ledger.last_number)
    assert (told["cells"], told["drift"]["what"], told["drift"]["times"]) == (14, "nuclei paler", 2.0)
    assert told["drifted"] == {"episodes": 1, "cells": 3, "watched": 14}

    client = bench.peer("client", "c")
    client.send(WantSnapshot(1))
    ((snapshot, _),) = bench.hear(client, Snapshot)
    late = TallyFold.restore(json.loads(snapshot.tally))
    assert tally_json(late, "t", snapshot.number) == told

    recorded = [entry.event for entry in bench.ledger.events()]
    assert sum(isinstance(event, Ranged) for event in recorded) == 1
    again = TallyFold()
    for event in recorded:
        again.apply(event)
    assert tally_json(again, "t", len(recorded)) == told
    assert list(verify(bench.ledger)) == []
    bench.crash()
    assert recorded_view(bench.plan.settings.state_dir, "t").tally == told | {"corrected": None}
    with LedgerReader.read(bench.folder) as ledger:
        rows = list(cell_rows(ledger))
    assert [row["drift"] for row in rows].count(True) == 3
    assert {row["look_nucleus_green"] for row in rows} == {0.5}

    bench.open()
    assert tally_json(bench.journal.fold, "t", len(recorded)) == told


def test_weights_that_do_not_say_what_they_met(bench):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, *(b"%d" % n for n in range(14)))
    count(bench, finder, worker, look=PALE)
    told = tally_json(bench.journal.fold, "t", bench.ledger.last_number)
    assert (told["cells"], told["drift"], told["drifted"]["watched"]) == (14, None, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"look": {"nucleus_green": -1.0}, "ranges": RANGES},
        {"look": PALE, "ranges": (RangeOnWire("home", 5, {"nucleus_green": (2.0, 1.0)}),)},
        {"look": PALE, "ranges": RANGES * 2},
    ],
    ids=["a look below zero", "limits in no order", "two kinds of a name"],
)
def test_an_impossible_look_is_refused_and_its_cell_counted_later(bench, changes):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 1)
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, **changes))
    ((refused, _),) = bench.hear(worker, Refused)
    assert refused.code == "impossible_answer"
    assert bench.journal.counters["impossible_answers"] == 1
    ((again, _),) = bench.hear(worker, CropLease) or [(None, None)]
    assert again is not None
    worker.send(judged(again, look=PALE, ranges=RANGES))
    bench.turn()
    assert bench.frames == {"seen": 1, "counted": 1, "rejected": 0, "pending": 0}


def test_an_unfamiliar_cell_goes_from_the_worker_to_tally_and_export(bench):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, *(b"%d" % n for n in range(4)))
    count(bench, finder, worker, look=PALE, ranges=RANGES, unfamiliar=True, verdict="flagged")
    told = tally_json(bench.journal.fold, "t", bench.ledger.last_number)
    assert (told["cells"], told["unfamiliar"], told["mark"]) == (4, 4, WORDS)
    assert list(verify(bench.ledger)) == []
    assert {(row["unfamiliar"], row["mark"]) for row in cell_rows(bench.ledger)} == {(True, WORDS)}


def test_a_confirmed_unfamiliar_cell_is_impossible(bench):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, b"one")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop, unfamiliar=True))
    ((refused, _),) = bench.hear(worker, Refused)
    assert "cannot be confirmed" in refused.detail
