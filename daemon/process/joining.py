"""Joining the hub that is there, or will be: who waits for it says so once, and takes the session's terms from it."""

import time
from typing import Final

from smearwatch.daemon.one_line import say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.terms import under_terms
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import WantTerms, Welcome
from smearwatch.daemon.wire.sockets import Peer, context

_AGAIN_S: Final = 1.0
_POLL_S: Final = 0.2
_SAID_AFTER_S: Final = 1.5


def waiting_for(endpoints: Endpoints) -> str:
    """Return the line that says that the hub is not there."""
    return f"waiting for the hub at {endpoints.shown} (smearwatch hub)"


def ask_terms(plan: RunPlan, role: Role) -> Welcome | None:
    """Wait for the hub and return its welcome; None where the role is to end before there is one."""
    began_s = time.monotonic()
    asked_s, said = began_s - _AGAIN_S, False
    endpoints = Endpoints.under(plan.settings.runtime_dir)
    with context() as owner, Peer(owner, endpoints) as peer:
        while not role.stopping:
            role.beat()
            now = time.monotonic()
            if now - asked_s >= _AGAIN_S:
                asked_s = now
                peer.send(WantTerms())
            if not said and now - began_s >= _SAID_AFTER_S:
                said = True
                say(waiting_for(endpoints))
            try:
                received = peer.receive(_POLL_S)
            except Unreadable:
                continue
            if received is not None and isinstance(received[0], Welcome):
                return received[0]
    return None


def joined(plan: RunPlan, role: Role) -> tuple[RunPlan, Welcome] | None:
    """Wait for the hub; return the plan under its terms, None where the role is to end before.

    Raises
    ------
    TermsDiffer
        See `smearwatch.daemon.terms.under_terms`.
    """
    welcome = ask_terms(plan, role)
    if welcome is None:
        return None
    return under_terms(plan, welcome).model_copy(update={"begins_next": welcome.begins_next}), welcome
