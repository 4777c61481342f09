"""Joining the hub that is there, or will be: who waits for it says so once, and takes the session's terms from it."""

import time
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.reaching import hub_at
from smearwatch.daemon.terms import under_terms
from smearwatch.daemon.wire.codec import Unreadable
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Refused, WantTerms, Welcome
from smearwatch.daemon.wire.rights import Right
from smearwatch.daemon.wire.sockets import Peer, context

_AGAIN_S: Final = 1.0
_POLL_S: Final = 0.2
_SAID_AFTER_S: Final = 1.5


def hub_of(plan: RunPlan, right: Right) -> Endpoints:
    """Return where the hub is that a role works for: the run's own, or the one that it joins."""
    return hub_at(plan.settings, right) if plan.joins else Endpoints.under(plan.settings.runtime_dir)


def refused(message: Refused, endpoints: Endpoints) -> None:
    """Raise `NotAllowed` where the hub refuses for want of a right."""
    if (why := not_allowed(message, endpoints)) is not None:
        raise why


class NotAllowed(Hinted):
    """The hub does not let this computer do what it is for."""

    def __init__(self, detail: str, endpoints: Endpoints) -> None:
        curve = endpoints.curve
        how = f"on its computer: smearwatch keys allow NAME {curve.pair.public} --right {curve.right}" if curve else ""
        super().__init__(f"the hub at {endpoints.shown} refuses: {detail}", how or "ask who runs the hub")


def not_allowed(message: Refused, endpoints: Endpoints) -> NotAllowed | None:
    """Return what to say where the hub refuses for want of a right, None where it has another reason."""
    return NotAllowed(message.detail, endpoints) if message.code in ("not_allowed", "key_revoked") else None


def waiting_for(endpoints: Endpoints) -> str:
    """Return the line that says that the hub is not there."""
    return f"waiting for the hub at {endpoints.shown} (smearwatch hub)"


def back(endpoints: Endpoints) -> str:
    """Return the line that says that the hub is there again, or by now."""
    return f"the hub at {endpoints.shown} is there"


def ask_terms(plan: RunPlan, role: Role, right: Right) -> Welcome | None:
    """Wait for the hub and return its welcome; None where the role is to end before there is one."""
    began_s = time.monotonic()
    asked_s, said = began_s - _AGAIN_S, False
    endpoints = hub_at(plan.settings, right)
    with context() as owner, Peer(owner, endpoints) as peer:
        while not role.stopping:
            role.beat()
            now = time.monotonic()
            if now - asked_s >= _AGAIN_S:
                asked_s = now
                peer.send(WantTerms())
            if not said and now - began_s >= _SAID_AFTER_S:
                said = True
                tell(waiting_for(endpoints))
            try:
                received = peer.receive(_POLL_S)
            except Unreadable:
                continue
            if received is not None and isinstance(received[0], Welcome):
                if said:
                    tell(back(endpoints))
                return received[0]
            if received is not None and isinstance(received[0], Refused):
                refused(received[0], endpoints)
    return None


def joined(plan: RunPlan, role: Role, right: Right) -> tuple[RunPlan, Welcome] | None:
    """Wait for the hub; return the plan under its terms, None where the role is to end before.

    Raises
    ------
    TermsDiffer
        See `smearwatch.daemon.terms.under_terms`.
    """
    welcome = ask_terms(plan, role, right)
    if welcome is None:
        return None
    return under_terms(plan, welcome).model_copy(update={"begins_next": welcome.begins_next}), welcome
