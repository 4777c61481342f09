"""What a client may ask of a run on this computer: stop, pause, go on, the next specimen. One call, one line back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from smearwatch.clients.asking import ANSWER_S, REQUESTS, agreed, ask
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import BeginNext, ControlRun

Action: TypeAlias = Literal["stop", "pause", "resume", "state"]

QUESTIONS: Final[dict[Action, str]] = {
    "stop": "Stop the count? What is in hand is finished. The session can go on later: start it again under its name.",
    "pause": "Pause? No new pictures are read until you resume; those read already are counted to the end.",
    "resume": "Read pictures again?",
}
"""What to ask a person before."""

NEXT_S: Final = 20.0
"""How long the next specimen is waited for: the whole watched folder is looked through first."""

NEXT_QUESTION: Final = (
    "Begin the next specimen? What has come by now is counted to this one, what comes later to the next: put the slide "
    "under the microscope afterwards."
)


def control(where: Path | Endpoints, action: Action, session: str | None = None, *, answer_s: float = ANSWER_S) -> str:
    """Ask the run whose sockets are in a folder for something; returns its one line.

    Parameters
    ----------
    where
        The folder of the daemon's sockets, or where it is on another computer.
    action
        ``state`` changes nothing; its line is ``counting``, ``paused`` or ``stopping``.
    session
        Only where this session is counted; None for whichever.

    Raises
    ------
    NotAgreed
        Another session is counted, or nobody answers.
    """
    request = next(REQUESTS)
    return ask(where, ControlRun(request, action, session), request, answer_s=answer_s)


def state_of(where: Path | Endpoints, session: str, *, answer_s: float = ANSWER_S) -> tuple[str, str]:
    """Return what the count of a session does, as `control` says it, and what keeps it from going on well, if anything.

    Raises `NotAgreed`, see `control`.
    """
    request = next(REQUESTS)
    answer = agreed(where, ControlRun(request, "state", session), request, answer_s=answer_s)
    return answer.text, answer.trouble


def begin_next(
    where: Path | Endpoints,
    said: Mapping[str, str],
    *,
    by: str,
    session: str | None = None,
    next_session: str | None = None,
    target: int | None = None,
) -> str:
    """Ask the run whose sockets are in a folder for the next specimen; returns its one line.

    Parameters
    ----------
    where
        The folder of the daemon's sockets, or where it is on another computer.
    said
        What is said of the next specimen, by the names of `smearwatch.daemon.record.description`.
    by
        Who asks.
    session
        Only where this session is counted; None for whichever.
    next_session
        The new session's name, None for date and time.
    target
        Its wanted number of cells, None for as many as now.

    Raises
    ------
    NotAgreed
        It cannot be begun, or nobody answers; then nothing is changed.
    """
    request = next(REQUESTS)
    question = BeginNext(request, by, dict(said), session, next_session, target)
    return ask(where, question, request, answer_s=NEXT_S)
