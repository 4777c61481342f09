"""A client may join late, miss anything, see the daemon end and return: it ends with the ledger's tally."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.clients.follower import LOST_S, Follower
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.wire.messages import (
    EventNotice,
    Hello,
    Refused,
    Snapshot,
    WantEvents,
    WantSnapshot,
    WantThumbnails,
)
from tests.unit.clients_script import (
    CHAIN,
    ScriptedHub,
    closed,
    converse,
    counted,
    counted_frames,
    found,
    frame_id,
    rejected,
    seen,
)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub():
    hub = ScriptedHub()
    hub.start()
    return hub


@pytest.fixture
def follower(clock):
    return Follower(clock=clock, recent=8)


def joined(hub, follower):
    follower.hear(hub.pulse())
    converse(hub, follower)


def tell(follower, *notices):
    for notice in notices:
        follower.hear(notice)


def expect_ledgers_tally(follower, hub):
    assert follower.view().tally == tally_json(hub.fold, hub.session, len(hub.events))


def test_knows_nothing_at_first_and_asks_once(follower, clock):
    assert (follower.view().connection, follower.view().tally) == ("connecting", None)
    (question,) = follower.questions()
    assert isinstance(question, WantSnapshot)
    clock.now += 3600.0
    assert follower.questions() == [], "a daemon that is away must not find a queue of questions"


def test_joins_late(hub, follower):
    hub.commit(*counted_frames(0, 5))
    joined(hub, follower)
    expect_ledgers_tally(follower, hub)
    view = follower.view()
    assert (view.connection, view.session, view.target, view.workers, view.latency_ms) == ("live", "s", 100, 2, 412.5)
    assert [cell.frame for cell in view.recent] == [frame_id(n) for n in (4, 3, 2, 1, 0)], "the newest first"


def test_events_that_came_before_the_snapshot_are_not_lost(hub, follower):
    (question,) = follower.questions()
    answer = hub.answer(question)
    tell(follower, *hub.commit(*counted_frames(0, 3)))
    follower.hear(*answer)
    expect_ledgers_tally(follower, hub)
    assert follower.counters["snapshots"] == 1


def test_a_missed_number_is_asked_for(hub, follower):
    joined(hub, follower)
    notices = hub.commit(*counted_frames(0, 4))
    tell(follower, *notices[:2], *notices[4:])
    (question,) = follower.questions()
    assert question == WantEvents(question.request, 3, 500)
    converse_after = hub.answer(question)
    follower.hear(*converse_after)
    expect_ledgers_tally(follower, hub)
    assert (follower.counters["gaps"], follower.counters["snapshots"]) == (1, 1)


def test_a_missed_tail_shows_in_the_pulse(hub, follower):
    joined(hub, follower)
    hub.commit(*counted_frames(0, 600))
    follower.hear(hub.pulse())
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)


def test_what_the_hub_cannot_give_again_is_replaced_by_a_snapshot(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 2))[1:])
    (question,) = follower.questions()
    reply, _ = hub.answer(question)
    follower.hear(type(reply)(reply.request, reply.epoch, reply.last_event, ()))
    (question,) = follower.questions()
    assert isinstance(question, WantSnapshot)
    follower.hear(*hub.answer(question))
    expect_ledgers_tally(follower, hub)


def test_a_second_delivery_changes_nothing(hub, follower):
    joined(hub, follower)
    notices = hub.commit(*counted_frames(0, 2))
    tell(follower, *notices, *notices)
    expect_ledgers_tally(follower, hub)
    assert follower.counters["duplicates"] == len(notices)


def test_a_restarted_hub_is_asked_anew(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 2)))
    hub.start()
    hub.commit(*counted_frames(2, 4))
    follower.hear(hub.pulse())
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)
    assert (follower.counters["restarts"], follower.counters["snapshots"]) == (1, 2)


def test_an_event_of_another_epoch_is_not_mixed_in(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 1)))
    other = ScriptedHub("other")
    other.start()
    other.start()
    other.commit(*counted_frames(50, 60))
    tell(follower, *(ScriptedHub.notice(recorded) for recorded in other.events))
    expect_ledgers_tally(follower, hub)
    converse(other, follower)
    expect_ledgers_tally(follower, other)
    assert [cell.frame for cell in follower.view().recent] == [frame_id(n) for n in range(59, 51, -1)]


def test_only_the_session_that_was_asked_for(hub, clock):
    follower = Follower(clock=clock, session="mine")
    follower.hear(hub.pulse())
    follower.hear(*hub.answer(follower.questions()[0]))
    assert (follower.view().connection, follower.view().session) == ("connecting", "mine")
    assert follower.counters["other_session"] == 2


@pytest.mark.parametrize(
    ("pulses", "silent_s", "connection", "ended"),
    [
        (["running"], 0.0, "live", "no"),
        (["running"], LOST_S - 0.1, "live", "no"),
        (["running"], LOST_S, "lost", "no"),
        (["running", "draining"], 1.0, "live", "no"),
        (["running", "done"], 60.0, "done", "finished"),
        (["running", "stopping"], 60.0, "done", "stopped"),
        (["running", "stopping", "running"], 0.0, "live", "no"),
    ],
)
def test_connection(hub, follower, clock, pulses, silent_s, connection, ended):
    joined(hub, follower)
    for state in pulses:
        clock.now += 1.0
        follower.hear(hub.pulse(state))
    clock.now += silent_s
    view = follower.view()
    assert (view.connection, view.ended, view.silent_s) == (connection, ended, pytest.approx(silent_s))


def test_a_closed_session_that_is_opened_again_lives(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(closed()))
    assert follower.view().ended == "stopped"
    hub.start()
    follower.hear(hub.pulse())
    converse(hub, follower)
    assert (follower.view().connection, follower.view().ended) == ("live", "no")


def test_bad_messages_are_counted_and_the_count_stays_right(hub, follower, clock):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 2)))
    number = len(hub.events)
    bad = [
        EventNotice(number + 1, 1, 1, "counted", "{not json", CHAIN),
        Hello("client", "c", 1),
        Refused("misplaced", "no"),
        Snapshot(99, "s", 1, 1, 100, "{}", ()),
    ]
    for message in bad:
        follower.hear(message)
    hub.commit(*counted_frames(2, 4))
    follower.hear(hub.pulse())
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)
    counters = follower.counters
    assert [counters[name] for name in ("bad_events", "misplaced", "refused", "late")] == [1, 1, 1, 1]


@pytest.mark.parametrize("tally", ["", "[]", "{}", '{"target": 1}', "nonsense"])
def test_an_unusable_snapshot_is_asked_for_again_but_not_at_once(hub, follower, clock, tally):
    (question,) = follower.questions()
    follower.hear(Snapshot(question.request, "s", 1, 1, 100, tally, ()))
    assert follower.counters["bad_snapshots"] == 1
    assert follower.questions() == []
    clock.now += 3.0
    follower.hear(hub.pulse())
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)


def test_an_event_that_contradicts_the_tally_leads_to_a_snapshot(hub, follower):
    joined(hub, follower)
    contradiction = ScriptedHub.notice(type(hub.events[0])(2, 1, 1, counted(7), CHAIN))
    follower.hear(contradiction)
    hub.commit(seen(1), rejected(1))
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)
    assert follower.counters["bad_events"] == 1


def test_pictures_are_fetched_once_and_a_missing_one_not_forever(hub, clock):
    follower = Follower(clock=clock, recent=4, pictures=True)
    hub.commit(*counted_frames(0, 3))
    hub.pictures = {(frame_id(0), 0): b"zero", (frame_id(2), 0): b"two"}
    follower.hear(hub.pulse())
    asked = []
    for _ in range(10):
        for question in follower.questions():
            asked.append(question)
            follower.hear(*hub.answer(question))
    assert [cell.thumbnail for cell in follower.view().recent] == [b"two", None, b"zero"]
    wanted = [question.cells for question in asked if isinstance(question, WantThumbnails)]
    assert [len(cells) for cells in wanted] == [3, 1]


def test_memory_is_bounded_while_no_snapshot_comes(hub, follower):
    follower.questions()
    for number in range(1, 10_000):
        follower.hear(EventNotice(number, 1, 1, "seen", "{}", CHAIN))
    assert len(follower._waiting) <= 2_000


def test_the_ledger_on_disk_goes_on_where_the_feed_ended(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 2)))
    hub.commit(*counted_frames(2, 4), closed())
    assert all(follower.take(recorded) for recorded in hub.events[follower.event :])
    expect_ledgers_tally(follower, hub)
    assert follower.view().ended == "stopped"
    assert not follower.take(hub.events[0]), "what does not follow is not taken"


Step = st.sampled_from(["count", "reject", "edge", "restart", "pulse", "ask", "answer"])


def test_a_session_of_the_same_name_that_began_anew_is_noticed(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 5)))
    again = ScriptedHub()
    again.start()
    again.commit(*counted_frames(10, 11))
    for _ in range(2):
        follower.hear(again.pulse())
    converse(again, follower)
    expect_ledgers_tally(follower, again)


def test_events_of_a_hub_that_is_gone_do_not_wait_forever(hub, follower):
    joined(hub, follower)
    tell(follower, *hub.commit(*counted_frames(0, 20))[30:])
    again = ScriptedHub("again")
    again.start()
    follower.hear(again.pulse())
    converse(again, follower)
    tell(follower, *again.commit(*counted_frames(0, 20)))
    assert follower.questions() == []
    expect_ledgers_tally(follower, again)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(Step, st.booleans()), max_size=60), data=st.data())
def test_whatever_is_lost_the_client_ends_with_the_ledgers_tally(steps, data):
    """Each step may lose what the hub sends; answers may come late or never. One calm second mends everything."""
    clock = Clock()
    hub, follower = ScriptedHub(), Follower(clock=clock, recent=4)
    hub.start()
    questions, frame = [], 0
    for step, lost in steps:
        clock.now += 0.3
        notices = []
        match step:
            case "count":
                notices = hub.commit(*counted_frames(frame, frame + 1))
            case "reject":
                notices = hub.commit(seen(frame), rejected(frame))
            case "edge":
                notices = hub.commit(seen(frame), found(frame, whole=2, edge=1), counted(frame, 1))
            case "restart":
                notices = hub.start()
            case "pulse":
                notices = [hub.pulse()]
            case "ask":
                questions += follower.questions()
            case "answer" if questions:
                at = data.draw(st.integers(0, len(questions) - 1))
                question = questions.pop(at)
                if not lost:
                    follower.hear(*hub.answer(question))
        frame += 1
        if not lost:
            tell(follower, *notices)
        view = follower.view()
        assert view.event <= len(hub.events)
    clock.now += 5.0
    follower.hear(hub.pulse())
    converse(hub, follower)
    expect_ledgers_tally(follower, hub)
    assert follower.counters["bad_events"] == 0
