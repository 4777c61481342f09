"""Frames from a watched folder: notifications for speed, a rescan for certainty."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from smearwatch.capture.formats.metadata import side_file_for
from smearwatch.capture.scale.resolver import scale_resolver
from smearwatch.capture.sources.base import Delivery, LineFile, LineNotDrawn, SourceFrame
from smearwatch.capture.sources.file_events import FileChange, FolderNotices
from smearwatch.capture.sources.in_hand import REFUSAL, InHand
from smearwatch.capture.sources.options import Options, read_options
from smearwatch.capture.sources.pages import PagedSource
from smearwatch.capture.sources.reading import Reading, beginning, mark_of, read_file, refused
from smearwatch.capture.sources.settle import FileMark, SettleBook, Settled
from smearwatch.capture.sources.specimen_line import Of, SpecimenLine, Waiting
from smearwatch.capture.sources.surroundings import Surroundings
from smearwatch.daemon.folder_check import check_watch_dir, is_picture_name
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.open_files import HOW, none_left
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.role import Role
from smearwatch.daemon.record.earlier import FileKey, earlier_than, follows
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.values import printable
from smearwatch.daemon.wire.control import FileLeft
from smearwatch.daemon.wire.messages import SourceState

_UNCLEAR = ("specimen_unclear", "changed after the next specimen was begun, so nobody knows of which of the two it is")
# Two pictures of one camera may have their first bytes alike: header, light background. Not so many.
_TELLING_BYTES = 64 * 1024
_HASHING_S = 3.0
_MOST_LEFT = 200  # files that are named as left in each pulse, those that are held up first
# Software that writes a file beside each picture may write it a little later.
_SIDE_FILE_S = 3.0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file as it was when it was taken; no digest where it could not be read, an empty one if set aside."""

    mark: FileMark
    digest: bytes | None


class FolderSource:
    """The files of one folder (not of its subfolders), each once it is complete.

    Parameters
    ----------
    earlier : collection of tuple
        The files of specimens before this one, which lie there too.
    clock : callable
        Monotonic seconds.
    """

    name = "folder"

    def __init__(
        self,
        folder: Path,
        plan: RunPlan,
        *,
        earlier: Collection[FileKey] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = plan.settings
        self._folder = folder
        self._plan = plan
        self._clock = clock
        self._book = SettleBook(settle_s=settings.settle_s, incomplete_s=settings.incomplete_s)
        self._notices = FolderNotices(folder)
        self._around = Surroundings(folder)
        self.in_hand = InHand.of(plan, "reading")
        self._line = SpecimenLine(earlier)
        self._taken: dict[str, _Taken] = {}
        self._given: dict[str, FileMark] = {}
        self._counters = Counter({"files_known_before": 0, "files_unchanged": 0, "files_gone": 0, "read_errors": 0})
        self._next_scan_s = 0.0
        self._scanned = False
        self._lost = False
        self._side_files_come = False
        self._warned_unreadable = False

    def __enter__(self) -> "FolderSource":
        self._notices.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._notices.__exit__()

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return files that are complete now; see `Source`."""
        if not self._scanned and self._clock() >= self._next_scan_s:
            self._scan()  # what lay there comes before what came since the folder is watched
        self._read_notices()
        if self._clock() >= self._next_scan_s:
            self._scan()
        frames: list[SourceFrame] = []
        for path in self._book.paths():
            # What the first scan finds settles for a moment; what comes meanwhile, and is known to be closed, is later.
            if len(frames) == most or self._book.is_new(path, self._clock()):
                break
            if path not in self._given and (frame := self._scan_file(path)) is not None:
                frames.append(frame)
        return frames

    def descriptors(self) -> Sequence[int]:
        """Return what can be read once the system has noticed a change in the folder."""
        return self._notices.descriptors

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Remember the file as it was when it was read, so that a change of it is seen."""
        path = str(self._folder / frame.name)
        mark = self._given.pop(path)
        aside = b"" if frame.refusal == REFUSAL else None
        self._taken[path] = _Taken(mark, aside if frame.data is None else hashlib.sha256(frame.data).digest())
        self._line.took(frame.name, mark)
        self._counters["files_known_before"] += known
        # What was written meanwhile may keep size and date; then the book knows it from the kernel.
        if self._book.mark(path) == mark and not self._book.written_since_read(path):
            self._book.forget(path)

    def state(self) -> SourceState:
        """Return how many files are waited for."""
        counters = {**self._around.counters(), **self._counters, **self._line.counters()}
        stalled = 0
        if (until_idle_s := self._plan.until_idle_s) is not None:
            now_s, waiting = self._clock(), (path for path in self._book.paths() if path not in self._given)
            stalled = sum(self._book.stalled(path, now_s, until_idle_s) for path in waiting)
        left, more = self._left()
        return SourceState(len(self._book), self._scanned, False, counters, stalled, left, more)

    def _left(self) -> tuple[tuple[FileLeft, ...], int]:
        """Return what would be left, were the run to end now: the first files by name, and how many more."""
        held_up = self._book.held_up(self._clock())
        others = (path for path in self._book.paths() if path not in held_up)
        left = []
        for path in islice(chain(held_up, others), _MOST_LEFT):
            if (mark := self._book.mark(path)) is not None:
                name = str(printable(os.path.basename(path)))
                left.append(FileLeft(name, mark.size_bytes, max(0, mark.modified_at_ns), held_up.get(path, "waiting")))
        return tuple(left), max(0, len(self._book) - _MOST_LEFT)

    def take_stalled(self) -> None:
        """Wait no longer for what is incomplete or cannot be read: nothing has changed for as long as the run waits."""
        if (until_idle_s := self._plan.until_idle_s) is not None and until_idle_s < self._book.incomplete_s:
            self._book.incomplete_s = until_idle_s
            get_logger().warning(
                "incomplete pictures are taken as they are, for the run ends when nothing comes",
                unchanged_s=until_idle_s,
                hint="count again once they are whole: a picture that grew is another one",
            )

    def draw_line(self) -> list[LineFile]:
        """Return the files that are there now and not taken yet; those that come later are of the next specimen."""
        self._read_notices()
        self._scan()
        if self._lost:
            raise LineNotDrawn("the watched folder is away")
        now_s, waiting = self._clock(), {}
        for path in sorted(self._book.paths(), key=lambda path: self._book.quiet_s(path, now_s)):
            ended = self._book.closed(path) or self._book.quiet_s(path, now_s) >= self._plan.settings.incomplete_s
            if (mark := self._book.mark(path)) is not None:
                in_time = not ended and self._clock() - now_s < _HASHING_S
                begins = _begins(path, mark) if in_time else None
                waiting[os.path.basename(path)] = Waiting(mark, grows=not ended, begins=begins)
        return self._line.draw(waiting)

    def hold_line(self, files: Sequence[LineFile] | None) -> None:
        """Take these files and no others; None: whatever comes."""
        self._line.hold(files)
        self._next_scan_s = 0.0

    def _read_notices(self) -> None:
        notices = list(self._notices.read())
        if lost := self._notices.lost():
            self._scan()  # those that were not told of came before those that are told of now
        for notice in notices:
            if is_picture_name(notice.name):
                self._note(str(self._folder / notice.name), notice.change)
        if lost:
            self._book.mark_unknown()

    def _scan(self) -> None:
        began_s = self._clock()
        self._notices.attend()  # before the scan, so that nothing falls between the two
        try:
            with os.scandir(self._folder) as entries:
                names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError as error:
            # A share that is away comes back; until then nothing is lost, for nothing was taken.
            if not self._lost:
                get_logger().error("watched folder is away", folder=str(self._folder), why=error.strerror)
            self._lost, self._scanned = True, False
            self._next_scan_s = began_s + self._plan.settings.rescan_s
            return
        if self._lost:
            get_logger().info("watched folder is back", folder=str(self._folder))
        for name, is_folder in names:
            if is_folder:
                self._around.subfolder(name)
            elif is_picture_name(name):
                self._note(str(self._folder / name), None)
            else:
                self._around.ignore(name)
        self._lost, self._scanned = False, True
        ended_s = self._clock()
        # A slow share is scanned at most half of the time.
        self._next_scan_s = ended_s + max(self._plan.settings.rescan_s, ended_s - began_s)

    def _note(self, path: str, change: FileChange | None) -> None:
        try:
            status = self._around.regular(os.path.basename(path))
        except OSError:
            self._gone(path)
            return
        if status is None:
            self._book.forget(path)
            return
        mark, taken = mark_of(status), self._taken.get(path)
        if self._line.place(os.path.basename(path), mark) not in (Of.THIS, Of.UNCLEAR):
            self._book.forget(path)
            return
        by_writer = change in (FileChange.WRITTEN, FileChange.CLOSED)
        if by_writer or taken is None or taken.mark != mark or (taken.digest is None and self._opens(path, taken)):
            closed, written = change is FileChange.CLOSED, change is FileChange.WRITTEN
            self._book.note(path, mark, self._clock(), closed=closed, written=written)

    def _gone(self, path: str) -> None:
        if path in self._book and os.path.isdir(self._folder):
            self._counters["files_gone"] += 1
        self._book.forget(path)

    def _opens(self, path: str, taken: _Taken) -> bool:
        """Return whether a file that could not be read can be now, by a change that does not show in it."""
        if taken.mark.size_bytes > self._plan.settings.max_frame_bytes:
            return False
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    def _scan_file(self, path: str) -> SourceFrame | None:
        self._note(path, None)
        decision = self._book.decide(path, self._clock()) if path in self._book else Settled.WAIT
        if decision is Settled.WAIT or self._awaits_side_file(path):
            return None
        mark, name = self._book.mark(path), os.path.basename(path)
        try:
            if mark is not None and self._line.place(name, mark) is Of.UNCLEAR and not self._goes_on(path, mark):
                hint = "if it is of the next specimen, copy it into the folder under another name once that is counted"
                get_logger().warning("nobody knows of which specimen a file is: not counted", file=name, hint=hint)
                return self._give(path, refused(name, mark, *_UNCLEAR), mark)
            if mark is not None and self.in_hand.is_worn_out(name, mark.size_bytes, mark.modified_at_ns):
                return self._give(path, refused(name, mark, *REFUSAL), mark)
            known = (0, 0) if mark is None else (mark.size_bytes, mark.modified_at_ns)
            with self.in_hand.holding(name, *known):
                reading = read_file(path, max_bytes=self._plan.settings.max_frame_bytes)
        except FileNotFoundError:
            self._gone(path)
            return None
        except OSError as error:
            return self._unreadable(path, error)
        self._read_notices()  # what was written while it was read
        if reading.mark is None or reading.mark != self._book.mark(path) or not self._book.may_take(path, decision):
            return None
        if decision is Settled.READ and not self._whole(path, reading):
            self._book.mark_incomplete(path)
            return None
        return self._give(path, reading.frame, reading.mark)

    def _goes_on(self, path: str, mark: FileMark) -> bool:
        """Return whether a file that was written when the line was drawn was only written on since."""
        name = os.path.basename(path)
        if (begins := self._line.begins(name)) is None or beginning(path, begins[0]) != begins[1]:
            return False
        self._line.goes_on(name, mark)
        return True

    def _whole(self, path: str, reading: Reading) -> bool:
        return reading.complete and (self._book.closed(path) or not reading.hollow)

    def _give(self, path: str, frame: SourceFrame, mark: FileMark) -> SourceFrame | None:
        before = self._taken.get(path)
        if frame.data is not None and before is not None and before.digest == hashlib.sha256(frame.data).digest():
            # Touched, linked, its rights changed: the same bytes are the same frame.
            self._counters["files_unchanged"] += 1
            self._taken[path] = _Taken(mark, before.digest)
            self._book.forget(path)
            return None
        self._book.mark_read(path)
        self._given[path] = mark
        return frame

    def _unreadable(self, path: str, error: OSError) -> SourceFrame | None:
        """Try again with every scan, for a while; then the file is rejected, and counts."""
        now_s, name, why = self._clock(), os.path.basename(path), error.strerror or str(error)
        self._counters["read_errors"] += 1
        if not self._warned_unreadable:
            self._warned_unreadable = True
            hint = HOW if none_left(error) else "give this user the right to read it; it is tried again"
            get_logger().warning("a file cannot be read", file=name, why=why, hint=hint)
        mark = self._book.mark(path)
        if mark is None or none_left(error) or self._book.quiet_s(path, now_s) < self._book.incomplete_s:
            self._book.postpone(path, now_s + self._plan.settings.rescan_s)
            return None
        if os.path.isdir(self._folder):
            return self._give(path, refused(name, mark, "unreadable", why), mark)
        return None

    def _awaits_side_file(self, path: str) -> bool:
        """Return whether the file beside a picture, which holds the scale, is still to come, as with those before."""
        if side_file_for(Path(path)) is not None:
            self._side_files_come = True
            return False
        return self._side_files_come and self._book.quiet_s(path, self._clock()) < _SIDE_FILE_S


def _begins(path: str, mark: FileMark) -> tuple[int, str] | None:
    """Return how a file begins as far as it was written, None where that does not tell it from other pictures."""
    if mark.size_bytes < _TELLING_BYTES:
        return None
    try:
        digest = beginning(path, mark.size_bytes)
    except OSError:
        return None
    return None if digest is None else (mark.size_bytes, digest)


class FolderOptions(Options):
    """The source's options: the folder."""

    dir: Path


def check(plan: RunPlan) -> None:
    """Raise what speaks against watching the plan's folder, before anything is begun."""
    check_watch_dir(read_options(FolderOptions, plan).dir)
    scale_resolver(plan)


def _earlier(plan: RunPlan) -> set[FileKey]:
    """Return the files of the specimens before this one; the hub has opened its session by now, or passes them over."""
    if plan.joins:
        return set()
    state_dir = plan.settings.state_dir
    with LedgerReader.read(session_folder(state_dir, plan.session)) as ledger:
        before = follows(ledger)
    return earlier_than(state_dir, plan.session, before, without_missing=plan.carry_on).files


def main(plan: RunPlan, role: Role) -> None:
    """Watch the plan's folder until the role is stopped."""
    folder = check_watch_dir(read_options(FolderOptions, plan).dir)
    scales, earlier = scale_resolver(plan), _earlier(plan)
    with FolderSource(folder, plan, earlier=earlier) as files:
        source = PagedSource(files, max_pixels=plan.settings.max_frame_pixels)
        with Delivery(plan, role, source, scales) as delivery:
            role.on_stop(files.in_hand.let_go)
            get_logger().info("watching", folder=str(folder))
            delivery.run()
