"""What each who speaks to the hub may: four rights, and which of them a message takes."""

from typing import Final, Literal, TypeAlias, get_args

from smearwatch.daemon.wire.messages import (
    BeginNext,
    Bye,
    CellsFound,
    ControlRun,
    CropJudged,
    DescribeSession,
    Follow,
    FrameRejected,
    Hello,
    KeepTally,
    LabelCells,
    LeaseFailed,
    LineDrawn,
    Message,
    OfferFrame,
    Ready,
    RefuseFrame,
    SourceState,
    WantEvents,
    WantFrame,
    WantSnapshot,
    WantTerms,
    WantThumbnails,
)

Right: TypeAlias = Literal["watch", "control", "feed", "work"]
"""To see the count; to name cells, describe, tally and control it; to bring pictures and find cells; to judge cells."""

RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
ALL: Final[frozenset[Right]] = frozenset(RIGHTS)

_JOINS: Final[frozenset[Right]] = frozenset(("feed", "work"))
_READS: Final[frozenset[Right]] = frozenset(("watch", "feed"))
_ANY_OF: Final[dict[type[Message], frozenset[Right]]] = {
    Follow: frozenset(("watch",)),
    WantSnapshot: frozenset(("watch",)),
    WantEvents: _READS,
    WantThumbnails: _READS,
    WantFrame: frozenset(("feed",)),
    LabelCells: frozenset(("control",)),
    DescribeSession: frozenset(("control",)),
    KeepTally: frozenset(("control",)),
    BeginNext: frozenset(("control",)),
    ControlRun: frozenset(("control",)),
    WantTerms: _JOINS,
    Ready: _JOINS,
    Bye: _JOINS,
    LeaseFailed: _JOINS,
    OfferFrame: frozenset(("feed",)),
    RefuseFrame: frozenset(("feed",)),
    SourceState: frozenset(("feed",)),
    LineDrawn: frozenset(("feed",)),
    CellsFound: frozenset(("feed",)),
    FrameRejected: frozenset(("feed",)),
    CropJudged: frozenset(("work",)),
}
_ROLES: Final[dict[str, frozenset[Right]]] = {
    "source": frozenset(("feed",)),
    "finder": frozenset(("feed",)),
    "worker": frozenset(("work",)),
    "client": frozenset(("watch",)),
}


def needed(message: Message) -> frozenset[Right]:
    """Return the rights of which one is needed to send a message; what is not for the hub needs any right at all."""
    if isinstance(message, Hello):
        return _ROLES[message.role]
    if isinstance(message, ControlRun) and message.action == "state":
        return frozenset(("watch", "control"))
    return _ANY_OF.get(type(message), ALL)
