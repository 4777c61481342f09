"""Roles as commands of their own, on real sockets: who is let in, whose turn it is, and when each begins anew."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from smearwatch.capture.sources.base import Delivery, OtherPlace
from smearwatch.daemon.process import joining
from smearwatch.daemon.process.lease_client import LeaseClient
from smearwatch.daemon.process.role import EXIT_AGAIN, Role
from smearwatch.daemon.process.seat import Seat
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.terms import TermsDiffer, terms_of, under_terms
from smearwatch.daemon.weights import OtherWeights, manifest_mark, shipped_weights, weights_of_manifest
from smearwatch.daemon.wire.messages import (
    CropLease,
    FrameLease,
    Hello,
    Ready,
    Refused,
    SourceState,
    WantTerms,
    Welcome,
)
from smearwatch.daemon.wire.sockets import Peer
from tests.integration.hub_bench import WEIGHTS, Bench, cells, judged
from tests.stage import wait_for

pytestmark = pytest.mark.integration

HERE = {"source": "folder", "origin": "the folder a", "origin_of": "a" * 16}
THERE = {"source": "folder", "origin": "the folder b", "origin_of": "b" * 16}


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, source=None, field_um=33.0)
    yield bench
    bench.close()


@pytest.fixture
def role():
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    yield Role("source", theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def pool(role):
    with ThreadPoolExecutor(1) as pool:
        yield pool
        role.stop()


def refused(bench, **said):
    """Say hello and return why that is refused."""
    peer = bench.stack.enter_context(Peer(bench.context, bench.endpoints))
    bench._heard[peer] = []
    peer.send(Hello(**{"role": "source", "name": "s", "pid": 1, **said}))
    (answer, _), *_ = bench.hear(peer, Refused, least=1)
    return answer.code


def joins(bench, **changes):
    """The plan of somebody who joins the hub."""
    settings = bench.plan.settings.model_copy(update=changes)
    plan = bench.plan.model_copy(update={"settings": settings, "joins": True, "session": "", "source": "folder"})
    return plan.model_copy(update={"source_options": {"dir": "/a"}, "told": frozenset(changes)})


def test_the_place_is_recorded_when_the_first_source_comes_and_another_place_is_not_let_in(bench):
    bench.peer("source", "s", **HERE)
    assert (bench.ledger.epoch, bench.ledger.openings()[-1].settings["origin_of"]) == (2, "a" * 16)
    assert refused(bench, name="t", **THERE) == "other_place"
    bench.peer("source", "t", **HERE)  # a second source of the same place
    assert (bench.ledger.epoch, bench.hub._peers.count("source")) == (2, 2)
    bench.crash()
    bench.open()
    bench.peer("source", "u", **HERE)
    assert bench.ledger.epoch == 3
    assert refused(bench, name="t", **THERE) == "other_place"
    assert bench.journal.counters["not_let_in"] == 1
    assert list(verify(bench.ledger)) == []
    bench.crash()
    bench.plan = bench.plan.model_copy(update={"carry_on": True})
    bench.open()
    bench.peer("source", "t", **THERE)
    assert bench.ledger.openings()[-1].settings["origin"] == "the folder b"


def test_who_brings_another_sessions_pictures_or_has_other_weights_is_not_let_in(bench, tmp_path):
    assert refused(bench, session="monday", **HERE) == "other_session"
    bench.plan = bench.plan.model_copy(
        update={"settings": bench.plan.settings.model_copy(update={"weights": shipped_weights()})}
    )
    bench.crash()
    bench.open()
    assert refused(bench, role="worker", weights_manifest="0" * 64) == "other_weights"
    bench.peer("worker", "w", 1, weights_manifest=manifest_mark(shipped_weights()))
    assert bench.hub._peers.count("worker") == 1


def test_one_finder_works_at_a_time_and_the_next_has_another_turn(bench):
    source, worker = bench.peer("source", "s", **HERE), bench.peer("worker", "w", 1)
    first, second = bench.peer("finder", "f", 2), bench.peer("finder", "g", 2)
    bench.offer(source, b"1", b"2", b"3")
    leases = [lease for lease, _ in bench.hear(first, FrameLease, least=2)]
    assert [lease.turn for lease in leases] == [1, 1]
    assert bench.hear(second, FrameLease) == []
    first.send(*cells(leases[0]))
    bench.hear(worker, CropLease, least=1)
    bench.leave(first)
    for _ in range(6):  # its lease runs out, and it is not heard
        bench.now += 9.0
        worker.send(Ready(1))
        second.send(Ready(2))
        bench.turn()
    assert bench.hub._peers.count("finder") == 1
    again = [lease for lease, _ in bench.hear(second, FrameLease, least=1)]
    assert (again[0].turn, again[0].frame) == (2, leases[1].frame)


def test_what_waits_for_the_hub_takes_its_terms_and_says_so_once(tmp_path, role, pool, monkeypatch, capsys):
    monkeypatch.setattr(joining, "_SAID_AFTER_S", 0.1)
    bench = Bench(tmp_path, source=None, field_um=40.0, um_per_px=0.05, search_stain="red_cells")
    plan = joins(bench)
    settings = plan.settings.model_copy(
        update={"field_um": 33.0, "um_per_px": "auto", "search_stain": "as_photographed"}
    )
    plan = plan.model_copy(update={"settings": settings})
    bench.crash()
    waits = pool.submit(joining.joined, plan, role, "feed")
    role.wait(0.5)
    bench.open()
    bench.turn_until(waits.done)
    found, welcome = waits.result()
    said = capsys.readouterr().err
    assert said.count("waiting for the hub at") == 1
    assert said.count(" is there\n") == 1
    assert (found.session, found.settings.field_um, found.um_per_px) == ("t", 40.0, 0.05)
    assert (found.settings.search_stain, welcome.terms) == ("red_cells", terms_of(bench.plan))
    bench.close()


@pytest.mark.parametrize(("name", "value"), [("field_um", 40.0), ("um_per_px", 0.05), ("judged_view", "first")])
def test_who_was_told_otherwise_than_the_hub_says_so_in_one_line(bench, name, value):
    welcome = Welcome("t", 1, 1, terms_of(bench.plan))
    with pytest.raises(TermsDiffer, match=name) as told:
        under_terms(joins(bench, **{name: value}), welcome)
    assert "where the hub is started" in told.value.hint
    assert under_terms(joins(bench, **{name: getattr(bench.plan.settings, name)}), welcome).session == "t"


def delivery(plan, role):
    """Deliver from a source that has nothing, until the role is stopped."""
    source = SimpleNamespace(
        name="folder", ready=lambda _: (), taken=None, state=lambda: SourceState(0, True, False, {})
    )
    with Delivery(plan, role, source, None) as carried:
        carried.run()
    return role.exit_code


def test_a_source_begins_anew_with_another_session_and_with_other_terms(bench, role, pool):
    plan = under_terms(joins(bench), bench.hub._door.welcome())
    for other in (
        plan.model_copy(update={"session": "monday"}),
        plan.model_copy(update={"settings": plan.settings.model_copy(update={"field_um": 40.0})}),
    ):
        ended = pool.submit(delivery, other, Role("source", role._beat_fd))
        bench.turn_until(ended.done)
        assert ended.result() == EXIT_AGAIN
    ended = pool.submit(delivery, plan, role)
    bench.turn_until(lambda: bench.hub._peers.sources())
    bench.crash()
    bench.open()  # the same session anew: it goes on
    bench.turn_until(lambda: bench.hub._peers.sources())
    role.stop()
    assert ended.result(10.0) == 0
    bench.turn_until(lambda: not bench.hub._peers.count("source"))  # it said so, and the clock stands


def test_a_source_of_another_place_ends_with_one_line(bench, role, pool):
    bench.peer("source", "s", **HERE)
    plan = under_terms(joins(bench), bench.hub._door.welcome())
    ended = pool.submit(delivery, plan, role)
    bench.turn_until(ended.done)
    with pytest.raises(OtherPlace, match="has pictures of another place, and not of the folder a"):
        ended.result()


def test_a_hub_that_was_away_is_not_flooded_with_what_waited(bench, role, pool):
    plan = under_terms(joins(bench), bench.hub._door.welcome())
    ended = pool.submit(delivery, plan, role)
    bench.turn_until(lambda: bench.hub._peers.sources())
    bench.crash()
    role.wait(2.5)
    bench.open()
    heard = []
    dispatch = bench.hub._dispatch

    def noted(identity, message, buffers):
        heard.append(message.kind)
        dispatch(identity, message, buffers)

    bench.hub._dispatch = noted
    bench.turn_until(lambda: bench.hub._peers.sources())
    assert len(heard) <= 6, heard
    role.stop()
    ended.result(10.0)


def test_a_worker_begins_anew_where_the_hub_has_other_weights_by_now(bench, role, pool):
    bench.crash()
    bench.plan = bench.plan.model_copy(
        update={"settings": bench.plan.settings.model_copy(update={"weights": shipped_weights()})}
    )
    bench.open()

    def work():
        with LeaseClient(joins(bench), role, "worker", capacity=1, weights_manifest="0" * 64) as lease_client:
            while not role.stopping:
                lease_client.leases(CropLease, most=1)
        return role.exit_code

    ended = pool.submit(work)
    bench.turn_until(ended.done)
    assert ended.result() == EXIT_AGAIN


def test_a_worker_that_can_have_more_in_hand_gets_it_at_once(bench, role, pool):
    held = []

    def work():
        with LeaseClient(joins(bench), role, "worker", capacity=1, weights=WEIGHTS) as lease_client:
            while not role.stopping:
                held.extend(lease_client.leases(CropLease, most=4))
                if held:
                    lease_client.take_more(4)

    ended = pool.submit(work)
    bench.turn_until(lambda: any(worker.capacity for worker in bench.hub._peers.of("worker")))
    source, finder = bench.peer("source", "s", **HERE), bench.peer("finder", "f", 1)
    bench.offer(source, b"1")
    (lease, _), *_ = bench.hear(finder, FrameLease, least=1)
    finder.send(*cells(lease, 5))
    bench.turn_until(lambda: len(held) == 4)
    assert bench.hub._crops.leases.out == 4
    role.stop()
    ended.result(10.0)


def test_a_worker_that_was_asked_to_end_says_so_and_another_has_its_cells_at_once(bench, role, pool, capsys):
    def work():
        with LeaseClient(joins(bench), role, "worker", capacity=2, weights=WEIGHTS) as lease_client:
            while not role.stopping:
                lease_client.leases(CropLease, most=2)

    told: list[str] = []

    def has_told(words):
        told.append(capsys.readouterr().err)
        return "".join(told).count(words) == 1

    ended = pool.submit(work)
    bench.turn_until(lambda: any(worker.capacity for worker in bench.hub._peers.of("worker")))
    bench.crash()
    wait_for(lambda: has_told("waiting for the hub at"))
    bench.open()
    bench.turn_until(lambda: bench.hub._peers.count("worker") and has_told(" is there\n"))
    source, finder = bench.peer("source", "s", **HERE), bench.peer("finder", "f", 1)
    bench.offer(source, b"1")
    (lease, _), *_ = bench.hear(finder, FrameLease, least=1)
    finder.send(*cells(lease, 2))
    bench.turn_until(lambda: bench.hub._crops.leases.out == 2)
    role.stop()
    ended.result(10.0)
    bench.turn_until(lambda: not bench.hub._peers.count("worker"))
    assert (bench.hub._crops.leases.out, bench.hub._crops.leases.queued) == (0, 2)
    other = bench.peer("worker", "w", 2)
    assert len(bench.hear(other, CropLease, least=2)) == 2  # together: none is suspected


def test_a_worker_finds_the_hubs_weights_or_says_that_they_are_missing(bench, tmp_path):
    settings, mark = bench.plan.settings, manifest_mark(shipped_weights()) or ""
    assert weights_of_manifest(settings, mark) == shipped_weights()
    with pytest.raises(OtherWeights, match="any that are here"):
        weights_of_manifest(settings, "0" * 64)
    named = settings.model_copy(update={"weights": shipped_weights()})
    with pytest.raises(OtherWeights, match="those in"):
        weights_of_manifest(named, "0" * 64)


def test_the_terms_are_told_to_who_has_not_joined_yet(bench):
    peer = bench.stack.enter_context(Peer(bench.context, bench.endpoints))
    bench._heard[peer] = []
    peer.send(WantTerms())
    (welcome, _), *_ = bench.hear(peer, Welcome, least=1)
    assert welcome == bench.hub._door.welcome()
    assert replace(welcome, begins_next=False) == welcome
    assert bench.hub._peers.count("source") == 0


def test_seats_are_told_apart_and_come_back_after_a_restart(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with Seat(tmp_path, "worker") as first, Seat(tmp_path, "worker") as second, Seat(other, "worker") as elsewhere:
        names = [first.name, second.name, elsewhere.name]
        assert [name[0] for name in names] == ["1", "2", "1"]
        assert len(set(names)) == 3
    with Seat(tmp_path, "worker") as again:
        assert again.name == names[0]


def test_a_connection_that_breaks_again_and_again_blames_no_frame(bench):
    source, _ = bench.peer("source", "s", **HERE), bench.peer("worker", "w", 1)
    bench.offer(source, b"1")
    for _ in range(6):
        finder = bench.peer("finder", "f", 1, life="one")
        assert [lease.name for lease, _ in bench.hear(finder, FrameLease, least=1)] == ["0.jpg"]
    assert bench.frames["rejected"] == 0
    for life in "abcdef":  # and one that ends each process is set aside as ever
        bench.peer("finder", "f", 1, life=life)
        bench.turn()
    assert bench.frames["rejected"] == 1


def test_crops_are_shared_by_workers_that_have_credit_for_all_of_them(bench):
    source, finder = bench.peer("source", "s"), bench.peer("finder", "f", 4)
    workers = [bench.peer("worker", f"w-{number}", 64) for number in range(3)]
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=7))
    held = [bench.hear(worker, CropLease) for worker in workers]
    assert [len(each) for each in held] == [3, 2, 2]
    # Who has answered all has the fewest in hand.
    for crop, _ in held[2]:
        workers[2].send(judged(crop))
    bench.offer(source, b"another")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease, whole=2))
    assert [len(bench.hear(worker, CropLease)) for worker in workers] == [0, 0, 2]
