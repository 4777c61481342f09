"""What a finder says about a field, as the hub writes it into the ledger."""

from smearwatch.capture.finder.field import FieldFound
from smearwatch.capture.finder.on_wire import cells_found
from smearwatch.capture.registration.slide_map import Registered
from smearwatch.daemon.hub.frame_queue import found_event, thumbnails
from smearwatch.daemon.record.events import Found
from smearwatch.daemon.wire.messages import FrameLease

NOWHERE = Registered(None, {})


def answered(
    frame: str, field: FieldFound, registered: Registered = NOWHERE
) -> tuple[Found, dict[tuple[str, int], bytes]]:
    """Return the event and the thumbnails by frame and cell."""
    lease = FrameLease(1, frame, "f.jpg", None, None, ())
    message, buffers = cells_found(lease, field, registered, {})
    return found_event(message), thumbnails(message, buffers)
