"""Seen frames wait on disk, are leased to finders in order, and come back as cells or as a rejection."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from smearwatch.daemon.hub.crop_queue import CROP_BYTES, CropQueue, stray_answer
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.leases import ATTEMPTS, LeaseBook
from smearwatch.daemon.hub.stages import StageTimes
from smearwatch.daemon.in_part_text import part_text
from smearwatch.daemon.log import frame_id, get_logger, is_worth_a_line
from smearwatch.daemon.record.events import POISONED, CellStain, Found, FoundCell, Nucleus, Rejected, flaw_of
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.wire.codec import Buffer
from smearwatch.daemon.wire.messages import CellsFound, FrameLease, FrameRejected, LeaseFailed, OfferFrame, Refused
from smearwatch.daemon.wire.parts import CellOnWire

_PAGE = 64
_MOST_THUMBNAIL_BYTES = 2**18  # they have some four thousand


class FrameQueue:
    """Leases frames to finders as long as the crops that they may bring have room."""

    def __init__(
        self,
        journal: Journal,
        crops: CropQueue,
        stages: StageTimes,
        *,
        lease_s: float,
        most_pixels: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._ledger = journal.ledger
        self._crops = crops
        self._stages = stages
        self._most_pixels = most_pixels
        self._cursor = 0
        self._again: set[str] = set()  # frames of which crops are to be cut again that were counted
        self.leases: LeaseBook[str] = LeaseBook(lease_s, clock)

    def lease(self, holder: bytes, turn: int) -> tuple[FrameLease, bytes] | None:
        """Return the next frame to the finder in its turn, as they were seen; before it those of lost first cells."""
        for frame in {frame for frame, _ in self._crops.anew.lost} - self._again:
            self._again.add(frame)
            self.leases.put(frame, first=True)
        if not self.leases.queued:
            self._refill()
        while (granted := self.leases.grant(holder)) is not None:
            number, frame = granted
            if self._worn_out(number, frame, holder):
                continue
            try:
                data = self._ledger.frames.read_as_recorded(frame)
            except FrameStoreError as error:
                if self._ledger.frames.is_away or error.may_pass:  # with all its frames: none is lost
                    if error.may_pass:
                        self._note_unread(error)
                    self.leases.give_back(number, holder, tried=False)
                    return None
                if self._is_counted(frame):
                    self.leases.settle(number, holder)
                    self._crops.give_up_first_cells(str(error))
                    continue
                if self._ledger.found(frame) is not None:
                    raise  # its cells wait and cannot be cut again: end with its one line rather than wait for ever
                self._give_up(number, frame, holder, "frame_bytes_lost", str(error))
                continue
            return self._describe(number, frame, turn), data
        return None

    def _note_unread(self, error: FrameStoreError) -> None:
        self._journal.counters["frames_not_read"] += 1
        if is_worth_a_line(self._journal.counters["frames_not_read"]):
            get_logger().error("frames cannot be read just now, and wait", why=str(error), hint=error.hint)

    def lease_ahead(self, frame: str, offered: OfferFrame, holder: bytes, turn: int) -> FrameLease | None:
        """Return a new frame's lease before the ledger holds it, None where another frame comes before it."""
        if self._crops.anew.lost or self._ledger.pending_frames(after=self._cursor, limit=1):
            return None
        if (number := self.leases.grant_alone(frame, holder)) is None:
            return None
        return FrameLease(
            lease=number,
            frame=frame,
            name=offered.name,
            um_per_px=offered.um_per_px,
            um_per_px_source=offered.um_per_px_source,
            known_cells=(),
            turn=turn,
            two_objectives=self._two_objectives,
        )

    def keep_ahead(self, frame: str) -> None:
        """Note that a frame which was leased ahead is in the ledger: it is not to be leased once more from there."""
        (pending,) = self._ledger.pending_frames(after=self._cursor, limit=1)
        assert pending.seen.frame == frame
        self._cursor = pending.number

    @property
    def _two_objectives(self) -> bool:
        return "scale_changed" in self._journal.fold.rejected_by_reason

    def found(self, message: CellsFound, buffers: Sequence[memoryview], holder: bytes) -> Refused | None:
        """Commit a frame's cells and hold their crops."""
        if self.leases.holds(message.lease, holder) != message.frame:
            return stray_answer(self.leases, self._journal, message.lease, holder)
        known = self._ledger.counted_indices(message.frame)
        try:
            event = found_event(message)
            flaw = (
                _flaw(event, message.cropped, buffers, known)
                or self._other_cells(event)
                or _outside(event, self._most_pixels)
            )
            if flaw is None:
                if event.unsearched_percent is not None and self._journal.fold.searched_in_part is None:
                    get_logger().warning("a picture is searched in part", why=part_text(event.unsearched_percent))
                jpegs = thumbnails(message, buffers)
                self._journal.commit(event.with_thumbnails(jpegs), thumbnails=jpegs)
        except (LedgerRefused, ValueError) as error:
            flaw = flaw_of(error)
        if flaw is not None:
            self._journal.counters["impossible_answers"] += 1
            self.leases.misfit(message.lease, holder)
            return Refused("impossible_answer", flaw[:400])
        self.leases.settle(message.lease, holder)
        self._again.discard(message.frame)
        self._stages.add(message.stages_ms)
        better_than = {cell.index: cell.better_than for cell in message.cells}
        for index, pixels in zip(message.cropped, buffers, strict=False):
            if index not in known or (message.frame, index) in self._crops.anew.lost:
                self._crops.add((message.frame, index), pixels, better_than=better_than[index])
        return None

    def rejected(self, message: FrameRejected, holder: bytes) -> Refused | None:
        """Commit that a frame cannot be used."""
        if self.leases.holds(message.lease, holder) != message.frame:
            return stray_answer(self.leases, self._journal, message.lease, holder)
        if self._ledger.found(message.frame) is not None:
            self._journal.counters["impossible_answers"] += 1
            self.leases.misfit(message.lease, holder)
            return Refused("impossible_answer", "a frame is rejected whose cells stand in the ledger already")
        rejected = Rejected(message.frame, message.reason, message.detail, message.value, message.um_per_px)
        self._journal.commit(rejected)
        self.leases.settle(message.lease, holder)
        self._stages.add(message.stages_ms)
        return None

    def failed(self, message: LeaseFailed, holder: bytes) -> bool:
        """Queue a frame again that its finder could not serve."""
        return self.leases.give_back(message.lease, holder, message.detail) is not None

    def _other_cells(self, found: Found) -> str | None:
        """Return what is wrong where a frame found before has other cells now, as with another version."""
        recorded = self._ledger.found(found.frame)
        if recorded is None:
            return None
        then = {cell.index: cell.better_than for cell in recorded.cells if cell.is_judged}
        now = {cell.index: cell.better_than for cell in found.cells if cell.is_judged}
        return (
            None if then == now else "other cells than were recorded; finish the session with the version that began it"
        )

    def _refill(self) -> None:
        for pending in self._ledger.pending_frames(after=self._cursor, limit=_PAGE):
            self._cursor = pending.number
            self.leases.put(pending.seen.frame)

    def _describe(self, number: int, frame: str, turn: int) -> FrameLease:
        seen, found = self._ledger.seen(frame), self._ledger.found(frame)
        assert seen is not None
        scale, source = seen.um_per_px, seen.um_per_px_source
        if found is not None:
            # Its cells are known: the same scale again, so that they are the same cells.
            scale, source = found.um_per_px, found.um_per_px_source
        return FrameLease(
            lease=number,
            frame=frame,
            name=seen.name,
            um_per_px=scale,
            um_per_px_source=source,
            known_cells=tuple(sorted(self._ledger.counted_indices(frame) - self._lost(frame))),
            turn=turn,
            two_objectives=self._two_objectives,
        )

    def _lost(self, frame: str) -> set[int]:
        return {index for lost, index in self._crops.anew.lost if lost == frame}

    def _is_counted(self, frame: str) -> bool:
        return self._ledger.found(frame) is not None and not self._journal.fold.waits(frame)

    def _worn_out(self, number: int, frame: str, holder: bytes) -> bool:
        if not self.leases.worn_out(frame) or self._ledger.found(frame) is not None:
            return False
        why = self.leases.why(frame)
        detail = f"the search for cells ended, hung or failed on it {ATTEMPTS} times{why and f': {why}'}"
        self._give_up(number, frame, holder, POISONED, detail)
        return True

    def _give_up(self, number: int, frame: str, holder: bytes, reason: str, detail: str) -> None:
        get_logger().error("frame given up", frame=frame_id(frame), reason=reason, detail=detail)
        self._journal.commit(Rejected(frame, reason, detail, None))
        self.leases.settle(number, holder)


def found_event(message: CellsFound) -> Found:
    """Make the event of a finder's answer."""
    return Found(
        frame=message.frame,
        width_px=message.width_px,
        height_px=message.height_px,
        um_per_px=message.um_per_px,
        um_per_px_source=message.um_per_px_source,
        um_per_px_estimate=message.um_per_px_estimate,
        focus=message.focus,
        cells=tuple(found_cell(cell) for cell in message.cells),
        placement=None if message.placement is None else Placement(**asdict(message.placement)),
        scale_unsure=message.scale_unsure or None,
        unsearched_percent=message.unsearched_percent or None,
        um_per_px_own=message.um_per_px_own,
    )


def thumbnails(message: CellsFound, buffers: Sequence[Buffer]) -> dict[tuple[str, int], bytes]:
    """Return the thumbnails that came with a finder's answer, by frame and cell."""
    jpegs = zip(message.cells, buffers[len(message.cropped) :], strict=True)
    return {(message.frame, cell.index): bytes(jpeg) for cell, jpeg in jpegs if len(jpeg)}


def found_cell(cell: CellOnWire) -> FoundCell:
    """Return a cell on the wire as the ledger records it."""
    return FoundCell(
        index=cell.index,
        box=cell.box,
        centre_xy_px=cell.centre_xy_px,
        area_um2=cell.area_um2,
        at_edge=cell.at_edge,
        score=cell.score,
        same_as=_cell_name(cell.same_as),
        better_than=_cell_name(cell.better_than),
        stain=None if cell.stain is None else CellStain(**asdict(cell.stain)),
        nucleus=None if cell.nucleus is None else Nucleus(**asdict(cell.nucleus)),
    )


def _cell_name(named: tuple[str, int] | None) -> CellName | None:
    if named is None:
        return None
    frame, index = named
    return CellName(frame=frame, index=index)


def _flaw(found: Found, cropped: Sequence[int], buffers: Sequence[memoryview], known: frozenset[int]) -> str | None:
    judged = {cell.index for cell in found.cells if cell.is_judged}
    if len(buffers) != len(cropped) + len(found.cells):
        return f"{len(buffers)} buffers for {len(cropped)} crops and {len(found.cells)} thumbnails"
    if len(set(cropped)) != len(cropped) or not judged - known <= set(cropped) <= judged:
        return "crops of other cells than those that are to get a verdict"
    if any(pixels.nbytes != CROP_BYTES for pixels in buffers[: len(cropped)]):
        return f"a crop that is not {CROP_BYTES} bytes long"
    if any(jpeg.nbytes > _MOST_THUMBNAIL_BYTES for jpeg in buffers[len(cropped) :]):
        return f"a small picture of more than {_MOST_THUMBNAIL_BYTES} bytes"
    return None


def _outside(found: Found, most_pixels: int) -> str | None:
    """Return what is wrong where a frame, or a cell in it, cannot be of that size or lie there."""
    width, height = found.width_px, found.height_px
    if width * height > most_pixels:
        return f"a frame of {width}x{height} pixels, at most {most_pixels}"
    for cell in found.cells:
        (x, y, wide, high), (across, down) = cell.box, cell.centre_xy_px
        if not (0 <= x <= width - wide and 0 <= y <= height - high and 0 <= across <= width and 0 <= down <= height):
            return f"cell {cell.index} lies outside its frame"
        if cell.area_um2 > width * height * found.um_per_px**2:
            return f"cell {cell.index} is larger than its frame"
    return None
