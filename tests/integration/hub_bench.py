"""A hub on real sockets with a real ledger, turned by hand, so that a test decides what happens when."""

import itertools
import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from smearwatch.daemon.config import Settings
from smearwatch.daemon.hub.hub import Hub
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.wire.endpoints import Endpoints, private_dir
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import (
    Agreed,
    CellsFound,
    ControlRun,
    CropJudged,
    CropLease,
    FrameLease,
    FrameRejected,
    FrameTaken,
    Hello,
    OfferFrame,
    Ready,
    SourceState,
    Welcome,
)
from smearwatch.daemon.wire.parts import CellOnWire
from smearwatch.daemon.wire.sockets import Listener, Peer, context

WEIGHTS = "cd" * 32
CROP = np.full((750, 750, 3), 7, np.uint8).tobytes()
_PATIENCE_S = 20.0
_FIRST_QUESTION = 10**9  # tests ask with smaller numbers


class Bench:
    """One hub and any number of peers in one thread; ``now`` is its clock."""

    def __init__(self, folder, *, stop_at_target=False, source="folder", groups=(), net=None, **settings):
        self.stack = ExitStack()
        self.now = 1000.0
        self._heard: dict[Peer, list[tuple[Any, list[memoryview]]]] = {}
        self._questions = itertools.count(_FIRST_QUESTION)
        values = {"state_dir": folder / "s", "runtime_dir": folder / "r", "max_frame_bytes": 4096, **settings}
        self.plan = RunPlan(
            settings=Settings(**values),
            session="t",
            source=source,
            until_idle_s=5.0,
            stop_at_target=stop_at_target,
        )
        self.folder = folder / "s" / "sessions" / "t"
        private_dir(self.plan.settings.runtime_dir, passable=bool(groups))
        self.context = self.stack.enter_context(context())
        self.endpoints = Endpoints.under(self.plan.settings.runtime_dir)
        self._doors = {"groups": groups, "net": net}
        self.open()

    def open(self):
        """Start the hub (again)."""
        self.hub_stack = ExitStack()
        self.ledger = self.hub_stack.enter_context(Ledger.open(self.folder, session="t"))
        limit = self.plan.settings.max_frame_bytes + 20_000_000
        self.sockets = HubSockets(self.context, self.endpoints, max_bytes=limit, **self._doors)
        self.hub_stack.callback(self.sockets.close)
        self.journal = Journal(self.ledger, self.sockets)
        self.journal.commit(Opened(self.ledger.epoch, 1, "test", "t", self.plan.settings.target, 33.0, "rule", {}))
        self.hub = Hub(self.plan, self.journal, self.sockets, clock=lambda: self.now)

    def crash(self):
        """End the hub without a word, as a kill would."""
        self.hub_stack.close()

    def peer(self, role, name, capacity=None, weights=None, endpoints=None, **said):
        """Connect a peer and introduce it; a worker judges by `WEIGHTS` unless others are given."""
        weights = weights if weights is not None else WEIGHTS if role == "worker" else ""
        peer = self.stack.enter_context(Peer(self.context, endpoints or self.endpoints))
        peer.send(Hello(role, name, 1, weights, **said))
        if capacity is not None:
            peer.send(Ready(capacity))
        if role == "source":
            peer.send(SourceState(0, True, False, {}))
        self._heard[peer] = []
        self.hear(peer, Welcome)
        return peer

    def leave(self, *peers):
        """End peers: what a hub that listens no more has not read of them reaches none after it."""
        for peer in peers:
            del self._heard[peer]
            peer.socket.close(linger=0)

    def listener(self):
        """Listen to the feed."""
        listener = Listener(self.context, self.endpoints)
        self.stack.callback(listener.close)
        self.turn()
        return listener

    def turn(self, times=6):
        """Let the hub work off all that the peers have sent."""
        self._settle()
        for _ in range(times):
            self.hub.turn(0.01)

    def turn_until(self, condition, seconds=_PATIENCE_S):
        """Let the hub work until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass"
            self.hub.turn(0.01)

    def hear(self, peer, kind=None, least=0):
        """Return what the peer has got, of one kind or all; ``least`` for what takes more than the hub."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self.turn()
            self._settle()  # brings what the hub has sent it while it turned
            taken = [got for got in self._heard[peer] if kind is None or isinstance(got[0], kind)]
            if len(taken) >= least:
                break
            assert time.monotonic() < deadline, "it did not come"
        self._heard[peer] = [got for got in self._heard[peer] if got not in taken]
        return taken

    def _settle(self):
        """Let the hub take all that was sent to it, however slow the machine: what is asked last is answered last."""
        asked = {}
        for peer in () if self._ended() else self._heard:
            asked[peer] = next(self._questions)
            peer.send(ControlRun(asked[peer], "state"))
        deadline = time.monotonic() + _PATIENCE_S
        while asked:
            assert time.monotonic() < deadline, "the hub does not answer"
            self.hub.turn(0.01)
            for peer in self._heard:
                if self._is_answered(peer, asked.get(peer)) or self._ended():
                    asked.pop(peer, None)

    def _ended(self):
        """Return whether the hub is at its target, and listens no more."""
        return self.plan.stop_at_target and self.journal.fold.target_reached

    def _is_answered(self, peer, question):
        """Take in what a peer has got; returns whether the answer to its question is among it."""
        answered = False
        while (received := peer.receive(0.0)) is not None:
            if isinstance(received[0], Agreed) and received[0].request >= _FIRST_QUESTION:
                answered = answered or received[0].request == question
            else:
                self._heard[peer].append(received)
        return answered

    def offer(self, source, *datas):
        """Offer frames and give their ids."""
        for ticket, data in enumerate(datas):
            source.send(OfferFrame(ticket, f"{ticket}.jpg", 5, "folder"), [data])
        return [message.frame for message, _ in self.hear(source, FrameTaken)]

    def close(self):
        """Close everything."""
        self.crash()
        self.stack.close()

    @property
    def frames(self):
        """The tally's frames."""
        return self.journal.fold.frames


def cells(lease: FrameLease, whole=1, edge=0, **changes):
    """A finder's answer with its buffers."""
    found = tuple(
        CellOnWire(index, (index * 10, 0, 8, 8), (4.0, 4.0), 100.0, index >= whole, 0.9)
        for index in range(whole + edge)
    )
    cropped = tuple(index for index in range(whole) if index not in lease.known_cells)
    fields = {
        "lease": lease.lease,
        "frame": lease.frame,
        "width_px": 640,
        "height_px": 480,
        "um_per_px": lease.um_per_px or 0.1,
        "um_per_px_source": lease.um_per_px_source or "red_cells",
        "um_per_px_estimate": 0.1,
        "focus": 0.7,
        "cells": found,
        "cropped": cropped,
        "stages_ms": {"decode": 1.0},
    }
    return CellsFound(**{**fields, **changes}), [CROP] * len(cropped) + [b"jpeg"] * len(found)


def judged(lease: CropLease, cls="lymphocyte", verdict="confirmed", **changes):
    """A worker's answer."""
    fields = {
        "lease": lease.lease,
        "frame": lease.frame,
        "index": lease.index,
        "cls": cls,
        "verdict": verdict,
        "probabilities": (0.0, 0.0, 0.0, 0.0, 0.1, 0.9),
        "verifiers": (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        "reject_score": 0.01,
        "weights": WEIGHTS,
        "stages_ms": {"classify": 9.0},
    }
    return CropJudged(**{**fields, **changes})


def rejected(lease: FrameLease):
    """A finder's answer for a frame that cannot be used."""
    return FrameRejected(lease.lease, lease.frame, "undecodable", "not a picture", None, None, {})
