"""Frames from a watched folder: notifications for speed, a rescan for certainty."""

import os
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from smearwatch.capture.header import probe
from smearwatch.capture.metadata import side_file_for
from smearwatch.capture.settle import FileMark, SettleBook, Settled
from smearwatch.capture.sources.base import Delivery, SourceFrame
from smearwatch.capture.sources.options import Options, read_options
from smearwatch.capture.sources.witnesses import scale_desk
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.role import Role
from smearwatch.daemon.watch_dir import check_watch_dir
from smearwatch.daemon.wire.messages import SourceState

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".czi"})
# How the pictures that are read here begin; a file that begins otherwise will not become one by waiting.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"ZISRAWFILE")
# Software that writes a file beside each picture may write it a little later.
_SIDE_FILE_S = 3.0


class _Notices(FileSystemEventHandler):
    """Puts what the system tells into a queue; everything else happens in the source's own thread."""

    def __init__(self, sink: "queue.SimpleQueue[tuple[str, bool]]") -> None:
        self._sink = sink

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            whole = event.event_type in (EVENT_TYPE_CLOSED, EVENT_TYPE_MOVED)
            path = event.dest_path if event.event_type == EVENT_TYPE_MOVED else event.src_path
            self._sink.put((os.fsdecode(path), whole))


class FolderSource:
    """The files of one folder (not of its subfolders), each once it is complete.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    name = "folder"

    def __init__(self, folder: Path, plan: RunPlan, *, clock: Callable[[], float] = time.monotonic) -> None:
        settings = plan.settings
        self._folder = folder
        self._plan = plan
        self._clock = clock
        self._book = SettleBook(settle_s=settings.settle_s, incomplete_s=settings.incomplete_s)
        self._notices: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._taken: dict[str, FileMark] = {}
        self._given: dict[str, FileMark] = {}
        self._next_scan_s = 0.0
        self._scanned = False
        self._ignored: set[str] = set()
        self._lost = False
        self._known_before = 0
        self._side_files_come = False
        self._stack = ExitStack()

    def __enter__(self) -> "FolderSource":
        observer = Observer()
        observer.schedule(_Notices(self._notices), str(self._folder), recursive=False)
        observer.start()
        self._stack.callback(observer.join)
        self._stack.callback(observer.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Give files that are complete now; see `Source`."""
        self._listen()
        now_s = self._clock()
        if now_s >= self._next_scan_s:
            self._next_scan_s = now_s + self._plan.settings.rescan_s
            self._scan()
        frames: list[SourceFrame] = []
        for path in self._book.paths():
            if len(frames) == most:
                break
            if path not in self._given and (frame := self._look(path)) is not None:
                frames.append(frame)
        return frames

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Remember the file as it was when it was read, so that a change of it is seen."""
        path = str(self._folder / frame.name)
        mark = self._given.pop(path)
        self._taken[path] = mark
        self._known_before += known
        if self._book.mark(path) == mark:
            self._book.forget(path)

    def state(self) -> SourceState:
        """Say how many files are waited for."""
        counters = {"files_ignored": len(self._ignored), "files_known_before": self._known_before}
        return SourceState(len(self._book), self._scanned, finished=False, counters=counters)

    def _listen(self) -> None:
        while True:
            try:
                path, whole = self._notices.get_nowait()
            except queue.Empty:
                return
            if os.path.dirname(path) == str(self._folder):
                self._see(path, closed=whole)

    def _scan(self) -> None:
        try:
            with os.scandir(self._folder) as entries:
                paths = sorted(entry.path for entry in entries if entry.is_file())
        except OSError as error:
            # A share that is away comes back; until then nothing is lost, for nothing was taken.
            if not self._lost:
                get_logger().error("watched folder is away", folder=str(self._folder), why=error.strerror)
            self._lost = True
            return
        if self._lost:
            get_logger().info("watched folder is back", folder=str(self._folder))
        self._lost, self._scanned = False, True
        for path in paths:
            self._see(path)

    def _see(self, path: str, *, closed: bool = False) -> None:
        name = os.path.basename(path)
        if name.startswith(".") or os.path.splitext(name)[1].lower() not in SUFFIXES:
            self._ignored.add(name)
            return
        try:
            mark = _mark(os.stat(path))
        except OSError:
            self._book.forget(path)
            return
        if self._taken.get(path) != mark:
            self._book.see(path, mark, self._clock(), closed=closed)

    def _look(self, path: str) -> SourceFrame | None:
        self._see(path)
        decision = self._book.decide(path, self._clock()) if path in self._book else Settled.WAIT
        if decision is Settled.WAIT:
            return None
        if self._awaits_side_file(path):
            return None
        frame, mark, complete = self._read(path)
        if mark is None or mark != self._book.mark(path):
            return None
        if not complete and decision is Settled.LOOK:
            self._book.incomplete(path)
            return None
        self._given[path] = mark
        return frame

    def _awaits_side_file(self, path: str) -> bool:
        """Whether the file beside a picture is still to come, as it did with those before; it holds the scale."""
        if side_file_for(Path(path)) is not None:
            self._side_files_come = True
            return False
        return self._side_files_come and self._book.quiet_s(path, self._clock()) < _SIDE_FILE_S

    def _read(self, path: str) -> tuple[SourceFrame, FileMark | None, bool]:
        """Read a file; gives also what it looked like when it was read, None when it changed meanwhile."""
        name = os.path.basename(path)
        try:
            before = _mark(os.stat(path))
            if before.size_bytes > self._plan.settings.max_frame_bytes:
                limit = self._plan.settings.max_frame_bytes
                refusal = ("file_too_large", f"{before.size_bytes} bytes, at most {limit}")
                return _refused(name, before, refusal), before, True
            with open(path, "rb") as file:
                data = file.read(before.size_bytes + 1)
            after = _mark(os.stat(path))
            beside = side_file_for(Path(path))
            side_file = None if beside is None else beside.read_bytes()
        except OSError as error:
            mark = self._book.mark(path) or FileMark(0, 0, 0)
            return _refused(name, mark, ("unreadable", error.strerror or str(error))), mark, False
        frame = SourceFrame(
            name=name,
            data=data,
            captured_at_ns=max(0, before.modified_at_ns),  # a camera without a clock may date before 1970
            side_file=side_file,
            size_bytes=len(data),
        )
        unchanged = before == after and len(data) == before.size_bytes
        return frame, before if unchanged else None, probe(data).complete or _hopeless(data)


def _hopeless(data: bytes) -> bool:
    """Whether bytes are no beginning of a picture; zeros may be room that is filled later."""
    return any(data[:64]) and not any(data[: len(start)] == start[: len(data)] for start in _BEGINNINGS)


def _mark(status: os.stat_result) -> FileMark:
    return FileMark(status.st_size, status.st_mtime_ns, status.st_ino)


def _refused(name: str, mark: FileMark, refusal: tuple[str, str]) -> SourceFrame:
    # Known by its name, size and time: reading gigabytes only to name them would hold up the files behind it.
    return SourceFrame(name, None, max(0, mark.modified_at_ns), refusal=refusal, size_bytes=mark.size_bytes)


class FolderOptions(Options):
    """What the source is told: the folder."""

    dir: Path


def main(plan: RunPlan, role: Role) -> None:
    """Watch the plan's folder until told to stop."""
    folder = check_watch_dir(read_options(FolderOptions, plan).dir)
    scales = scale_desk(plan)
    with FolderSource(folder, plan) as source, Delivery(plan, role, source, scales) as delivery:
        get_logger().info("watching", folder=str(folder))
        delivery.run()
