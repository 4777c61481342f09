"""The count that runs beside the page: whether there is one, and what a person asks of it."""

from pathlib import Path
from typing import Literal

from smearwatch.clients.asking import NotAgreed
from smearwatch.clients.controlling import control, state_of
from smearwatch.clients.web.asked import Asked
from smearwatch.daemon.record.earlier import followed_in
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE

_STATE_S = 1.5


class AskedOfRun(Asked):
    """What a person asks of the count, as the page sends it."""

    action: Literal["stop", "pause", "resume"]


def run_state(folder: Path, runtime_dir: Path) -> tuple[str | None, str | None]:
    """Return what the count of a session does, and what keeps it from going on well; None where it is not counted."""
    if holder(folder) is None:
        return None, None
    try:
        state, trouble = state_of(runtime_dir, folder.name, answer_s=_STATE_S)
    except NotAgreed:  # somebody else writes it, or it is just beginning or ending
        return None, None
    return state, trouble or None


def next_session(folder: Path) -> str | None:
    """Return the session of the next specimen, once it has begun after this one; None before."""
    with LedgerReader.read(folder) as ledger:
        followed = followed_in(ledger)
    if followed is None or not (folder.with_name(followed.next_session) / LEDGER_FILE).is_file():
        return None
    return followed.next_session


def ask_of_run(folder: Path, runtime_dir: Path, asked: AskedOfRun) -> dict[str, str | None]:
    """Ask the count of a session for something; returns its line and its state then. Raises `NotAgreed`."""
    text = control(runtime_dir, asked.action, folder.name)
    return {"text": text, "state": run_state(folder, runtime_dir)[0]}
