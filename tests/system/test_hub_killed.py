"""A hub that is killed again and again: one that got on between is started again, one that never does is given up."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from smearwatch.daemon.config import Settings
from smearwatch.daemon.process.child import BUDGET
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import FrameTaken, Hello, OfferFrame
from smearwatch.daemon.wire.sockets import Peer, context

pytestmark = pytest.mark.system
KILLS = BUDGET + 4
_PATIENCE_S = 60.0

PARENT = """
import json, sys
from smearwatch.daemon.config import Settings
from smearwatch.daemon.log import configure
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import RoleSpec
from smearwatch.daemon.process.supervisor import Supervisor
state, runtime = sys.argv[1:]
configure("info", role="supervisor")
plan = RunPlan(settings=Settings(state_dir=state, runtime_dir=runtime), session="t", source="folder")
outcome = Supervisor(plan, [RoleSpec("hub", "smearwatch.daemon.hub.role:main", ends_the_run=True)]).run()
print(json.dumps({"ok": outcome.ok, "why": outcome.why}))
"""


@pytest.fixture
def parent(tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "state"), str(tmp_path / "run")]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        yield parent
        parent.kill()


def wait_for(look):
    deadline = time.monotonic() + _PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return seen


def epoch_of(tmp_path):
    """Return how often a hub has opened the session."""
    try:
        with LedgerReader.read(session_folder(tmp_path / "state", "t")) as ledger:
            return ledger.epoch
    except LedgerUnusable:
        return 0


def kill_hub(parent):
    (hub,) = psutil.Process(parent.pid).children()
    hub.kill()


def keep_frame(tmp_path, number):
    """Offer a frame until the hub has it."""
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run")
    with context() as owner, Peer(owner, Endpoints.under(settings.runtime_dir)) as source:

        def is_kept():
            source.send(Hello("source", "s", 1))
            source.send(OfferFrame(number, f"{number}.jpg", 5, "test"), [b"frame %d" % number])
            heard = [source.receive(0.2) for _ in range(3)]
            return any(each is not None and isinstance(each[0], FrameTaken) for each in heard)

        wait_for(is_kept)


def test_a_hub_that_keeps_frames_between_is_started_again_beyond_the_budget(parent, tmp_path):
    for number in range(KILLS):
        wait_for(lambda number=number: epoch_of(tmp_path) > number)
        keep_frame(tmp_path, number)
        kill_hub(parent)
    wait_for(lambda: epoch_of(tmp_path) > KILLS)
    parent.send_signal(signal.SIGTERM)
    out, err = parent.communicate(timeout=_PATIENCE_S)
    assert json.loads(out)["ok"]
    assert err.count("role restarts") == KILLS
    with LedgerReader.read(session_folder(tmp_path / "state", "t")) as ledger:
        assert list(verify(ledger)) == []
        assert ledger.rows("SELECT count(*) FROM frames") == [(KILLS,)]


def test_a_hub_that_only_opens_its_session_is_given_up(parent, tmp_path):
    for number in range(BUDGET + 1):
        wait_for(lambda number=number: epoch_of(tmp_path) > number)
        time.sleep(0.3)
        kill_hub(parent)
    out, _ = parent.communicate(timeout=_PATIENCE_S)
    assert json.loads(out) == {"ok": False, "why": "hub ended by signal 9 again and again, so the run was stopped"}
    assert epoch_of(tmp_path) == BUDGET + 1
