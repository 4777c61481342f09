"""Labels to the daemon that is counting the session: it alone writes it."""

import time
from collections.abc import Container, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import LabelCells, LabelsTaken, Refused
from smearwatch.daemon.wire.parts import LabelOnWire
from smearwatch.daemon.wire.sockets import Peer, context

_AT_ONCE: Final = 1000  # as many as a message holds: all of these are written, or none
_ANSWER_S: Final = 10.0
_REQUESTS = count(1)


class LabelsNotTaken(Hinted):
    """The daemon did not write labels."""


def send_labels(
    runtime_dir: Path,
    session: str,
    labels: Sequence[Labelled],
    *,
    by: str,
    settled: Container[CellKey] = (),
    answer_s: float | None = None,
) -> int:
    """Have labels of one reading written by the daemon whose sockets are in a folder; returns how many were new.

    Parameters
    ----------
    settled
        Cells on which the readers disagreed, and these labels decide.
    answer_s
        How long an answer is waited for; 10 seconds by default.

    Raises
    ------
    LabelsNotTaken
        It refuses, or does not answer: then it may write the last labels all the same when it can.
    """
    patience_s = _ANSWER_S if answer_s is None else answer_s
    written = 0
    with context() as owner, Peer(owner, Endpoints.to(runtime_dir)) as peer:
        for part in _parts(labels):
            request = next(_REQUESTS)
            cells = tuple(
                LabelOnWire(
                    each.frame,
                    each.index,
                    each.label,
                    decides=(each.frame, each.index) in settled,
                    drawn=each.drawn is True,
                )
                for each in part
            )
            peer.send(LabelCells(request, session, by, cells, part[0].reading is not None))
            written += _answer(peer, request, session, written, patience_s)
    return written


def _parts(labels: Sequence[Labelled]) -> Iterator[Sequence[Labelled]]:
    return (labels[start : start + _AT_ONCE] for start in range(0, len(labels), _AT_ONCE))


def _answer(peer: Peer, request: int, session: str, written: int, patience_s: float) -> int:
    until_s = time.monotonic() + patience_s
    while (left_s := until_s - time.monotonic()) > 0:
        received = peer.receive(left_s)
        if received is None:
            break
        message = received[0]
        if isinstance(message, Refused):
            raise LabelsNotTaken(f"{message.detail}; {written} labels were written", "see `smearwatch sessions show`")
        if isinstance(message, LabelsTaken) and message.request == request:
            return message.written
    matter = f"whoever writes the session {session} does not answer; {written} labels are surely written"
    hint = "wait, see `smearwatch sessions show`, and give the labels again: what is there already changes nothing"
    raise LabelsNotTaken(matter, hint)
