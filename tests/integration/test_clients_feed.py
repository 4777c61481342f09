"""The feed on real sockets, against a real hub and its ledger."""

import pytest

from smearwatch.clients.feed import Feed
from smearwatch.clients.lines import follow
from smearwatch.clients.recorded import recorded_view
from smearwatch.daemon.record.tally_json import tally_json
from tests.unit.clients_script import counted, counted_frames, found, frame_id, seen

pytestmark = pytest.mark.integration

JPEG = b"\xff\xd8 as good as any"


@pytest.fixture
def make_feed(bench):
    def make(**options):
        settings = bench.plan.settings
        return bench.stack.enter_context(
            Feed(settings.runtime_dir, settings.state_dir, clock=lambda: bench.now, **options)
        )

    return make


def run_on(bench, feed, until, most=200):
    """Turn hub and feed in turns until something holds."""
    for _ in range(most):
        if until(feed.view()):
            return feed.view()
        bench.now += 0.1
        bench.hub.turn(0.005)
        feed.poll(0.005)
    pytest.fail(f"never came: {feed.view()}")


def up_to_date(bench):
    return lambda view: view.connection == "live" and view.event == bench.ledger.last_number


def tally_of(bench):
    return tally_json(bench.journal.fold, "t", bench.ledger.last_number) | {"corrected": None}


def test_a_late_client_has_the_hubs_tally_and_then_follows(bench, make_feed):
    bench.journal.commit(*counted_frames(0, 30))
    feed = make_feed()
    assert feed.view().connection == "connecting"
    assert run_on(bench, feed, up_to_date(bench)).tally == tally_of(bench)
    bench.journal.commit(*counted_frames(30, 40, "lymphocyte"))
    view = run_on(bench, feed, up_to_date(bench))
    assert view.tally == tally_of(bench)
    assert (view.session, view.target, view.client_counters["snapshots"]) == ("t", 100, 1)


def test_pictures_come_with_the_cells(bench, make_feed):
    bench.journal.commit(seen(1), found(1))
    bench.ledger.append([], {(frame_id(1), 0): JPEG})
    bench.journal.commit(counted(1))
    feed = make_feed(pictures=True)
    view = run_on(bench, feed, lambda view: bool(view.recent) and view.recent[0].thumbnail is not None)
    assert view.recent[0].thumbnail == JPEG


def test_it_survives_the_hubs_death_and_resumes(bench, make_feed):
    bench.journal.commit(*counted_frames(0, 3))
    feed = make_feed()
    run_on(bench, feed, up_to_date(bench))
    bench.journal.ledger.append(counted_frames(3, 5))  # recorded, but the hub dies before it is told
    bench.crash()
    bench.now += 10.0
    feed.poll(0.0)
    view = feed.view()
    assert (view.connection, view.silent_s) == ("lost", pytest.approx(10.0))
    assert view.tally is not None
    assert view.tally["cells"] == 5, "the ledger on disk says what the hub could not"
    bench.open()
    bench.journal.commit(*counted_frames(5, 8))
    view = run_on(bench, feed, up_to_date(bench))
    assert (view.tally, view.epoch) == (tally_of(bench), 2)


def test_the_end_comes_with_the_last_number(bench, make_feed):
    feed = make_feed()
    run_on(bench, feed, up_to_date(bench))
    bench.journal.commit(*counted_frames(0, 4))
    bench.hub.close(stopping=False)
    written: list[str] = []
    view = follow(feed, written.append, lambda: False, as_json=True, clock=lambda: bench.now)
    assert (view.connection, view.ended) == ("done", "finished")
    assert view.tally == tally_of(bench)
    assert '"cells": 4' in written[-1]
    recorded = recorded_view(bench.plan.settings.state_dir, "t")
    assert recorded.tally == view.tally
    assert (recorded.connection, recorded.ended) == ("done", "recorded")


def test_garbage_on_the_feed_is_counted_and_stops_nothing(bench, make_feed):
    feed = make_feed()
    run_on(bench, feed, up_to_date(bench))
    for parts in ([b"nonsense"], [b"\x81\xa1v\x01", b"more"], [b""]):
        bench.sockets._feeds[0].send_multipart(parts)
    run_on(bench, feed, lambda view: view.client_counters["unreadable"] == 3)
    bench.journal.commit(*counted_frames(0, 2))
    assert run_on(bench, feed, up_to_date(bench)).tally == tally_of(bench)


def test_a_flood_is_worked_off_though_the_queue_overflows(bench, make_feed):
    feed = make_feed()
    run_on(bench, feed, up_to_date(bench))
    for first in range(0, 2000, 50):
        bench.journal.commit(*counted_frames(first, first + 50))
    view = run_on(bench, feed, up_to_date(bench), most=2000)
    assert view.tally == tally_of(bench)
    assert view.tally["cells"] == 2000


def test_a_session_of_that_name_elsewhere_does_no_harm(bench, make_feed):
    feed = make_feed(session="another")
    for _ in range(20):
        bench.now += 0.5
        bench.hub.turn(0.005)
        feed.poll(0.005)
    view = feed.view()
    assert (view.connection, view.session) == ("connecting", "another")
    assert view.client_counters["other_session"] > 0


def test_two_clients_do_not_disturb_each_other(bench, make_feed):
    feeds = [make_feed(), make_feed(pictures=True)]
    bench.journal.commit(*counted_frames(0, 5))
    for feed in feeds:
        assert run_on(bench, feed, up_to_date(bench)).tally == tally_of(bench)


def test_without_a_daemon_it_waits_and_lets_go(tmp_path):
    with Feed(tmp_path / "r", tmp_path / "s") as feed:
        assert not feed.poll(0.0)
        assert feed.view().connection == "connecting"
        assert feed.address == str(tmp_path / "r" / "hub.sock")
