"""The record of a session, read and written in a thread of its own: labels in the order in which they were given."""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smearwatch.clients.label_sending import LabelsNotTaken
from smearwatch.clients.reviewing.cells import Cell
from smearwatch.clients.reviewing.desk import Change
from smearwatch.clients.reviewing.gallery import Gallery
from smearwatch.clients.reviewing.writing import write_labels
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import SessionMissing
from smearwatch.daemon.record.writing import LedgerRefused

_REFRESH_S: Final = 1.0
_FORESEEN: Final = (LedgerUnusable, LedgerRefused, LabelsNotTaken, SessionMissing, SessionSigned, SessionBusy, OSError)


@dataclass(frozen=True, slots=True)
class Read:
    """What is new in the record: cells that changed, all results, and what the random review asks for."""

    cells: tuple[Cell, ...]
    tally: Mapping[str, Any]
    draw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the record cannot be read; it is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a label: written, where there is no `why`."""

    change: Change
    why: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An error that nobody foresaw."""

    error: Exception


News = Read | Unread | Settled | Broken


class LabelsUnwritten(Exception):
    """Labels that were given and could not be written before the end."""

    hint = "see `smearwatch sessions show`, and give them again"

    def __init__(self, why: list[str]) -> None:
        number = f"{len(why)} {'label was' if len(why) == 1 else 'labels were'} not written"
        super().__init__(f"{number}: {why[-1]}")


class RecordThread:
    """Reads a session once a second, and writes labels at once.

    Parameters
    ----------
    folder : Path
        The session's.
    runtime_dir : Path
        Where the daemon's sockets are, if it is being counted.
    within : float
        How near each share is to be known, in percentage points to either side.
    tell : callable
        Takes the news, and returns whether anybody will hear of them; called in the thread.
    """

    def __init__(self, folder: Path, runtime_dir: Path, within: float, tell: Callable[[News], bool]) -> None:
        self.gallery = Gallery(folder, within=within)
        self._folder = folder
        self._runtime_dir = runtime_dir
        self._tell = tell
        self._wanted: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._number = 0
        self._tally: Mapping[str, Any] | None = None
        self._told: News | None = None
        self._ending = threading.Event()
        self._unwritten: list[str] = []
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def write(self, change: Change) -> None:
        """Have a label written, after those before it."""
        self._wanted.put(change)

    def close(self) -> None:
        """End, once everything is written.

        Raises
        ------
        LabelsUnwritten
            For labels that were still waiting, and were not taken.
        """
        self._ending.set()
        self._wanted.put(None)
        self._thread.join()
        if self._unwritten:
            raise LabelsUnwritten(self._unwritten)

    def _run(self) -> None:
        try:
            self._refresh()
            while True:
                try:
                    change = self._wanted.get(timeout=_REFRESH_S)
                except queue.Empty:
                    self._refresh()
                    continue
                if change is None:
                    return
                if self._ending.is_set() and self._unwritten:  # nobody is to wait for each of them
                    self._unwritten.append(self._unwritten[-1])
                    continue
                self._write(change)
                if self._wanted.empty():
                    self._refresh()
        except Exception as error:  # noqa: BLE001  # whoever listens ends with it
            self._tell(Broken(error))

    def _write(self, change: Change) -> None:
        why = ""
        try:
            labels = [(change.key, change.label)]
            write_labels(self._folder, self._runtime_dir, labels, change.by, drawn=change.drawn)
        except _FORESEEN as error:
            why = error_text(error)
        heard = self._tell(Settled(change, why)) and not self._ending.is_set()
        if why and not heard:
            self._unwritten.append(why)

    def _refresh(self) -> None:
        try:
            self.gallery.refresh()
        except _FORESEEN as error:
            self._tell_new(Unread(error_text(error)))
            return
        after = self._number
        self._number, rows, _ = self.gallery.changes(after)
        # The corrected result may follow a second later, without another event.
        tally = self.gallery.tally() | self.gallery.corrected()
        if self._number != after or tally != self._tally or isinstance(self._told, Unread):
            self._tally = tally
            self._tell_new(Read(tuple(Cell.of(row) for row in rows), tally, self.gallery.draw()))

    def _tell_new(self, news: News) -> None:
        if news != self._told:
            self._told = news
            self._tell(news)


def error_text(error: Exception) -> str:
    """Return an error in one line, with what to do."""
    hint = getattr(error, "hint", "")
    return f"{error}" + (f" ({hint})" if hint else "")
