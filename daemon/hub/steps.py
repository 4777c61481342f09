"""What the log says of a frame's life in the hub: a line for each step that stands in the ledger."""

from smearwatch.daemon.log import get_logger, log_step, working_on
from smearwatch.daemon.record.events import Counted, Found, Recorded, Rejected, Seen
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.messages import Message, Refused


def log_steps(recorded: Recorded, fold: TallyFold) -> None:
    """Log what an event that was just committed and folded says of its frame, if it is about one."""
    event, number = recorded.event, recorded.number
    if not isinstance(event, Seen | Found | Rejected | Counted):
        return
    with working_on(event.frame):
        match event:
            case Seen():
                log_step("frame kept", entry=number, size_bytes=event.size_bytes)
            case Rejected():
                log_step("frame rejected", entry=number, reason=event.reason)
            case Found():
                log_step("frame searched", entry=number, cells=sum(cell.is_judged for cell in event.cells))
        if isinstance(event, Found | Counted) and not fold.waits(event.frame):
            log_step("frame counted", entry=number)


def log_refusal(peer: str, message: Message, refusal: Refused) -> None:
    """Log that what a peer sent was refused."""
    # A source that offers one more frame when the run is being stopped has done nothing wrong.
    log = get_logger().debug if refusal.code == "draining" else get_logger().warning
    file = getattr(message, "name", "")  # the detail may say it again
    log("answer refused", peer=peer, code=refusal.code, detail=refusal.detail, file=file)
