"""What was found in a session before, asked of its hub, where the finder is on another computer than the ledger."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Final, Protocol, TypeVar

from smearwatch.daemon.record.events import EventInvalid, event_from_bytes
from smearwatch.daemon.record.found import Found
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import (
    Events,
    FrameBytes,
    Thumbnails,
    WantEvents,
    WantFrame,
    WantThumbnails,
)
from smearwatch.daemon.wire.sockets import Peer, context

_EVENTS_AT_ONCE: Final = 200
_PICTURES_AT_ONCE: Final = 64
_AGAIN_S: Final = 2.0
_POLL_S: Final = 0.2
# Less than the finder may take for a frame: a hub that is away for longer gives the frame out anew.
_PATIENCE_S: Final = 120.0
_AnswerT = TypeVar("_AnswerT", Events, Thumbnails, FrameBytes)


class Frames(Protocol):
    """Gives frames' files by their SHA-256."""

    def read_as_recorded(self, frame: str) -> bytes:
        """Return a frame's file; raises `FrameStoreError`."""
        ...


class Record(Protocol):
    """What a session's map is read from: the ledger, or its hub."""

    def found_frames(self) -> Iterator[Found]:
        """Yield what was found in each frame, in the order of finding."""
        ...

    def found(self, frame: str) -> Found | None:
        """Return what was found in a frame."""
        ...

    def thumbnail(self, frame: str, index: int) -> bytes | None:
        """Return the small picture of a cell, JPEG; None where there is none."""
        ...

    @property
    def frames(self) -> "Frames":
        """The frames' files."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class HubSilent(ConnectionError):
    """The hub did not answer."""


class HubRecord:
    """A session's record as its hub tells it. Use it in one thread, and close it there.

    Parameters
    ----------
    endpoints
        Where the hub is.
    stopping
        Whether to give up waiting.
    """

    def __init__(self, endpoints: Endpoints, stopping: Callable[[], bool] = lambda: False) -> None:
        self._stopping = stopping
        self._numbers = count(1)
        self._stack = ExitStack()
        self._peer = self._stack.enter_context(Peer(self._stack.enter_context(context()), endpoints))
        self._found: dict[str, Found] = {}
        self._pictures: dict[int, bytes] = {}
        self._pictures_of = ""
        self._after = 0

    def found_frames(self) -> Iterator[Found]:
        """Yield what was found in each frame, in the order of finding."""
        while True:
            page, _ = self._answer(WantEvents(next(self._numbers), self._after, _EVENTS_AT_ONCE), Events)
            for notice in page.events:
                self._after = notice.number
                if notice.event == "found" and (found := _read(notice.body)) is not None:
                    self._found[found.frame] = found
                    yield found
            if self._after >= page.last_event or not page.events:
                return

    def found(self, frame: str) -> Found | None:
        """Return what was found in a frame."""
        if frame not in self._found:
            for _ in self.found_frames():
                pass
        return self._found.get(frame)

    def thumbnail(self, frame: str, index: int) -> bytes | None:
        """Return the small picture of a cell, JPEG; those of the frame's other cells come with it."""
        if frame != self._pictures_of:
            found = self.found(frame)
            cells = [(frame, cell.index) for cell in found.cells] if found is not None else []
            self._pictures = {}
            for start in range(0, len(cells), _PICTURES_AT_ONCE):
                some = tuple(cells[start : start + _PICTURES_AT_ONCE])
                self._pictures |= self._thumbnails(WantThumbnails(next(self._numbers), some))
            self._pictures_of = frame
        return self._pictures.get(index)

    @property
    def frames(self) -> Frames:
        """The frames' files: asked of the hub, too."""
        return self

    def read_as_recorded(self, frame: str) -> bytes:
        """Return a frame's file; raises `FrameStoreError`."""
        _, buffers = self._answer(WantFrame(next(self._numbers), frame), FrameBytes)
        if not buffers:
            raise FrameStoreError(
                f"frame {frame}: the hub has lost its bytes", "see `smearwatch sessions verify` there"
            )
        return bytes(buffers[0])

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()

    def _thumbnails(self, question: WantThumbnails) -> dict[int, bytes]:
        answer, buffers = self._answer(question, Thumbnails)
        return {index: bytes(jpeg) for (_, index), jpeg in zip(answer.cells, buffers, strict=True)}

    def _answer(
        self, question: WantEvents | WantThumbnails | WantFrame, kind: type[_AnswerT]
    ) -> tuple[_AnswerT, list[memoryview]]:
        """Ask until there is an answer, for a connection may break between the two."""
        until_s, asked_s = time.monotonic() + _PATIENCE_S, -_AGAIN_S
        while time.monotonic() < until_s and not self._stopping():
            if time.monotonic() - asked_s >= _AGAIN_S:
                asked_s = time.monotonic()
                self._peer.send(question)
            try:
                received = self._peer.receive(_POLL_S)
            except Unreadable:
                continue
            if received is not None and isinstance(received[0], kind) and received[0].request == question.request:
                return received[0], received[1]
        raise HubSilent("the hub does not say what was found before")


def _read(body: str) -> Found | None:
    try:
        event = event_from_bytes(body.encode())
    except EventInvalid:
        return None
    return event if isinstance(event, Found) else None
