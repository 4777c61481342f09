"""Clients ask; the hub answers from the ledger and the fold. Nothing here changes anything."""

from collections.abc import Iterator
from typing import Final

from smearwatch.daemon.hub.journal import Journal, notice
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.wire.messages import (
    EventNotice,
    Events,
    FrameBytes,
    Message,
    Snapshot,
    Thumbnails,
    WantEvents,
    WantFrame,
    WantSnapshot,
    WantThumbnails,
)

_MOST_LETTERS: Final = 2**19  # of as many as wait for one peer: they are memory of the hub


def answer(
    message: WantSnapshot | WantEvents | WantThumbnails | WantFrame, journal: Journal, *, target: int
) -> tuple[Message, list[bytes]]:
    """Return the answer to a client's question and its buffers."""
    ledger = journal.ledger
    if isinstance(message, WantSnapshot):
        return (
            Snapshot(
                request=message.request,
                session=ledger.session,
                epoch=ledger.epoch,
                number=ledger.last_number,
                target=target,
                tally=journal.snapshot(),
                recent=journal.latest(message.recent),
            ),
            [],
        )
    if isinstance(message, WantEvents):
        events = _that_fit(notice(recorded) for recorded in ledger.events(message.after, message.limit))
        return Events(message.request, ledger.epoch, ledger.last_number, events), []
    if isinstance(message, WantFrame):
        try:
            return FrameBytes(message.request, message.frame), [ledger.frames.read_as_recorded(message.frame)]
        except FrameStoreError:
            return FrameBytes(message.request, message.frame), []
    pictures = {cell: jpeg for cell in message.cells if (jpeg := ledger.thumbnail(*cell)) is not None}
    return Thumbnails(message.request, tuple(pictures)), list(pictures.values())


def _that_fit(notices: Iterator[EventNotice]) -> tuple[EventNotice, ...]:
    """Return the first events, at least one, that fit into an answer; whoever asks goes on behind them."""
    events: list[EventNotice] = []
    letters = 0
    for each in notices:
        letters += len(each.body)
        if events and letters > _MOST_LETTERS:
            break
        events.append(each)
    return tuple(events)
