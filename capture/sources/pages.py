"""A file that shows several fields, given page by page: each is a frame with a name of its own."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from smearwatch.capture.formats.pages import has_pages, list_fields, take_out
from smearwatch.capture.formats.unusable import FrameUnusable
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.sources.in_hand import InHand
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.page_names import page_name
from smearwatch.daemon.wire.control import FileOnWire
from smearwatch.daemon.wire.messages import SourceState


class FileSource(Protocol):
    """A source of files, as `smearwatch.capture.sources.folder.FolderSource` is."""

    in_hand: InHand
    name: str

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return files that are complete now, at most so many."""
        ...

    def descriptors(self) -> Sequence[int]:
        """Return what can be read once files may have come."""
        ...

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Learn that a file is safe with the hub."""
        ...

    def state(self) -> SourceState:
        """Return how many files are waited for."""
        ...

    def take_stalled(self) -> None:
        """Wait no longer for what is incomplete."""
        ...

    def draw_line(self) -> list[FileOnWire]:
        """Draw the line to the next specimen."""
        ...

    def hold_line(self, files: Sequence[FileOnWire] | None) -> None:
        """Hold a line that was drawn before."""
        ...


@dataclass(slots=True)
class _Stack:
    """A file of several fields: the pages to be given, and names and sizes of those that are not with the hub yet."""

    frame: SourceFrame
    pages: deque[int]
    out: set[tuple[str, int]] = field(default_factory=set)
    known: bool = True


class PagedSource:
    """A folder's files, those of several fields by their pages; a file is taken when its last page is.

    Parameters
    ----------
    files : FileSource
        Gives the files.
    max_pixels : int
        Largest width x height that is decoded.
    """

    def __init__(self, files: FileSource, *, max_pixels: int) -> None:
        self.name = files.name
        self._files = files
        self._max_pixels = max_pixels
        self._stacks: list[_Stack] = []
        self._counters = {"stacks_divided": 0, "pages_given": 0, "pages_passed_over": 0}

    def ready(self, most: int) -> Sequence[SourceFrame]:
        """Return pages of the files that are being divided, and files that are complete; see `Source`."""
        frames = self._next_pages(most)
        for frame in self._files.ready(most - len(frames)) if len(frames) < most else ():
            if (stack := self._divided(frame)) is None:
                frames.append(frame)
            else:
                self._stacks.append(stack)
        return frames + self._next_pages(most - len(frames))

    def descriptors(self) -> Sequence[int]:
        """Return what can be read once files may have come."""
        return self._files.descriptors()

    def taken(self, frame: SourceFrame, *, known: bool) -> None:
        """Learn that a frame is safe with the hub; its file is, once every page of it is."""
        key = frame.name, frame.size_bytes
        stack = next((each for each in self._stacks if key in each.out), None)
        if stack is None:
            self._files.taken(frame, known=known)
            return
        stack.out.discard(key)
        stack.known = stack.known and known
        if not stack.pages and not stack.out:
            self._stacks.remove(stack)
            self._files.taken(stack.frame, known=stack.known)

    def state(self) -> SourceState:
        """Return how many files are waited for; a file that is being divided is one."""
        state = self._files.state()
        return replace(state, counters={**state.counters, **self._counters}) if any(self._counters.values()) else state

    def take_stalled(self) -> None:
        """Wait no longer for what is incomplete."""
        self._files.take_stalled()

    def draw_line(self) -> list[FileOnWire]:
        """Draw the line to the next specimen; a file that is being divided is of this one."""
        return self._files.draw_line()

    def hold_line(self, files: Sequence[FileOnWire] | None) -> None:
        """Hold a line that was drawn before."""
        self._files.hold_line(files)

    def _divided(self, frame: SourceFrame) -> _Stack | None:
        """Return a file of several fields with its pages; None for one that is one frame, or is refused whole."""
        if frame.data is None or not has_pages(frame.data):
            return None
        with self._files.in_hand.holding(frame.name, len(frame.data), frame.captured_at_ns):
            try:
                pages, passed_over = list_fields(frame.data, self._max_pixels)
            except FrameUnusable:
                return None  # whoever looks for cells in it says why
        self._counters["pages_passed_over"] += passed_over
        if not pages:
            if passed_over:
                get_logger().info(
                    "a file of several pages shows one field: the others are not used", passed_over=passed_over
                )
            return None
        self._counters["stacks_divided"] += 1
        get_logger().info(
            "a file shows several fields: each becomes a picture", fields=len(pages), passed_over=passed_over
        )
        return _Stack(frame, deque(pages))

    def _next_pages(self, most: int) -> list[SourceFrame]:
        frames: list[SourceFrame] = []
        for stack in self._stacks:
            while stack.pages and len(frames) < most:
                page, whole = stack.pages.popleft(), stack.frame
                assert whole.data is not None  # or it would not have been divided
                data = take_out(whole.data, page)
                name = page_name(whole.name, page + 1)
                stack.out.add((name, len(data)))
                frames.append(replace(whole, name=name, data=data, size_bytes=len(data)))
        self._counters["pages_given"] += len(frames)
        return frames
