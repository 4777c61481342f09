"""Whatever a peer says that the wire carries, and in whatever order: the hub goes on, and its ledger stays sound."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.messages import MESSAGES, Hello, Refused
from tests.fuzz.messages import any_message, messages, possible
from tests.integration.hub_bench import Bench

pytestmark = pytest.mark.integration

BUFFERS = st.lists(st.sampled_from([b"", b"\0", b"1234", b"\xff\xd8jpeg", bytes(5000)]), max_size=3)
SAID = st.lists(st.tuples(any_message(), BUFFERS), min_size=6, max_size=12)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, lease_s=1.0)
    yield bench
    bench.close()


def test_nothing_that_is_said_ends_the_hub(bench):
    said_of, refused = Counter[str](), Counter[str]()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(possible(messages(Hello)), SAID)
    def say(hello, said):
        stranger = bench.peer("client", "c")
        stranger.send(hello)
        for message, buffers in said:
            stranger.send(message, buffers)
            said_of[message.kind] += 1
        bench.now += 2.0
        refused.update(reply.code for reply, _ in bench.hear(stranger, Refused))
        bench.leave(stranger)
        if bench.hub.state == "draining":  # it was asked to stop: another begins where it ended
            bench.crash()
            bench.open()
        frames = bench.frames
        assert frames["seen"] == frames["counted"] + frames["rejected"] + frames["pending"]

    say()
    assert len(said_of) > len(MESSAGES) - 4
    assert {"misplaced", "other_session", "bad_body"} <= refused.keys()
    assert bench.journal.fold.balanced
    assert bench.frames["seen"] > 0
    assert list(verify(bench.ledger)) == []
