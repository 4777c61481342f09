"""What reads bytes from outside takes them or refuses them as it should, whatever is wrong with them.

A few hundred altered inputs for each reader, the same each time; `make fuzz` looks for hours.
"""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smearwatch.daemon.wire.codec import decode, encode
from smearwatch.daemon.wire.messages import MESSAGES
from tests.fuzz.messages import any_message
from tests.fuzz.readers import MOST_BYTES, READERS
from tests.fuzz.seeds import FOUND, altered, seeds

EXAMPLES = {"ledger": 40, "picture": 120, "archive": 40, "message": 300, "event": 300}
LONGEST_S = 5.0  # of this process's own time: a machine that is busy with others is none of it

ours = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_altered_inputs_are_taken_or_refused(name, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    read, sound = READERS[name], seeds(name)
    slowest_s = 0.0
    for each in sound:
        read(each)

    @settings(ours, max_examples=EXAMPLES.get(name, 80))
    @given(st.integers(0, 2**32))
    def look(luck):
        nonlocal slowest_s
        chosen = random.Random(luck)
        data = altered(chosen.choice(sound), chosen)
        began = time.process_time()
        read(data)
        slowest_s = max(slowest_s, time.process_time() - began)

    look()
    assert slowest_s < LONGEST_S
    assert "Traceback" not in capfd.readouterr().err


@settings(ours, max_examples=150)
@given(any_message(), st.lists(st.binary(max_size=20), max_size=3))
def test_every_message_comes_out_as_it_went_in(message, buffers):
    back, views = decode([bytes(part) for part in encode(message, buffers)], max_bytes=MOST_BYTES)
    assert back == message
    assert type(back) is MESSAGES[message.kind]
    assert [bytes(view) for view in views] == buffers


def test_what_once_got_through_is_kept_small():
    kept = [path for path in FOUND.rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} <= READERS.keys()
    assert sum(path.stat().st_size for path in kept) < 100_000
