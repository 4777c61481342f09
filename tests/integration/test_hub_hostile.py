"""Workers, finders, sources and labellers gone wrong: refused and counted, and the count is what it would have been."""

from dataclasses import replace
from typing import Any

import msgpack
import pytest

from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.codec import encode
from smearwatch.daemon.wire.messages import (
    CropLease,
    FrameLease,
    FrameTaken,
    LabelCells,
    LeaseFailed,
    OfferFrame,
    Ready,
    Refused,
    RefuseFrame,
    SourceState,
)
from smearwatch.daemon.wire.parts import CellOnWire, LabelOnWire
from tests.integration.hub_bench import Bench, cells, judged, rejected

pytestmark = pytest.mark.integration

FRAMES, CELLS, AT_ONCE = 3, 4, 6
NAN, INF = float("nan"), float("inf")
OTHERS = "ee" * 32


def send_raw(peer, message, buffers=(), **body):
    """Send a message with values that its class refuses, as a program of another make may."""
    head = msgpack.unpackb(encode(message, buffers)[0])
    head["b"] |= body
    peer.socket.send_multipart([msgpack.packb(head), *buffers])


def alter(**changes):
    return lambda crop, worker: worker.send(judged(crop, **changes))


def another(**changes):
    return lambda crop, worker: worker.send(replace(judged(crop), **changes))


def raw(**body):
    return lambda crop, worker: send_raw(worker, judged(crop), **body)


def moments(*sizes):
    return lambda crop, worker: worker.send(judged(crop), [bytes(size) for size in sizes])


SIX = (0.0, 0.0, 0.0, 0.0, 0.1, 0.9)
# What a worker does, and the counter that tells of it.
WRONG = {
    "twice": (lambda crop, worker: (honest(crop, worker), honest(crop, worker)), "late_answers"),
    "a lease that never was": (another(lease=10**6), "late_answers"),
    "another cell": (another(index=77), "impossible_answers"),
    "another frame": (another(frame=OTHERS), "impossible_answers"),
    "NaN": (raw(probabilities=[NAN] * 6), "wire_bad_body"),
    "infinite": (raw(verifiers=[INF] * 6), "wire_bad_body"),
    "negative": (alter(probabilities=(-0.1, 0.2, 0.0, 0.0, 0.0, 0.9)), "impossible_answers"),
    "a verifier above one": (alter(verifiers=(0.0,) * 5 + (1.5,)), "impossible_answers"),
    "a sum of three": (alter(probabilities=(0.5,) * 6), "impossible_answers"),
    "a sum of nothing": (alter(probabilities=(0.0,) * 6), "impossible_answers"),
    "an unknown class": (alter(cls="plasma cell"), "impossible_answers"),
    "an engine without a name": (alter(engine="no name"), "impossible_answers"),
    "an unknown verdict": (raw(verdict="certain"), "wire_bad_body"),
    "an unknown value": (raw(sure=True), "wire_bad_body"),
    "a reject score of seven": (alter(reject_score=7.0), "impossible_answers"),
    "other weights than announced": (alter(weights=OTHERS), "impossible_answers"),
    "a look below zero": (alter(look={"white": -1.0}), "impossible_answers"),
    "a million of buffers' bytes": (moments(1_000_000), "impossible_answers"),
    "buffers without end": (lambda crop, worker: worker.send(judged(crop), [b"1234"] * 5000), "wire_too_large"),
    "more than a message may have": (moments(21_000_000), "wire_too_large"),
    "moments of an odd shape": (moments(6), "impossible_answers"),
    "moments twice": (moments(8, 8), "impossible_answers"),
    "empty moments": (moments(0), "impossible_answers"),
    "it cannot": (lambda crop, worker: worker.send(LeaseFailed(crop.lease, "no")), "leases_failed"),
}


def count(bench, *workers):
    """Offer all frames and let everybody do their part until nothing is pending; of each worker, what it does."""
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 2)
    staff = [(bench.peer("worker", str(n), capacity), answer) for n, (capacity, answer) in enumerate(workers)]
    bench.offer(source, *(f"picture {n}".encode() for n in range(FRAMES)))
    for _ in range(60):
        for lease, _ in bench.hear(finder, FrameLease):
            finder.send(*cells(lease, whole=CELLS, edge=1))
        for worker, answer in staff:
            for crop, _ in bench.hear(worker, CropLease):
                answer(crop, worker)
        bench.turn()
        if not bench.frames["pending"]:
            return
        bench.now += 1.0
        for peer, capacity in ((finder, 2), *((worker, workers[n][0]) for n, (worker, _) in enumerate(staff))):
            peer.send(Ready(capacity))
    raise AssertionError("the count does not come to its end")


def honest(crop, worker):
    cls = ("band", "lymphocyte", "monocyte", "segmented")[crop.index]
    worker.send(judged(crop, cls=cls))


def result(bench):
    """What was counted, whoever counted it and when."""
    frames = [recorded.event.frame for recorded in bench.ledger.seen_frames()]
    verdicts = [
        (each.frame, each.index, each.cls, each.verdict, each.poisoned)
        for f in frames
        for each in bench.ledger.counted(f)
    ]
    return verdicts, bench.frames, bench.journal.fold.counts, bench.journal.fold.at_edge


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("undisturbed"))
    count(bench, (2, honest))
    outcome = result(bench)
    bench.close()
    assert len(outcome[0]) == FRAMES * CELLS
    return outcome


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, lease_s=2.0)
    yield bench
    bench.close()


@pytest.mark.parametrize("first", range(0, len(WRONG), AT_ONCE))
def test_workers_gone_wrong_change_no_verdict(bench, undisturbed, first):
    several = [*WRONG.items()][first : first + AT_ONCE]
    did = set()

    def doing(name, wrong):
        def answer(crop, worker):
            did.add(name)
            wrong(crop, worker)

        return answer

    count(bench, *((1, doing(name, wrong)) for name, (wrong, _) in several), (1, honest))
    assert result(bench) == undisturbed
    assert did == {name for name, _ in several}
    for _, (_, counter) in several:
        assert bench.journal.counters[counter] >= 1, counter
    assert list(verify(bench.ledger)) == []


def test_late_answers_and_those_to_the_leases_of_others(bench, undisturbed):
    held = []

    def late(crop, worker):
        held.append(crop)

    def thief(crop, worker):
        for stolen in held:
            worker.send(judged(stolen, cls="basophil"))
        honest(crop, worker)

    count(bench, (2, late), (1, thief))
    assert result(bench) == undisturbed
    assert bench.journal.counters["answers_to_anothers_lease"] >= 1
    assert bench.journal.counters["late_answers"] >= 1


def outside(lease, **changes):
    message, buffers = cells(lease, whole=1)
    return replace(message, cells=(replace(message.cells[0], **changes),)), buffers


def listed(*indices):
    cell = CellOnWire(0, (0, 0, 8, 8), (4.0, 4.0), 100.0, True, 0.9)
    return {"cells": tuple(replace(cell, index=index) for index in indices), "cropped": ()}


FOUND_WRONG = {
    "a box outside": lambda lease: outside(lease, box=(639, 0, 8, 8)),
    "a box before the picture": lambda lease: outside(lease, box=(-1, 0, 8, 8)),
    "a huge box": lambda lease: outside(lease, box=(0, 0, 2**62, 2**62)),
    "a box of nothing": lambda lease: outside(lease, box=(0, 0, 0, 0)),
    "a centre outside": lambda lease: outside(lease, centre_xy_px=(4.0, 481.0)),
    "an area beyond the frame": lambda lease: outside(lease, area_um2=1e300),
    "indices twice": lambda lease: (cells(lease, **listed(3, 3))[0], [b"jpeg"] * 2),
    "ten thousand cells": lambda lease: (cells(lease, **listed(*range(10_000)))[0], [b"jpeg"]),
    "a frame of any size": lambda lease: cells(lease, width_px=2**62, height_px=2**62),
    "a thumbnail of a megabyte": lambda lease: (cells(lease)[0], [cells(lease)[1][0], bytes(1 << 20)]),
    "another frame": lambda lease: (
        cells(lease, whole=1, edge=0) and (replace(cells(lease)[0], frame=OTHERS), cells(lease)[1])
    ),
}
UNREADABLE: dict[str, Any] = {
    "focus": NAN,
    "um_per_px": INF,
    "width_px": -1,
    "cropped": [0.5] * 90_000,
    "cells": [{}] * 90_000,
    "more": 1,
}


def test_findings_gone_wrong_are_refused_and_the_frame_is_searched_again(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 1)
    bench.peer("worker", "w", 1)

    def finding(name):
        if name in UNREADABLE:
            return lambda lease: send_raw(finder, *cells(lease), **{name: UNREADABLE[name]})
        return lambda lease: finder.send(*FOUND_WRONG[name](lease))

    wrongs = [(name, finding(name)) for name in (*FOUND_WRONG, *UNREADABLE)]
    for n, (name, wrong) in enumerate(wrongs):
        bench.offer(source, f"picture {n}".encode())
        ((lease, _),) = bench.hear(finder, FrameLease)
        wrong(lease)
        code = "bad_body" if name in UNREADABLE else "impossible_answer"
        assert bench.hear(finder, Refused)[0][0].code == code, name
        ((again, _),) = bench.hear(finder, FrameLease)
        assert again.frame == lease.frame
        finder.send(rejected(again))
    bench.turn()
    assert bench.frames == {"seen": len(wrongs), "counted": 0, "rejected": len(wrongs), "pending": 0}
    assert bench.journal.fold.rejected_by_reason == {"undecodable": len(wrongs)}
    assert bench.journal.counters["impossible_answers"] == len(FOUND_WRONG)
    assert bench.journal.counters["wire_bad_body"] == len(UNREADABLE)


NAMES = ("\x1b[2J\x1b]0;x\x07.jpg", "a\nb.jpg", "\u202egpj.exe", "\0.jpg", "../../etc/passwd", "", "n" * 4096)


def test_a_source_gone_wrong_is_recorded_as_it_is_or_refused(bench):
    source = bench.peer("source", "s")
    for n, name in enumerate(NAMES):
        source.send(OfferFrame(n, name, 2**63 - 1, "folder"), [f"picture {n}".encode()])
    assert len(bench.hear(source, FrameTaken)) == len(NAMES)
    wrong: list[dict[str, Any]] = [
        {"name": "n" * 4097}, {"captured_at_ns": NAN}, {"captured_at_ns": -1}, {"captured_at_ns": 2**63},
        {"um_per_px": NAN}, {"um_per_px": 0.0}, {"um_per_px": -0.1}, {"um_per_px": 1e9},
    ]  # fmt: skip
    for body in wrong:
        send_raw(source, OfferFrame(1, "a.jpg", 5, "folder"), [b"picture"], **body)
    for digest in ("", "e" * 63, "E" * 64, "../" + "e" * 61):
        send_raw(source, RefuseFrame(1, "a.jpg", 5, "folder", OTHERS, 9, "file_too_large", ""), frame=digest)
    source.send(OfferFrame(1, "a.jpg", 5, "folder", 0.1), [b"scale of nobody"])
    source.send(OfferFrame(1, "a.jpg", 5, "folder"), [])
    source.send(OfferFrame(1, "a.jpg", 5, "folder"), [b"one", b"two"])
    assert len(bench.hear(source, Refused)) == len(wrong) + 4 + 3
    assert bench.journal.counters["wire_bad_body"] == len(wrong) + 4 + 3
    for _ in range(3):
        bench.peer("source", "s").send(SourceState(2**63 - 1, True, False, {"leases_expired": 2**63 - 1}))
    bench.now += 2.0
    bench.turn()
    bench.hub.pulse()
    assert bench.frames["seen"] == len(NAMES)
    assert [each.event.name for each in bench.ledger.seen_frames()] == list(NAMES)
    assert list(verify(bench.ledger)) == []


def test_labels_gone_wrong_are_refused_whole_and_counted(bench):
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 1), bench.peer("worker", "w", 1)
    (frame,) = bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=1, edge=1))
    ((crop, _),) = bench.hear(worker, CropLease)
    honest(crop, worker)
    bench.turn()
    client = bench.peer("client", "c")
    before = bench.ledger.last_number
    good = LabelOnWire(frame, 0, "monocyte")
    for bad, code in (
        (replace(good, index=1), "not_labelled"), (replace(good, index=2**63 - 1), "not_labelled"),
        (replace(good, frame=OTHERS), "not_labelled"), (replace(good, label="leukemia"), "bad_label"),
        (replace(good, label=""), "bad_label"), (replace(good, label="per_100:never_set"), "not_labelled"),
    ):  # fmt: skip
        client.send(LabelCells(1, "t", "A", (good, bad)))
        assert bench.hear(client, Refused)[0][0].code == code
        assert bench.journal.counters[f"refused_{code}"] >= 1
    client.send(LabelCells(1, "another", "A", (good,)))
    assert bench.hear(client, Refused)[0][0].code == "other_session"
    send_raw(client, LabelCells(1, "t", "A", (good,)), by="x" * 201)
    assert bench.hear(client, Refused)[0][0].code == "bad_body"
    assert bench.ledger.last_number == before
    assert {name: n for name, n in bench.journal.counters.items() if name.startswith("refused_")} == {
        "refused_not_labelled": 4, "refused_bad_label": 2, "refused_other_session": 1,
    }  # fmt: skip
