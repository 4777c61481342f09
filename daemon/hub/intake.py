"""Frames come in: bytes to the store, then the row, then the acknowledgement; in this order and no other."""

import hashlib
from collections.abc import Sequence

from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.earlier import Earlier
from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.wire.messages import FrameTaken, OfferFrame, Refused, RefuseFrame


class Intake:
    """Takes frames from sources.

    Parameters
    ----------
    earlier : Earlier, optional
        What is of the specimens before this one on the same folder: the same bytes, or the same file, again are none
        of this one.
    """

    def __init__(self, journal: Journal, *, max_frame_bytes: int, earlier: Earlier | None = None) -> None:
        self._journal = journal
        self._earlier = earlier or Earlier()
        self._max_frame_bytes = max_frame_bytes

    def name(self, message: OfferFrame, buffers: Sequence[memoryview]) -> str | None:
        """Return the SHA-256 of a frame that is new here; None where it is known, of an earlier specimen or none."""
        if len(buffers) != 1 or buffers[0].nbytes > self._max_frame_bytes:
            return None
        frame = hashlib.sha256(buffers[0]).hexdigest()
        is_new = not self._is_earlier(frame, message, buffers[0]) and not self._journal.ledger.has_seen(frame)
        return frame if is_new else None

    def offer(
        self, message: OfferFrame, buffers: Sequence[memoryview], frame: str | None = None
    ) -> FrameTaken | Refused:
        """Keep a frame, whose name may be known; the answer is only given once it would survive a power cut."""
        if len(buffers) != 1:
            self._journal.counters["wire_bad_body"] += 1
            return Refused("bad_body", f"offer_frame carries {len(buffers)} buffers instead of one")
        if buffers[0].nbytes > self._max_frame_bytes:
            self._journal.counters["wire_too_large"] += 1
            return Refused(
                "too_large", f"{message.name[:300]}: {buffers[0].nbytes} bytes, at most {self._max_frame_bytes}"
            )
        try:
            return self._keep(message, buffers[0], frame or hashlib.sha256(buffers[0]).hexdigest())
        except (FrameStoreError, LedgerUnusable) as error:
            # The frame stays with its source, which offers it again.
            self._journal.counters["frames_not_kept"] += 1
            self._journal.not_kept = f"{str(error).rpartition(': ')[2]} ({error.hint})"
            get_logger().error("frame not kept", file=message.name, why=str(error), hint=error.hint)
            return Refused("not_kept", f"{message.name[:300]}: {error}"[:600])

    def _is_earlier(self, frame: str, message: OfferFrame, data: memoryview) -> bool:
        file = (message.name, data.nbytes, message.captured_at_ns)
        return frame in self._earlier.frames or file in self._earlier.files

    def _keep(self, message: OfferFrame, data: memoryview, frame: str) -> FrameTaken:
        if self._is_earlier(frame, message, data):
            return self._passed_over(message, frame)
        self._journal.ledger.frames.put(data, frame)
        seen = Seen(
            frame=frame,
            name=message.name,
            size_bytes=data.nbytes,
            captured_at_ns=message.captured_at_ns,
            um_per_px=message.um_per_px,
            um_per_px_source=message.um_per_px_source,
            stored=True,
            source=message.source,
        )
        return self._taken(message.ticket, frame, known=not self._journal.commit(seen))

    def refuse(self, message: RefuseFrame) -> FrameTaken:
        """Account for a file that its source could not take."""
        file = (message.name, message.size_bytes, message.captured_at_ns)
        if message.frame in self._earlier.frames or file in self._earlier.files:
            return self._passed_over(message, message.frame)
        seen = Seen(
            frame=message.frame,
            name=message.name,
            size_bytes=message.size_bytes,
            captured_at_ns=message.captured_at_ns,
            um_per_px=None,
            um_per_px_source=None,
            stored=False,
            source=message.source,
        )
        rejected = Rejected(message.frame, message.reason, message.detail, None)
        return self._taken(message.ticket, message.frame, known=not self._journal.commit(seen, rejected))

    def _passed_over(self, message: OfferFrame | RefuseFrame, frame: str) -> FrameTaken:
        if not self._journal.counters["frames_of_earlier_specimens"]:
            get_logger().warning("pictures of an earlier specimen came again, and are passed over", file=message.name)
        self._journal.counters["frames_of_earlier_specimens"] += 1
        return FrameTaken(message.ticket, frame, known=True)

    def _taken(self, ticket: int, frame: str, *, known: bool) -> FrameTaken:
        if known:
            self._journal.counters["frames_offered_again"] += 1
        return FrameTaken(ticket, frame, known)
