"""Frames from a recorded session, in the order they were searched, with the scale that was used then."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from smearwatch.capture.sources.base import Delivery, SourceFrame
from smearwatch.capture.sources.options import Options, read_options
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import find_session
from smearwatch.daemon.wire.messages import SourceState

_BY_RED_CELLS: Final = ("scale_changed", "scale_unknown")


class ReplaySource:
    """A session's frames, at the recorded pace times ``speed``, or as fast as they are taken.

    Parameters
    ----------
    ledger : LedgerReader
        The recorded session.
    speed : float or None
        2.0 is twice as fast as recorded; None means no waiting.
    clock : callable
        Monotonic seconds.
    """

    name = "replay"

    def __init__(
        self, ledger: LedgerReader, *, speed: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._speed = speed
        self._clock = clock
        # A session that is still being recorded is replayed as far as it goes now.
        self._numbers = ledger.answered()
        self._given = 0
        self._next: tuple[Seen, int] | None = None
        self._first: tuple[int, float] | None = None
        self._known_before = 0

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return the next frames whose time has come; see `Source`."""
        frames: list[SourceFrame] = []
        while len(frames) < most and (seen := self._due()) is not None:
            self._next = None
            self._given += 1
            frames.append(self._frame(seen))
        return frames

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Count a frame that stood in the new session already (a replay that goes on)."""
        self._known_before += known

    def state(self) -> SourceState:
        """Return how many frames are still to come; finished when none is."""
        left = len(self._numbers) - self._given
        return SourceState(left, True, left == 0, {"files_known_before": self._known_before})

    def _due(self) -> Seen | None:
        if self._next is None:
            if self._given == len(self._numbers):
                return None
            recorded = next(self._ledger.events(after=self._numbers[self._given] - 1, limit=1))
            assert isinstance(recorded.event, Seen)
            self._next = (recorded.event, recorded.recorded_at_ns)
        seen, recorded_at_ns = self._next
        if self._speed is None:
            return seen
        if self._first is None:
            self._first = (recorded_at_ns, self._clock())
        due_s = self._first[1] + (recorded_at_ns - self._first[0]) / 1e9 / self._speed
        return seen if self._clock() >= due_s else None

    def _frame(self, seen: Seen) -> SourceFrame:
        if not seen.stored:
            reason, detail = self._refusal(seen.frame)
            return SourceFrame(
                seen.name,
                None,
                seen.captured_at_ns,
                refusal=(reason, detail),
                size_bytes=seen.size_bytes,
                digest=seen.frame,
            )
        scale, source = self._scale(seen)
        data = self._ledger.frames.read(seen.frame)
        return SourceFrame(seen.name, data, seen.captured_at_ns, scale, source, size_bytes=len(data))

    def _scale(self, seen: Seen) -> tuple[float | None, str | None]:
        """Return the scale at which the frame was searched or rejected then.

        One whose red cells decided is given as it came: its scale is the session's, and they are to decide anew.
        """
        if (found := self._ledger.found(seen.frame)) is not None:
            return found.um_per_px, found.um_per_px_source
        rejected = self._ledger.rejected(seen.frame)
        if rejected is not None and rejected.um_per_px is not None and rejected.reason not in _BY_RED_CELLS:
            return rejected.um_per_px, seen.um_per_px_source or "red_cells"
        return seen.um_per_px, seen.um_per_px_source

    def _refusal(self, frame: str) -> tuple[str, str]:
        rejected = self._ledger.rejected(frame)
        return (rejected.reason, rejected.detail) if isinstance(rejected, Rejected) else ("unreadable", "")


class ReplayOptions(Options):
    """The source's options: the recorded session, and how many times its pace (``max`` does not wait)."""

    session: str
    speed: Literal["max"] | Annotated[float, Field(gt=0.0)] = "max"


def check(plan: RunPlan) -> None:
    """Raise what speaks against replaying the plan's session, before anything is begun."""
    options = read_options(ReplayOptions, plan)
    LedgerReader.read(find_session(plan.settings.state_dir, options.session)).close()


def main(plan: RunPlan, role: Role) -> None:
    """Send the recorded frames, then wait until the role is stopped."""
    options = read_options(ReplayOptions, plan)
    with LedgerReader.read(find_session(plan.settings.state_dir, options.session)) as ledger:
        source = ReplaySource(ledger, speed=None if options.speed == "max" else options.speed)
        with Delivery(plan, role, source, scales=None) as delivery:
            delivery.run()
