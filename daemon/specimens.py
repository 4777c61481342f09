"""Several specimens on one folder or camera, one after the other: which session goes on, and with which plan."""

import os
from contextlib import suppress
from pathlib import Path

from smearwatch.daemon.folder_check import is_picture_name
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.record.earlier import (
    earlier_than,
    file_keys,
    followed_in,
    followed_sessions,
    follows,
    seen_files,
)
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.sessions import session_folder, session_names
from smearwatch.daemon.record.values import printable


class FolderDivided(Exception):
    """A session is begun on a folder in which the pictures of several specimens lie already."""

    def __init__(self, folder: Path, specimens: list[str], last: str) -> None:
        names = f"{len(specimens)} specimens ({', '.join(specimens)})"
        super().__init__(f"{folder}: pictures of {names} lie there, and a new session would mix them")
        self.hint = (
            f"go on with --session {last}, and begin another specimen with `smearwatch control next`; or move the "
            "pictures away; or give --count-again to count them all into one"
        )


class PicturesCounted(Exception):
    """A session is begun on a folder in which pictures lie that another one has counted."""

    def __init__(self, folder: Path, session: str, other: str) -> None:
        super().__init__(f"{folder}: session {other} has pictures that lie there, and {session} would count them again")
        self.hint = (
            f"go on with --session {other}, and begin another specimen with `smearwatch control next`; or move its "
            "pictures away; to count them anew: --count-again, with another scale, too; "
            f"or `smearwatch replay {other}`, at the same scale"
        )


def plan_after(plan: RunPlan) -> RunPlan | None:
    """Return the plan of the specimen that comes after that of a plan, None where nobody has begun one."""
    folder = _folder(plan)
    if not (folder / LEDGER_FILE).is_file():
        return None
    with LedgerReader.read(folder) as ledger:
        followed = followed_in(ledger)
    if followed is None:
        return None
    target = {} if followed.target is None else {"target": followed.target}
    changes = {
        "settings": plan.settings.model_copy(update=target),
        "session": followed.next_session,
        "said": dict(followed.said),
        "said_by": followed.by,
        "follows": plan.session,
    }
    return plan.model_copy(update=changes)


def where_it_goes_on(plan: RunPlan) -> RunPlan:
    """Return the plan of the session that goes on: the last that was begun after that of a plan on the same place.

    One that was killed while it finished what had come before the line goes on itself, for it has to finish; so does
    one that ended at its target, where this plan does not.

    Raises
    ------
    FolderDivided, PicturesCounted
        The plan's session is a new one, and pictures of several specimens, or of another session, lie in its folder.
    EarlierMissing, LedgerUnusable
        What is of the specimens before it cannot be read.
    """
    plan = _from_the_line(plan)
    if plan.watch_dir is not None and not plan.count_again and (other := whose_pictures(plan)) is not None:
        raise PicturesCounted(plan.watch_dir, plan.session, other)
    while (after := plan_after(plan)) is not None and not _finishes_first(plan, after):
        tell(f"session {plan.session} ended where specimen {_specimen(after)} began: session {after.session} goes on")
        plan = after
    if _has_begun(plan):
        with LedgerReader.read(_folder(plan)) as ledger:
            before = follows(ledger)
        earlier_than(plan.settings.state_dir, plan.session, before, without_missing=plan.carry_on)
    return plan


def _from_the_line(plan: RunPlan) -> RunPlan:
    """Return a plan where its session may begin; that of the specimen before, where that has to be finished first."""
    if plan.watch_dir is None or plan.follows is not None or _has_begun(plan):
        return plan
    followed = followed_sessions(plan.settings.state_dir, plan.origin()["origin_of"])
    for name, line in followed.items():
        if line.next_session == plan.session:  # killed between the two
            return plan.model_copy(update={"session": name, "said": {}})
    ended = [name for name, line in followed.items() if line.next_session not in followed]
    if not ended or plan.count_again:
        return plan
    last = followed[ended[-1]].next_session
    state_dir = plan.settings.state_dir
    sessions = [*followed, *(line.next_session for line in followed.values() if line.next_session not in followed)]
    files = set().union(*(earlier_than(state_dir, last, name, without_missing=True).files for name in ended))
    if any(key in files for file in _files(plan.watch_dir) for key in file_keys(file)):
        raise FolderDivided(plan.watch_dir, sessions, last)
    return plan


def whose_pictures(plan: RunPlan) -> str | None:
    """Return the last session that has pictures which lie in a plan's folder, where the plan's own is a new one.

    None where no other session has any of them, or the plan's session has pictures of its own or follows another.
    """
    if plan.watch_dir is None or not _is_new(plan):
        return None
    there = {key for file in _files(plan.watch_dir) for key in file_keys(file)}
    of_here, found = plan.origin()["origin_of"], []
    for name in session_names(plan.settings.state_dir) if there else ():
        try:
            with LedgerReader.read(session_folder(plan.settings.state_dir, name)) as ledger:
                openings = ledger.openings()
                if any(each.settings.get("origin_of") == of_here for each in openings) and any(
                    file in there for _, file in seen_files(ledger)
                ):
                    found.append((openings[-1].started_at_ns, name))
        except LedgerUnusable:
            continue  # whoever names it is told
    return max(found)[1] if found else None


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Return the pictures in a folder as a ledger has them; none of one that cannot be read, as its source will say."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_picture_name(entry.name) and entry.is_file():
                with suppress(FileNotFoundError):  # taken away meanwhile
                    status = entry.stat()
                    found.append((str(printable(entry.name)), status.st_size, max(0, status.st_mtime_ns)))
    return found


def _has_begun(plan: RunPlan) -> bool:
    """Return whether the first event of a plan's session was written."""
    folder = _folder(plan)
    if not (folder / LEDGER_FILE).is_file():
        return False
    with LedgerReader.read(folder) as ledger:
        return ledger.last_number > 0


def _is_new(plan: RunPlan) -> bool:
    """Return whether a plan's session has no picture yet, and is not the next after another."""
    if plan.follows is not None or not _has_begun(plan):
        return plan.follows is None
    with LedgerReader.read(_folder(plan)) as ledger:
        return not ledger.summary().frames and follows(ledger) is None


def _finishes_first(plan: RunPlan, after: RunPlan) -> bool:
    """Return whether a session has something left that it is to count, although another comes after it."""
    if _is_signed(plan):
        return False
    with LedgerReader.read(_folder(plan)) as ledger:
        pending = ledger.summary().pending
    return not _has_begun(after) or (pending > 0 and not plan.stop_at_target)


def _is_signed(plan: RunPlan) -> bool:
    with LedgerReader.read(_folder(plan)) as ledger:
        return ledger.signature() is not None


def _specimen(plan: RunPlan) -> str:
    return plan.said.get("specimen", "")


def _folder(plan: RunPlan) -> Path:
    return session_folder(plan.settings.state_dir, plan.session)
