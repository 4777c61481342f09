"""A hub as a process of its own, and those who work for it in the test's: a frame after the other, each timed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import CropLease, FrameLease, FrameTaken, Hello, OfferFrame, Ready, SourceState
from smearwatch.daemon.wire.sockets import Peer, context
from tests.integration.hub_bench import WEIGHTS, cells, judged

_PATIENCE_S = 60.0


@contextmanager
def hub_process(plan: RunPlan) -> Iterator[psutil.Process]:
    """Run the hub's role until the end of the block."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "smearwatch.daemon.process.role"]
    hub = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(theirs,))
    os.close(theirs)
    order = {"name": "hub", "target": "smearwatch.daemon.hub.role:main", "beat_fd": theirs}
    assert hub.stdin is not None
    try:
        hub.stdin.write(json.dumps({**order, "plan": plan.model_dump(mode="json")}).encode() + b"\n")
        hub.stdin.flush()
        yield psutil.Process(hub.pid)
        assert hub.poll() is None, "the hub has ended"
    finally:
        hub.terminate()
        hub.wait(30)
        hub.stdin.close()
        os.close(ours)


class Staff:
    """A source, a finder and a worker that cost nothing."""

    def __init__(self, settings: Settings) -> None:
        self._owner = context()
        owner = self._owner.__enter__()
        endpoints = Endpoints.under(settings.runtime_dir)
        self.source, self.finder, self.worker = (Peer(owner, endpoints) for _ in range(3))
        self.source.send(Hello("source", "s", 1))
        self.source.send(SourceState(0, True, False, {}))
        self.finder.send(Hello("finder", "f", 1))
        self.worker.send(Hello("worker", "w", 1, WEIGHTS))

    def count(self, frame: int) -> float:
        """Have one frame of one cell counted; returns the milliseconds until the hub had its verdict."""
        began = time.monotonic()
        self.source.send(OfferFrame(frame, f"{frame}.jpg", 5, "test"), [frame.to_bytes(4, "big") * 5_000])
        self.finder.send(Ready(1))
        self.worker.send(Ready(1))
        self.wait_for(FrameTaken)
        self._answer(self.finder, FrameLease, lambda lease: self.finder.send(*cells(lease)))
        self._answer(self.worker, CropLease, lambda lease: self.worker.send(judged(lease)))
        return (time.monotonic() - began) * 1000.0

    def _answer(self, peer: Peer, kind: type, answer: Callable[..., None]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if (got := peer.receive(0.5)) is not None and isinstance(got[0], kind):
                answer(got[0])
                return
        raise AssertionError(f"no {kind.__name__} came")

    def answer_once(self) -> None:
        """Answer what finder and worker are asked just now, if they are."""
        self.finder.send(Ready(1))
        self.worker.send(Ready(1))
        if (frame := self.finder.receive(0.1)) is not None and isinstance(frame[0], FrameLease):
            self.finder.send(*cells(frame[0]))
        if (crop := self.worker.receive(0.1)) is not None and isinstance(crop[0], CropLease):
            self.worker.send(judged(crop[0]))

    def wait_for(self, kind: type) -> None:
        """Wait until the source is told something of a kind."""
        self._answer(self.source, kind, lambda _: None)

    def close(self) -> None:
        """Let go of all sockets."""
        for peer in (self.source, self.finder, self.worker):
            peer.__exit__(None, None, None)
        self._owner.__exit__(None, None, None)
