"""What finders and workers share: greet the hub, keep credits open, take leases, notice a new hub."""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from contextvars import copy_context
from typing import Literal, Self, TypeVar

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.joining import back, hub_of, refused, waiting_for
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.wire.codec import Buffer, Unreadable
from smearwatch.daemon.wire.messages import Bye, Hello, Message, Ready, Refused, Welcome
from smearwatch.daemon.wire.sockets import Peer, context
from smearwatch.daemon.withheld import withhold

_PULSE_S = 1.0
_POLL_S = 0.2
_HELLO_AGAIN_S = 0.3

# A frame that takes longer than this is taken for one that never ends.
_LONGEST_S = 300.0

STEP_S = 3.0
"""What a step of a finder's or worker's work may take, of the processor; see `smearwatch.daemon.process.hang`."""

LeaseT = TypeVar("LeaseT", bound=Message)
ResultT = TypeVar("ResultT")


class AnswerRefused(RuntimeError):
    """The hub refuses this role's answers as impossible; going on would only repeat them."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"an answer of this process was refused: {detail}")
        self.hint = "run all parts of smearwatch in the same version"


class LeaseClient:
    """One role's conversation with the hub. Use as a context manager, from one thread.

    Attributes
    ----------
    welcome : Welcome or None
        The present hub's welcome; a lease never comes before it.
    """

    def __init__(
        self,
        plan: RunPlan,
        role: Role,
        kind: Literal["finder", "worker"],
        *,
        capacity: int,
        weights: str = "",
        weights_manifest: str = "",
    ) -> None:
        self._role = role
        self._joins = plan.joins
        self._kind: Literal["finder", "worker"] = kind
        self._capacity = capacity
        self._who = Hello(kind, f"{role.name}{plan.seat}", os.getpid(), weights, weights_manifest, secrets.token_hex(8))
        self._endpoints = hub_of(plan, "work" if kind == "worker" else "feed")
        self._next_pulse_s = self._hello_s = 0.0
        self._was_connected = self._waits = False
        self.welcome: Welcome | None = None

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        owner = self._stack.enter_context(context())
        self._peer = self._stack.enter_context(Peer(owner, self._endpoints))
        self._bench = self._stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=self._kind))
        self._role.ask(STEP_S)
        self._hello()
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack, suppress(Hinted):  # a hub that lets it in no more need not hear it
            if self._joins and self._role.leaves and self._peer.connected:
                self._peer.send(Bye())

    def send(self, message: Message, buffers: Sequence[Buffer] = ()) -> None:
        """Send one answer: this process gets on with its work."""
        self._peer.send(message, buffers)
        self._role.got_on()

    def take_more(self, capacity: int) -> None:
        """Open credit for so many leases from now on."""
        self._capacity = capacity
        self._next_pulse_s = 0.0

    def at_work(self, work: Callable[[], ResultT], step_s: float = STEP_S) -> ResultT:
        """Run what a lease asks for in a thread of its own, and tell the hub meanwhile that it is being done.

        The supervisor is told by the work itself (`Role.beat`), of which a step may take so many seconds: this thread
        would go on telling it of work that hangs. After `_LONGEST_S` the hub is told no more, and the lease runs out.
        """
        began_s = time.monotonic()
        self._role.ask(step_s)
        future = self._bench.submit(copy_context().run, work)  # what the work logs names its frame
        while not wait((future,), timeout=_PULSE_S).done:
            if time.monotonic() - began_s < _LONGEST_S and self._peer.connected:
                self._peer.send(Ready(self._capacity, at_work=True))
        self._role.ask(STEP_S)
        return future.result()

    def leases(self, kind: type[LeaseT], *, most: int) -> list[tuple[LeaseT, list[memoryview]]]:
        """Return the leases that have come, waiting a moment for the first; beats and pulses meanwhile."""
        taken: list[tuple[LeaseT, list[memoryview]]] = []
        while len(taken) < most:
            self._pulse()
            try:
                received = self._peer.receive(0.0 if taken else _POLL_S)
            except Unreadable as flaw:
                get_logger().warning("message from the hub not understood", flaw=flaw.flaw, detail=str(flaw))
                continue
            if received is None:
                break
            message, buffers = received
            if isinstance(message, kind):
                taken.append((message, buffers))
            else:
                self._other(message)
        return taken

    def _other(self, message: Message) -> None:
        if isinstance(message, Welcome):
            self.welcome = message
            withhold(message.session)
            self._next_pulse_s = 0.0
        elif isinstance(message, Refused) and message.code == "unknown_peer":
            self._hello()
        elif isinstance(message, Refused) and message.code == "other_weights" and self._joins:
            get_logger().info("the hub counts with other weights by now")
            self._role.again()
        elif isinstance(message, Refused) and message.code == "impossible_answer":
            raise AnswerRefused(message.detail)
        elif isinstance(message, Refused):
            refused(message, self._endpoints)

    def _hello(self) -> None:
        now = time.monotonic()
        if now - self._hello_s < _HELLO_AGAIN_S:  # a hub that has just come refuses each pulse that waited for it
            return
        self._hello_s = now
        self._peer.send(self._who)
        self._next_pulse_s = 0.0

    def _pulse(self) -> None:
        self._role.beat()
        now = time.monotonic()
        if now >= self._next_pulse_s:
            self._next_pulse_s = now + _PULSE_S
            connected = self._peer.connected
            if connected:
                self._peer.send(Ready(self._capacity))
            if connected != self._was_connected and self._joins and self._kind == "worker":
                if self._waits or not connected:
                    tell((back if connected else waiting_for)(self._endpoints))
                self._waits = not connected
            self._was_connected = connected
