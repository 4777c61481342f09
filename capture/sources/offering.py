"""How a source's frame is offered to the hub."""

from smearwatch.capture.frame import SourceFrame
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import OfferFrame, RefuseFrame


def offer_of(frame: SourceFrame, ticket: int, source: str) -> tuple[OfferFrame | RefuseFrame, list[Buffer]]:
    """Return the message that offers a frame, and its bytes; for a frame without bytes the one that says why.

    Parameters
    ----------
    frame
        What the source gave.
    ticket
        The number by which the hub acknowledges it.
    source
        The source's name.
    """
    name = printable(frame.name)
    if frame.data is None:
        reason, detail = frame.refusal or ("unreadable", "no reason given")
        refusal = RefuseFrame(
            ticket=ticket,
            name=name,
            captured_at_ns=frame.captured_at_ns,
            source=source,
            frame=frame.refused_as,
            size_bytes=frame.size_bytes,
            reason=reason,
            detail=detail,
        )
        return refusal, []
    offer = OfferFrame(
        ticket=ticket,
        name=name,
        captured_at_ns=frame.captured_at_ns,
        source=source,
        um_per_px=frame.um_per_px,
        um_per_px_source=frame.um_per_px_source,
    )
    return offer, [frame.data]


def printable(name: str) -> str:
    """Replace what UTF-8 cannot carry: a file with an odd name is still a frame."""
    return name.encode("utf-8", "replace").decode("utf-8")
