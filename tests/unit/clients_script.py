"""A hub without sockets for the clients' tests: it keeps events, numbers them, and answers as the real one does."""

import json
from hashlib import sha256
from typing import Any

from smearwatch.daemon.record.events import (
    CLASSES,
    Closed,
    Counted,
    Found,
    FoundCell,
    Opened,
    Recorded,
    Rejected,
    Seen,
    event_to_bytes,
)
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.messages import (
    EventNotice,
    Events,
    Pulse,
    Snapshot,
    Thumbnails,
    WantEvents,
    WantSnapshot,
    WantThumbnails,
)

CHAIN = "0" * 64


def frame_id(n):
    return sha256(str(n).encode()).hexdigest()


def opened(epoch=1, session="s", target=100):
    return Opened(epoch, 1, "test", session, target, 33.0, "rule", {})


def seen(n):
    return Seen(frame_id(n), f"{n}.jpg", 10, 1, None, None, True, "folder")


def rejected(n, reason="out_of_focus"):
    return Rejected(frame_id(n), reason, "", None)


def found(n, whole=1, edge=0):
    cells = tuple(FoundCell(i, (0, 0, 5, 5), (2.0, 2.0), 90.0, i >= whole, 0.9) for i in range(whole + edge))
    return Found(frame_id(n), 640, 480, 0.1, "red_cells", 0.1, 0.7, cells)


def counted(n, index=0, cls="segmented", verdict="confirmed", probability=0.9):
    shares: Any = tuple(probability if name == cls else 0.01 for name in CLASSES)
    return Counted(frame_id(n), index, cls, verdict, shares, shares, 0.02, "ab" * 32)


def counted_frames(first, last, cls="segmented"):
    return [event for n in range(first, last) for event in (seen(n), found(n), counted(n, cls=cls))]


def closed(epoch=1, complete=True):
    return Closed(epoch, complete, {}, {})


class ScriptedHub:
    """``commit`` gives the notices that the real hub would publish; ``answer`` what it would answer."""

    def __init__(self, session="s"):
        self.session = session
        self.epoch = 0
        self.events = []
        self.fold = TallyFold()
        self.pictures = {}

    def start(self, target=100):
        self.epoch += 1
        return self.commit(opened(self.epoch, self.session, target))

    def commit(self, *events):
        notices = []
        for event in events:
            self.fold.apply(event)
            recorded = Recorded(len(self.events) + 1, self.epoch, 1, event, CHAIN)
            self.events.append(recorded)
            notices.append(self.notice(recorded))
        return notices

    @staticmethod
    def notice(recorded):
        body = event_to_bytes(recorded.event).decode()
        return EventNotice(recorded.number, recorded.epoch, 1, recorded.event.kind, body, CHAIN)

    def pulse(self, state="running", **changes):
        fields = {
            "session": self.session,
            "epoch": self.epoch,
            "last_event": len(self.events),
            "sent_at_ns": 1,
            "state": state,
            "finders": 1,
            "workers": 2,
            "waiting_files": 0,
            "latency_ms": 412.5,
            "counters": {"leases_expired": 0},
        }
        return Pulse(**{**fields, **changes})

    def answer(self, question):
        match question:
            case WantSnapshot():
                counts = [recorded for recorded in self.events if isinstance(recorded.event, Counted)]
                recent = tuple(self.notice(recorded) for recorded in counts[-question.recent :] if question.recent)
                tally = json.dumps(self.fold.snapshot())
                return Snapshot(question.request, self.session, self.epoch, len(self.events), 100, tally, recent), []
            case WantEvents():
                page = self.events[question.after : question.after + question.limit]
                notices = tuple(self.notice(recorded) for recorded in page)
                return Events(question.request, self.epoch, len(self.events), notices), []
            case WantThumbnails():
                cells = tuple(cell for cell in question.cells if cell in self.pictures)
                return Thumbnails(question.request, cells), [memoryview(self.pictures[cell]) for cell in cells]


def converse(hub, follower, rounds=20):
    """Let a follower ask until it has nothing more to ask."""
    for _ in range(rounds):
        questions = follower.questions()
        if not questions:
            return
        for question in questions:
            follower.hear(*hub.answer(question))
    raise AssertionError("the follower does not come to rest")
