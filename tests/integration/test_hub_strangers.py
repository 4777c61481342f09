"""Those who look on, well and badly: the count is what it is without them, and so, nearly, are memory and time."""

import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack
from statistics import median

import pytest
import zmq

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WIRE_VERSION, Events, Hello, Pulse, Snapshot, WantEvents, WantSnapshot
from smearwatch.daemon.wire.sockets import Listener, Peer, context, is_open
from tests.integration.hub_process import Staff, hub_process

pytestmark = pytest.mark.integration

FRAMES = 50
MORE_MB, SLOWER = 400, 8.0

# It asks as much as it may, is stopped, and never reads: `SIGSTOP` comes once it has said so.
FROZEN = """
import sys, time
from pathlib import Path
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WantEvents, WantSnapshot
from smearwatch.daemon.wire.sockets import Listener, Peer, context, is_open
with context() as owner:
    endpoints = Endpoints.under(Path(sys.argv[1]))
    listener = Listener(owner, endpoints)
    with Peer(owner, endpoints) as peer:
        for n in range(1500):
            peer.send(WantSnapshot(n, 256) if n % 2 else WantEvents(n, 0, 1000))
        print("asked", flush=True)
        time.sleep(600)
"""


class Strangers:
    """Clients that come and go, one that is slow, one that is frozen, one that sends rubbish."""

    def __init__(self, owner, endpoints, runtime_dir):
        self._owner, self._endpoints = owner, endpoints
        self._here: deque[tuple[Peer, Listener]] = deque()
        self._numbers = itertools.count(1)
        self.came = self.heard = 0
        self._slow = Listener(owner, endpoints)
        self._rubbish = self._dealer()
        self.frozen = subprocess.Popen([sys.executable, "-c", FROZEN, str(runtime_dir)], stdout=subprocess.PIPE)
        assert self.frozen.stdout is not None
        assert self.frozen.stdout.readline() == b"asked\n"
        self.frozen.send_signal(signal.SIGSTOP)

    def step(self, frame):
        """Between two frames: two come, two go, one reads a message, and rubbish is sent."""
        for _ in range(2):
            peer, listener = Peer(self._owner, self._endpoints), Listener(self._owner, self._endpoints)
            peer.send(Hello("client", f"c{self.came}", 1))
            peer.send(WantSnapshot(next(self._numbers)))
            peer.send(WantEvents(next(self._numbers), 0))
            self._here.append((peer, listener))
            self.came += 1
        while len(self._here) > 20:
            self._leave(*self._here.popleft())
        self._slow.receive(0.0)
        head = b"\x84\xa1v" + bytes([WIRE_VERSION]) + b"\xa1k\xa5hello\xa1b\x80\xa1n\x90"
        rubbish = (
            [b"\xc1"], [os.urandom(200)], [b""] * 3, [b"\x91" * 900 + b"\x01"],
            [b"\xdd\x00\x7a\x12\x00" + b"\x90" * 8_000_000], [head, bytes(20_000_000)], [b"x"] * 6000,
            [bytes(40_000_000)],
        )  # fmt: skip
        self._rubbish.send_multipart(rubbish[frame % len(rubbish)])
        if frame % len(rubbish) == len(rubbish) - 1:  # the last one cost it its connection
            self._rubbish.close(linger=1000)
            self._rubbish = self._dealer()

    def _dealer(self):
        dealer = self._owner.socket(zmq.DEALER)
        dealer.connect(self._endpoints.talk)
        return dealer

    def _leave(self, peer, listener):
        while (got := peer.receive(0.0)) is not None:
            self.heard += isinstance(got[0], Snapshot | Events)
        peer.__exit__(None, None, None)
        listener.close()

    def close(self):
        self.frozen.kill()
        self.frozen.communicate()
        self._rubbish.close(linger=0)
        self._slow.close()
        while self._here:
            self._leave(*self._here.popleft())


def count(folder, disturbed):
    """Count all frames; returns the result, the median time of a frame, the hub's greatest memory, and counters."""
    settings = Settings(state_dir=folder / "s", runtime_dir=folder / "r", log_level="error", max_frame_bytes=1 << 20)
    times_ms: list[float] = []
    counters: dict[str, int] = {}
    most_mb = 0.0
    with hub_process(RunPlan(settings=settings, session="t", source="folder")) as hub, context() as owner:
        staff = Staff(settings)
        endpoints = Endpoints.under(settings.runtime_dir)
        staff.count(0)
        own = Listener(owner, endpoints)
        strangers = Strangers(owner, endpoints, settings.runtime_dir) if disturbed else None
        for frame in range(1, FRAMES):
            if strangers is not None:
                strangers.step(frame)
            times_ms.append(staff.count(frame))
            most_mb = max(most_mb, hub.memory_info().rss / 1e6)
            while (told := own.receive(0.0)) is not None:
                counters = told.counters if isinstance(told, Pulse) else counters
        while not isinstance(told := own.receive(20.0), Pulse):
            assert told is not None
        counters = told.counters
        if strangers is not None:
            assert strangers.came >= 90
            strangers.close()
            assert strangers.heard >= 20
        own.close()
        staff.close()
    with LedgerReader.read(session_folder(settings.state_dir, "t")) as ledger:
        assert list(verify(ledger)) == []
        fold = TallyFold()
        for recorded in ledger.events():
            fold.apply(recorded.event)
        frames = [seen[0] for seen in ledger.rows("SELECT frame FROM frames ORDER BY seen_number")]
        verdicts = [each for frame in frames for each in ledger.counted(frame)]
    return (fold.counts, fold.frames, verdicts), median(times_ms), most_mb, counters


def test_the_count_is_the_same_whoever_looks_on(tmp_path):
    alone, alone_ms, alone_mb, _ = count(tmp_path / "alone", disturbed=False)
    among, among_ms, among_mb, counters = count(tmp_path / "among", disturbed=True)
    print(f"a frame: {alone_ms:.1f} ms alone, {among_ms:.1f} ms among strangers; {alone_mb:.0f} MB, {among_mb:.0f} MB")
    assert among == alone
    assert sum(among[0].values()) == FRAMES
    assert among_mb < alone_mb + MORE_MB
    assert among_ms < SLOWER * max(alone_ms, 20.0)
    for counter in ("wire_not_msgpack", "wire_too_large", "messages_not_taken"):
        assert counters[counter] >= 1, counter


def test_connections_that_are_held_open_leave_the_hub_files_to_keep_pictures(tmp_path):
    """More of them than a process may have files open by default; the hub takes as many as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run", um_per_px=0.1)
    plan = RunPlan(settings=settings, session="t", source="folder")
    talk = Endpoints.under(settings.runtime_dir).talk
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, hard))  # what the hub is started with
        try:
            hub = stack.enter_context(hub_process(plan))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
        deadline_s = time.monotonic() + 60.0
        while not is_open(talk):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        for _ in range(400):
            held = stack.enter_context(socket.socket(socket.AF_UNIX))
            held.connect(talk.removeprefix("ipc://"))
        while hub.num_fds() < 400:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        staff = Staff(settings)
        try:
            staff.count(1)
        finally:
            staff.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
