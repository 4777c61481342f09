"""Who gets what next: crops for the workers, frames for the finder, as far as credits and room go."""

from collections.abc import Callable, Sequence

from smearwatch.daemon.hub.crop_queue import CropQueue
from smearwatch.daemon.hub.frame_queue import FrameQueue
from smearwatch.daemon.hub.intake import Intake
from smearwatch.daemon.hub.peers import Peers, PeerState
from smearwatch.daemon.hub.turns import Turns
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import FrameTaken, OfferFrame, Refused


class HandingOut:
    """Gives out what waits, and what comes in while nothing waits.

    Parameters
    ----------
    busy
        Whether a peer has something in hand.
    backlog
        Crops that may be there or expected before another frame is given out.
    """

    def __init__(
        self,
        peers: Peers,
        frames: FrameQueue,
        crops: CropQueue,
        sockets: HubSockets,
        *,
        busy: Callable[[bytes], bool],
        backlog: int,
    ) -> None:
        self._peers = peers
        self._frames = frames
        self._crops = crops
        self._sockets = sockets
        self._busy = busy
        self._backlog = backlog
        self._turns = Turns()
        self._keeps = True

    def give_out(self) -> None:
        """Lease what waits."""
        for identity, lease, buffers in self._crops.give_out(self._peers.of("worker")):
            self._sockets.send(identity, lease, buffers)
        while (finder := self._free_finder()) is not None:
            if (frame := self._frames.lease(finder.identity, self._turns.number)) is None:
                break
            self._sockets.send(finder.identity, frame[0], [frame[1]])

    def take_in(self, intake: Intake, offered: OfferFrame, buffers: Sequence[memoryview]) -> FrameTaken | Refused:
        """Take a frame in; a finder that has nothing to wait for gets it before it is brought to the disk.

        The finder's answer is dealt with behind this, when the frame is in the ledger. Where it could not be kept, the
        answer is nobody's, and the finder forgets the frame: it reads the ledger anew with the next one. So none is
        given ahead while the disk takes nothing.
        """
        frame = intake.name(offered, buffers)
        finder = None if frame is None or not self._keeps else self._free_finder()
        ahead = None
        if frame is not None and finder is not None:
            ahead = self._frames.lease_ahead(frame, offered, finder.identity, self._turns.number)
        if frame is None or finder is None or ahead is None:
            reply = intake.offer(offered, buffers, frame)
            self._keeps |= isinstance(reply, FrameTaken)
            return reply
        self._sockets.send(finder.identity, ahead, [buffers[0]])
        self._keeps = False
        try:
            reply = intake.offer(offered, buffers, frame)
            self._keeps = isinstance(reply, FrameTaken)
        finally:
            if self._keeps:
                self._frames.keep_ahead(frame)
            else:
                self._frames.leases.withdraw(ahead.lease, finder.identity)
                self._turns.number += 1
        return reply

    def _free_finder(self) -> PeerState | None:
        """Return the finder whose turn it is; None where it has enough, or nobody or no room is there for its crops."""
        if not self._peers.count("worker"):
            return None
        finder = self._turns.of(self._peers.of("finder"), self._busy)
        self._frames.leases.present([] if finder is None else [finder.identity])
        if finder is None or self._frames.leases.held_by(finder.identity) >= finder.capacity:
            return None
        return finder if self._has_room() else None

    def _has_room(self) -> bool:
        """Return whether another frame's crops fit: each frame that is out is expected to bring one."""
        fits = len(self._crops) + self._frames.leases.out < self._backlog
        return fits or (self._crops.is_stuck and not self._frames.leases.out)
