"""What a client of this computer asks of a run: to stop in good order, to pause the reading of frames, to go on."""

import time
from collections.abc import Callable

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.wire.messages import Agreed, ControlRun, Refused

STOP_S = 8.0
"""Whoever has a frame or a crop in hand when a stop is asked for may finish it, for so long."""


class RunControl:
    """Whether the run is paused or being stopped.

    Attributes
    ----------
    paused : bool
        Whether nothing new is read; what was read is counted to its end.
    """

    def __init__(
        self, journal: Journal, *, clock: Callable[[], float] = time.monotonic, trouble: Callable[[], str] = str
    ) -> None:
        self._journal = journal
        self._trouble = trouble
        self._clock = clock
        self._stop_by_s: float | None = None
        self.paused = False

    @property
    def stopping(self) -> bool:
        """Whether a client asked for the end."""
        return self._stop_by_s is not None

    def is_over(self, *, in_hand: int) -> bool:
        """Return whether the run ends now: nobody has anything in hand, or has had it for too long."""
        return self._stop_by_s is not None and (in_hand == 0 or self._clock() >= self._stop_by_s)

    def take(self, message: ControlRun) -> Agreed | Refused:
        """Do what a client asks for; asking twice changes nothing."""
        session = self._journal.ledger.session
        if message.session not in (None, session):
            return Refused("other_session", f"the session {session} is being counted, not {message.session}")
        if message.action == "state":
            state = "stopping" if self.stopping else "paused" if self.paused else "counting"
            return Agreed(message.request, state, self._trouble())
        if self.stopping:
            return Agreed(message.request, f"session {session} is being stopped already")
        get_logger().info(f"{message.action} asked for by a client")
        if message.action == "stop":
            self._stop_by_s = self._clock() + STOP_S
            self._journal.counters["stopped_by_client"] += 1
            waiting = self._journal.fold.frames["pending"]
            left = f"; {waiting} {'frame waits' if waiting == 1 else 'frames wait'} in it" if waiting else ""
            return Agreed(message.request, f"session {session} is being stopped{left}")
        pauses = message.action == "pause"
        again = " already" if pauses == self.paused else ""
        self._journal.counters["paused_by_client"] += pauses and not self.paused
        self.paused = pauses
        if pauses:
            return Agreed(
                message.request, f"paused{again}: no new pictures are read; those read are counted to the end"
            )
        return Agreed(message.request, f"pictures are read{again if again else ' again'}")
