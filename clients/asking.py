"""One question to the daemon that is counting, and its answer: what only it can do."""

import time
from itertools import count
from pathlib import Path
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Agreed, Message, Refused
from smearwatch.daemon.wire.sockets import Peer, context

ANSWER_S: Final = 5.0
"""How long an answer is waited for."""

REQUESTS = count(1)
"""Numbers by which answers are known."""


class NotAgreed(Hinted):
    """The daemon refuses, or does not answer."""


def ask(runtime_dir: Path, question: Message, request: int, *, answer_s: float = ANSWER_S) -> str:
    """Ask the daemon whose sockets are in a folder for something; returns the line with which it agrees.

    Raises
    ------
    NotAgreed
        It refuses, or does not answer in time.
    """
    until_s = time.monotonic() + answer_s
    with context() as owner, Peer(owner, Endpoints.under(runtime_dir)) as peer:
        peer.send(question)
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                received = peer.receive(left_s)
            except Unreadable:
                continue
            answer = None if received is None else received[0]
            if isinstance(answer, Refused):
                raise NotAgreed(answer.detail, "see `smearwatch watch`")
            if isinstance(answer, Agreed) and answer.request == request:
                return answer.text
    raise NotAgreed("no count answers", "see with `smearwatch watch` whether one is running")
