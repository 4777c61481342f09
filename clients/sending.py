"""Messages into the folder that a laboratory's system watches: each signature once, also over a sudden end.

The folder's system takes files away, so that a file is gone says nothing. What was done stands in the session's folder:
a message is written into the watched folder under a hidden name, that is recorded, then it gets its name, and that is
recorded, too. Where the record says that it was about to get its name, and the hidden file is gone, it has got it.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from smearwatch.clients.auditing import anchored, note_export
from smearwatch.clients.exports.fold import read_result
from smearwatch.clients.exports.format import Export, find_format, read_options
from smearwatch.clients.exports.laboratory import NumberMissing
from smearwatch.clients.exports.result import SessionResult
from smearwatch.clients.owed_messages import KEPT, owe, owes, settle
from smearwatch.daemon.atomic_write import sync_folder, write_atomically
from smearwatch.daemon.config import Settings
from smearwatch.daemon.message_setting import MessageFormat, Messages
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder, session_names
from smearwatch.daemon.regular_file import read_regular

_LOCK: Final = "lock"
_PATIENCE_S: Final = 5.0
_BETWEEN_S: Final = 0.05
_ENDINGS: Final[dict[MessageFormat, str]] = {"hl7": "hl7", "fhir": "json", "astm": "astm"}
_T = TypeVar("_T")


class NothingToSend(LookupError):
    """Nobody answers for the session's result: it was never signed, or opened again since."""

    def __init__(self, session: str, *, reopened: bool) -> None:
        if reopened:
            super().__init__(f"session {session} was opened again, so there is nothing to send until it is signed")
            self.hint = f"sign it again: smearwatch sessions sign {session} --by WHO"
        else:
            super().__init__(f"session {session} was never signed, so there is nothing to send")
            self.hint = f"sign it first, or write a preliminary message with: smearwatch sessions export {session}"


class NumberNotSaid(Exception):
    """A session was signed without a number; nobody can say it any more, so its message does not wait."""

    def __init__(self, missing: NumberMissing, session: str) -> None:
        super().__init__(str(missing))
        self.hint = f"open it again with: smearwatch sessions amend {session}; then say its number, and sign it anew"


class FolderUnusable(OSError):
    """The folder for messages is not there, or may not be written."""

    hint = "make that folder one that this user may write in, then: smearwatch sessions send"


class SendingBusy(Exception):
    """Another process is sending the session's messages, and does not come to an end."""

    hint = "see whether the folder for messages answers, then: smearwatch sessions send"

    def __init__(self, session: str) -> None:
        super().__init__(f"the message of session {session} is being sent by another process")


class WhetherSentUnknown(FolderUnusable):
    """A message was about to be put in a folder that is not there any more, or is another one by now."""

    hint = "bring that folder back, or send the message anew with: smearwatch sessions send NAME --again"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, by the name of its file; ``now`` is whether it was put there now, and not before."""

    name: str
    folder: Path
    now: bool


def act_and_send(settings: Settings, folder: Path, act: Callable[[], _T]) -> tuple[_T, str]:
    """Sign or amend a session, then send the messages that are to go, where the settings name a folder.

    Returns
    -------
    tuple
        What `act` returned, and a line on what became of the messages; empty where none are sent from here. What was
        signed stays signed, whatever happens to them.

    Raises
    ------
    AuditUnusable
        Before anything is done, where the audit journal cannot be written.
    """
    if settings.messages is None:
        return anchored(folder, act)
    already = owes(folder)
    with ExitStack() as held:
        # Nothing of a message hinders a signature.
        with suppress(OSError, SendingBusy):
            held.enter_context(_one_at_a_time(folder))  # or another process might take the mark off before it is meant
        with suppress(OSError):
            owe(folder)  # before: who signs and ends at once is known to have a message to send
        try:
            done, not_anchored = anchored(folder, act)
        except Exception:
            if not already:
                settle(folder)
            raise
    return done, f"{not_anchored} {_send_after(settings, settings.messages, folder)}".lstrip()


def cannot_be_sent(settings: Settings, session: str, said: Mapping[str, str | None]) -> str:
    """Return, before a signature, why its message could not be sent; empty where it can be, or none is sent from here.

    Parameters
    ----------
    said
        What people say of the session. Once it is signed, nobody can say its number any more.
    """
    if settings.messages is None or said["specimen"]:
        return ""
    describe = f"say it first: smearwatch sessions describe {session} --specimen NUMBER --by WHO"
    return f"its message cannot be sent, for it has no specimen or order number ({describe})"


def _send_after(settings: Settings, messages: Messages, folder: Path) -> str:
    try:
        sent = send(folder, settings.state_dir, messages)
    except NothingToSend:
        settle(folder)
        return f"Nothing is sent until it is signed again. {_earlier(folder)}"
    except Exception as error:  # noqa: BLE001  # the signature stands, and whoever signed is told
        return f"Its message was not sent: {why_not(error)}"
    line = f"Sent to {messages.folder}: {', '.join(each.name for each in sent)}"
    waiting = sum(isinstance(each, Exception) for _, each in send_owed(settings.state_dir, messages))
    if waiting:
        other = "that of 1 other session waits" if waiting == 1 else f"those of {waiting} other sessions wait"
        line += f"; {other}: smearwatch sessions send"
    return line


def _earlier(folder: Path) -> str:
    """Return in a line what the laboratory's system has of a session that was opened again."""
    if any(about["state"] == "sent" for record in (folder / KEPT).glob("*.json") if (about := _read(record))):
        return "Until then the laboratory's system has the earlier result: tell whoever relies on it."
    return "The earlier result was never sent from here."


def why_not(error: Exception) -> str:
    """Return in a line why a message was not sent."""
    return one_line(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"


def send_owed(state_dir: Path, messages: Messages) -> Iterator[tuple[str, tuple[Sent, ...] | Exception]]:
    """Send what was to be sent and could not be; yields each session, and what was sent or why it still waits."""
    for name in session_names(state_dir):
        folder = session_folder(state_dir, name)
        if not owes(folder):
            continue
        try:
            yield name, send(folder, state_dir, messages)
        except NothingToSend:
            settle(folder)  # it was to be signed, and was not; or was opened again since
        except Exception as error:  # noqa: BLE001  # whoever sends the others is told
            yield name, error


def send(folder: Path, state_dir: Path, messages: Messages, *, again: bool = False) -> tuple[Sent, ...]:
    """Put a session's messages, as it stands now, into the folder; those that were sent before are not sent again.

    Parameters
    ----------
    again
        Whether to send what was sent before.

    Raises
    ------
    NothingToSend
        It was never signed, or is opened again.
    NumberNotSaid, FolderUnusable, WhetherSentUnknown, SendingBusy
        See there.
    Exception
        With a hint: what the formats and `read_result` raise.
    """
    with _one_at_a_time(folder), LedgerReader.read(folder) as ledger, ledger.at_one_moment():
        export = Export(read_result(ledger, state_dir), ledger, state_dir)
        stem = f"{export.result.session}-{_state(export.result)}"
        try:
            sent = tuple([_send_one(export, each, stem, messages, again=again) for each in messages.formats])
        except NumberMissing as error:
            settle(folder)
            raise NumberNotSaid(error, export.result.session) from error
        settle(folder)
    return sent


def _state(result: SessionResult) -> str:
    """Return what a message's name says of the state that it is of: no other state of any session has the same."""
    if result.signature is None:
        raise NothingToSend(result.session, reopened=bool(result.amendments))
    kind, at = f"signed-{result.signature.ordinal}", result.signature.at
    began = result.began_at.timestamp() if result.began_at else 0
    parts = (result.session, began, kind, at.timestamp())
    return f"{kind}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"


def _send_one(export: Export, name: MessageFormat, stem: str, messages: Messages, *, again: bool) -> Sent:
    file = f"{stem}.{_ENDINGS[name]}"
    record = export.ledger.folder / KEPT / f"{file}.json"
    about = None if again else _read(record)
    if about is not None and about["state"] == "sent":
        return Sent(file, Path(about["folder"]), now=False)
    target = messages.folder if about is None else Path(about["folder"])
    partial = target / f".{file}.partial"
    unusable = FolderUnusable if about is None else WhetherSentUnknown
    if not target.is_dir():
        raise unusable(f"folder for messages {target} is not there")
    known = target.stat()
    inode = [known.st_dev, known.st_ino]
    if about is not None and about["inode"] != inode:  # as where a network folder is not mounted
        raise unusable(f"folder for messages {target} is not the one of before")
    try:
        if about is None:
            _write(export, name, partial, messages)
            _note(record, "placing", target, inode)
            _rename(partial, target / file)
        elif partial.exists():
            _rename(partial, target / file)
    except OSError as error:
        if getattr(error, "hint", None):
            raise
        raise unusable(f"folder for messages {target}: {error.strerror or error}") from error
    _note(record, "sent", target, inode)
    note_export(export.ledger, name, str(target / file))
    return Sent(file, target, now=True)


def _write(export: Export, name: MessageFormat, partial: Path, messages: Messages) -> None:
    found = find_format(name)
    given = messages.model_dump(exclude_none=True, exclude={"folder", "formats"})
    options = read_options(name, found, {key: each for key, each in given.items() if key in found.options.model_fields})
    partial.unlink(missing_ok=True)  # of one that ended while it wrote
    found.write(export, partial, options)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(partial.parent)


def _rename(partial: Path, file: Path) -> None:
    os.replace(partial, file)
    sync_folder(file.parent)


def _note(record: Path, state: str, target: Path, inode: list[int]) -> None:
    about = {"state": state, "folder": str(target), "inode": inode}
    write_atomically(record, json.dumps(about).encode() + b"\n")


def _read(record: Path) -> dict[str, Any] | None:
    try:
        about = json.loads(read_regular(record))
    except FileNotFoundError:
        return None
    assert isinstance(about, dict)
    return about


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the right to send a session's messages; another process that has it is waited for, then `SendingBusy`."""
    (folder / KEPT).mkdir(exist_ok=True)
    descriptor = os.open(folder / KEPT / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        until_s = time.monotonic() + _PATIENCE_S
        while not _taken(descriptor):
            if time.monotonic() > until_s:
                raise SendingBusy(folder.name)
            time.sleep(_BETWEEN_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
