"""What is out and queued in the hub at a moment, for whoever watches from outside."""

from smearwatch.daemon.hub.crop_queue import CropQueue
from smearwatch.daemon.hub.frame_queue import FrameQueue
from smearwatch.daemon.hub.peers import Peers
from smearwatch.daemon.wire.hub_sockets import HubSockets


def gauges_of(
    frames: FrameQueue, crops: CropQueue, peers: Peers, sockets: HubSockets, started_at_ns: int
) -> dict[str, int]:
    """Return frames and crops by where they are, and how often each role has come: a restart is once more."""
    return {
        "frames_queued": frames.leases.queued,
        "frames_leased": frames.leases.out,
        "crops_held": len(crops),
        "crops_queued": crops.leases.queued,
        "crops_leased": crops.leases.out,
        "subscribers": sockets.subscribers,
        "started_at_s": started_at_ns // 10**9,
        **{f"joined_{role}": times for role, times in peers.joined.items()},
    }
