"""The subfolders of a watched folder: each one's session, and which of its pictures that session does not have yet."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.continuing import other_pictures
from smearwatch.daemon.folder_check import is_picture_name
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.names import NAME_RULE
from smearwatch.daemon.one_line import say
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Opened, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import name_from, session_folder
from smearwatch.daemon.record.values import printable
from smearwatch.daemon.withheld import withhold

_SCAN_AGAIN_S: Final = 10.0

Mark = tuple[str, int, int, int]
"""A file's name, size in bytes, time of modification and of change in ns."""


@dataclass(slots=True)
class Subfolder:
    """One subfolder.

    Attributes
    ----------
    noted_s : dict
        Since when each of its pictures is as it is.
    recorded : set of tuple
        Name, size and time of the frames in its session, as far as they were read.
    done : set
        Pictures that a run has dealt with although no frame of theirs is recorded.
    unfinished : list
        Pictures that its session does not have.
    pending : bool
        Whether its session has frames that wait.
    closed : bool
        Whether nothing more is to be counted, for its target is reached.
    signed : bool
        Whether a person signed its session, so that nothing more can be.
    present : bool
        Whether it was there at the last scan.
    """

    path: Path
    session: str
    noted_s: dict[Mark, float] = field(default_factory=dict)
    recorded: set[tuple[str, int, int]] = field(default_factory=set)
    done: set[Mark] = field(default_factory=set)
    pending: bool = False
    closed: bool = False
    signed: bool = False
    present: bool = True
    unfinished: list[Mark] = field(default_factory=list)
    scanned_s: float = float("-inf")
    folder_ns: int = -1

    def compare(self) -> None:
        """Find the pictures that its session does not have."""
        known = self.recorded, self.done
        self.unfinished = [mark for mark in self.noted_s if _key(mark) not in known[0] and mark not in known[1]]

    def mark_gone(self) -> None:
        """Note that there is nothing to be read any more."""
        self.noted_s, self.unfinished, self.folder_ns, self.present = {}, [], -1, False


class Subfolders:
    """All subfolders of a folder, by name; reads the disk when `scan` is called.

    Parameters
    ----------
    template : RunPlan
        The plan of a run, of which folder and session are changed for each subfolder.
    prefix : str, optional
        Goes before each session's name, with a dash.

    Attributes
    ----------
    left : list of str
        The subfolders whose pictures are counted into no session.
    """

    def __init__(
        self, folder: Path, template: RunPlan, prefix: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._template = template
        self._prefix = f"{prefix}-" if prefix else ""
        self._clock = clock
        self._known: dict[str, Subfolder] = {}
        self._unusable: dict[str, str] = {}
        self._beside: set[str] = set()
        self.left: list[str] = []
        self._away = False

    def counters(self) -> dict[str, int]:
        """Return how many subfolders have no session, by reason, and how many pictures lie beside them."""
        reasons = list(self._unusable.values())
        return {
            "sessions": len(self._known),
            "names_unusable": reasons.count("name"),
            "names_taken": reasons.count("taken"),
            "ledgers_unusable": reasons.count("ledger"),
            "links_not_followed": reasons.count("link"),
            "files_beside": len(self._beside),
        }

    @property
    def away(self) -> bool:
        """Whether the whole folder was missing at the last scan."""
        return self._away

    def plan(self, subfolder: Subfolder) -> RunPlan:
        """Return the plan of a subfolder's run."""
        options = {**self._template.source_options, "dir": str(subfolder.path)}
        changes = {"session": subfolder.session, "source_options": options, "subfolder": subfolder.path.name}
        return self._template.model_copy(update=changes)

    def with_work(self) -> list[Subfolder]:
        """Return the subfolders that hold something unfinished, that with the newest picture first."""
        found = [s for s in self._known.values() if (s.unfinished or s.pending) and not (s.closed or s.signed)]
        return sorted(found, key=lambda s: max((mark[2] for mark in s.unfinished), default=0), reverse=True)

    def scan(self) -> None:
        """Find new subfolders and new pictures."""
        try:
            with os.scandir(self._folder) as entries:
                found = sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in entries)
        except OSError as error:
            if not self._away:
                get_logger().error("watched folder is away", folder=str(self._folder), why=error.strerror)
            self._away = True
            return
        if self._away:
            get_logger().info("watched folder is back", folder=str(self._folder))
        self._away = False
        for name in self._known.keys() - {name for name, is_folder, _ in found if is_folder}:
            self._known[name].mark_gone()
        for name, is_folder, is_link in found:
            if name.startswith("."):
                continue
            if is_folder:
                self._scan_one(name)
            elif is_link and (self._folder / name).is_dir():
                self._refuse(name, "link", "is a link to a folder and not followed", "make it a folder, or watch it")
            elif is_picture_name(name):
                self._report_beside(name)
        for subfolder in self._known.values():
            if subfolder.signed:
                self.is_signed(subfolder)  # it may have been amended

    def compare_after_run(self, subfolder: Subfolder, *, began_s: float, idle: bool) -> None:
        """Compare with the ledger after a run; what an idle run has had for long is done, recorded or not.

        A second name for the same bytes, or a changed date, is no other frame, so the ledger does not have it.
        """
        self._read_ledger(subfolder)
        if idle:
            long_s = 2.0 * self._template.settings.rescan_s + 1.0
            before_s = max(began_s, self._clock() - long_s)
            subfolder.compare()
            subfolder.done |= {mark for mark in subfolder.unfinished if subfolder.noted_s[mark] <= before_s}
        subfolder.compare()

    def is_signed(self, subfolder: Subfolder) -> bool:
        """Return whether a person has signed its session by now, as far as that can be read."""
        folder = session_folder(self._template.settings.state_dir, subfolder.session)
        if not (folder / LEDGER_FILE).is_file():
            return False
        with suppress(LedgerUnusable):  # whoever counts it says so
            with LedgerReader.read(folder) as ledger:
                signed = ledger.signature()
            if signed is not None and not subfolder.signed:
                error = SessionSigned(subfolder.session, signed)
                name, why = subfolder.path.name, str(error)
                get_logger().warning("signed, so not counted", subfolder=name, why=why, hint=error.hint)
            subfolder.signed = signed is not None
        return subfolder.signed

    def _scan_one(self, name: str) -> None:
        subfolder = self._known.get(name)
        if subfolder is None and (subfolder := self._enrol(name)) is None:
            return
        subfolder.present = True
        now_s = self._clock()
        try:
            changed_ns = os.stat(subfolder.path).st_mtime_ns
            # A new name changes the folder; a file that is written over does not.
            if changed_ns == subfolder.folder_ns and now_s - subfolder.scanned_s < _SCAN_AGAIN_S:
                return
            marks = set(_marks(subfolder.path))
        except OSError:
            return  # it is being removed, or the share goes away: the next scan shows which
        subfolder.folder_ns, subfolder.scanned_s = changed_ns, now_s
        subfolder.noted_s = {mark: subfolder.noted_s.get(mark, now_s) for mark in marks}
        subfolder.done &= marks
        subfolder.compare()

    def _enrol(self, name: str) -> Subfolder | None:
        if name in self._unusable:
            return None
        withhold(name)
        session = name_from(f"{self._prefix}{name}") if name_from(name) else None
        if session is None:
            self._refuse(name, "name", "cannot be the name of a session", f"rename it: {NAME_RULE}")
            return None
        other = next((other for other, known in self._known.items() if known.session == session), None)
        subfolder = Subfolder(self._folder / name, session)
        try:
            other = other or self._read_ledger(subfolder)
            others = None if other is not None else self._other_pictures(subfolder)
        except LedgerUnusable as error:
            self._refuse(name, "ledger", f"has a session that cannot be read: {error}", error.hint)
            return None
        if others is not None:
            hint = "rename it, or give --session NAME, which goes before each, or --continue where it is the same slide"
            self._refuse(name, "taken", f"would carry on session {session}, and {others}", hint)
            return None
        if other is not None:
            hint = "rename it, or give --session NAME, which goes before each"
            self._refuse(name, "taken", f"would be session {session}, which is that of {other}", hint)
            return None
        self._known[name] = subfolder
        withhold(session)
        get_logger().info("subfolder", subfolder=name, session=session)
        self.is_signed(subfolder)
        return subfolder

    def _read_ledger(self, subfolder: Subfolder) -> str | None:
        """Read what a session has; returns whose it is where it is another folder's."""
        folder = session_folder(self._template.settings.state_dir, subfolder.session)
        if not (folder / LEDGER_FILE).is_file():
            return None
        with LedgerReader.read(folder) as ledger:
            owner = next((r.event.settings for r in ledger.events(limit=1) if isinstance(r.event, Opened)), {})
            subfolder.pending = ledger.summary().pending > 0
            seen = [recorded.event for recorded in ledger.seen_frames()]
        subfolder.recorded = {(e.name, e.size_bytes, e.captured_at_ns) for e in seen if isinstance(e, Seen)}
        return _other_owner(owner, self.plan(subfolder).recorded_settings())

    def _other_pictures(self, subfolder: Subfolder) -> str | None:
        """Return why its pictures cannot be those of its session: another slide's folder may have its name now."""
        folder = session_folder(self._template.settings.state_dir, subfolder.session)
        if self._template.carry_on or not (folder / LEDGER_FILE).is_file():
            return None
        with LedgerReader.read(folder) as ledger:
            return other_pictures(subfolder.path, ledger)

    def _refuse(self, name: str, reason: str, why: str, hint: str) -> None:
        if name in self._unusable:
            return
        self._unusable[name] = reason
        if reason == "link":  # what it leads to may be counted under its own name
            get_logger().warning("subfolder is not counted", subfolder=name, why=why, hint=hint)
            return
        self.left.append(str(printable(name)))
        say(f"subfolder {self.left[-1]} is not counted: it {why} ({hint})")

    def _report_beside(self, name: str) -> None:
        if not self._beside:
            hint = "move it into a subfolder, or run without --subfolders"
            get_logger().warning("a picture beside the subfolders belongs to no session", file=name, hint=hint)
        self._beside.add(name)


def _other_owner(owner: Mapping[str, Any], ours: Mapping[str, Any]) -> str | None:
    keys = ("subfolder", "subfolder_of")
    if not any(owner.get(key) for key in keys) or all(owner.get(key) == ours[key] for key in keys):
        return None
    same_name = owner.get("subfolder") == ours["subfolder"]
    return f"{owner.get('subfolder')!r} of another watched folder" if same_name else repr(owner.get("subfolder"))


def _marks(folder: Path) -> list[Mark]:
    marks = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_picture_name(entry.name) and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                marks.append((entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return marks


def _key(mark: Mark) -> tuple[str, int, int]:
    """Spell a file as the ledger does: by a printable name, size and time."""
    name, size_bytes, modified_at_ns, _ = mark
    return name.encode("utf-8", "replace").decode("utf-8"), size_bytes, max(0, modified_at_ns)
