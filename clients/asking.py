"""One question to the daemon that is counting, and its answer: what only it can do."""

import time
from itertools import count
from pathlib import Path
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.process.joining import not_allowed
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints, why_closed
from smearwatch.daemon.wire.messages import Agreed, Message, Refused
from smearwatch.daemon.wire.sockets import Peer, context, is_open

ANSWER_S: Final = 5.0
"""How long an answer is waited for."""

_BEGINS_S: Final = 1.0
_POLL_S: Final = 0.05

REQUESTS = count(1)
"""Numbers by which answers are known."""


class NotAgreed(Hinted):
    """The daemon refuses, or does not answer."""


def ask(where: Path | Endpoints, question: Message, request: int, *, answer_s: float = ANSWER_S) -> str:
    """Ask the daemon of a runtime folder, or of another computer, for something; returns the line of its agreement.

    Raises `NotAgreed`, see `agreed`.
    """
    return agreed(where, question, request, answer_s=answer_s).text


def agreed(where: Path | Endpoints, question: Message, request: int, *, answer_s: float = ANSWER_S) -> Agreed:
    """Ask the daemon of a runtime folder, or of another computer, for something; returns its agreement.

    Raises
    ------
    NotAgreed
        It refuses, does not answer in time, or there is none: that is known within a second or so.
    """
    until_s, endpoints = time.monotonic() + answer_s, Endpoints.to(where)
    _wait_until_open(endpoints, min(answer_s, _BEGINS_S))
    with context() as owner, Peer(owner, endpoints) as peer:
        peer.send(question)
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                received = peer.receive(left_s)
            except Unreadable:
                continue
            answer = None if received is None else received[0]
            if isinstance(answer, Refused):
                why = not_allowed(answer, endpoints)
                raise NotAgreed(answer.detail, "see `smearwatch watch`" if why is None else why.hint)
            if isinstance(answer, Agreed) and answer.request == request:
                return answer
    raise NotAgreed(f"no count answers: the one that runs is busy for {answer_s:.0f} s", "see `smearwatch watch`")


def _wait_until_open(endpoints: Endpoints, at_most_s: float) -> None:
    """Wait for a daemon that is just beginning, or beginning again."""
    until_s = time.monotonic() + at_most_s
    while not is_open(endpoints.talk):
        if (group := why_closed(endpoints)) is not None:
            raise NotAgreed(group, "ask an administrator to add it, then log in anew")
        if time.monotonic() >= until_s and endpoints.curve is not None:
            raise NotAgreed(
                f"no count answers at {endpoints.shown}", "see whether that computer is on, and its hub runs"
            )
        if time.monotonic() >= until_s:
            raise NotAgreed("no count answers: none is running here", "start one with `smearwatch run`")
        time.sleep(_POLL_S)
