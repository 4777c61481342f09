"""What a client may ask of a run on this computer: to stop, to pause, to go on. One call each, with one line back."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

from smearwatch.clients.asking import ANSWER_S, REQUESTS, ask
from smearwatch.daemon.wire.messages import ControlRun

Action: TypeAlias = Literal["stop", "pause", "resume", "state"]

QUESTIONS: Final[dict[Action, str]] = {
    "stop": "Stop the count? What is in hand is finished; the same command carries the session on.",
    "pause": "Pause? No new pictures are read until you resume; those read already are counted to the end.",
    "resume": "Read pictures again?",
}
"""What to ask a person before."""


def control(runtime_dir: Path, action: Action, session: str | None = None, *, answer_s: float = ANSWER_S) -> str:
    """Ask the run whose sockets are in a folder for something; returns its one line.

    Parameters
    ----------
    runtime_dir
        Where the daemon's sockets are.
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
    return ask(runtime_dir, ControlRun(request, action, session), request, answer_s=answer_s)
