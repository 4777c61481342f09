"""Crops wait in memory, are leased to workers, and leave when their verdict is committed.

A better view of a leukocyte is leased once the view that it is better than has its verdict, which its own replaces.

Where the session ends at its target, verdicts are committed in the order in which their cells were found: those that
come before their turn wait. So the cell at which the target is reached does not depend on how many workers there are,
or on which of them is faster; nothing is committed after it.

Whatever waits here waits for cells that were found earlier: a better view for the one that it is better than, a crop
for the blocks that its statistics are of, a verdict for those before it. So the first cell that has no verdict waits
for nothing, and all others for it. Its crop is here, or was lost with a hub and comes again: see `is_stuck`. While the
first cells of a strange session are judged anew (`smearwatch.daemon.hub.first_cells`), what waits for its turn waits
for them too; they wait for nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter

from smearwatch.daemon.hub.first_cells import Cell, FirstCellsAnew
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.hub.leases import ATTEMPTS, Key, LeaseBook
from smearwatch.daemon.hub.peers import PeerState
from smearwatch.daemon.hub.stages import StageTimes
from smearwatch.daemon.log import frame_id, get_logger
from smearwatch.daemon.record.classes import CLASSES, per_class
from smearwatch.daemon.record.events import Counted, Event, LookRange, Ranged, Replaced, SessionStain, flaw_of
from smearwatch.daemon.record.session_statistics import SessionStatistics
from smearwatch.daemon.record.values import digest_of
from smearwatch.daemon.record.writing import LedgerRefused
from smearwatch.daemon.wire.messages import CropJudged, CropLease, LeaseFailed, Refused
from smearwatch.daemon.wire.parts import StainOnWire, StatisticsOnWire

CROP_SIZE_PX = 750
CROP_BYTES = CROP_SIZE_PX * CROP_SIZE_PX * 3
_MOST_MOMENTS_BYTES = 2**16
_SUM_WITHIN = 0.01  # each probability is rounded to six decimals


@dataclass(frozen=True, slots=True)
class _Crop:
    pixels: memoryview
    since_s: float
    better_than: Cell | None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """All that is written of a verdict, in one transaction."""

    events: tuple[Event, ...]
    moments: dict[Cell, bytes]


class CropQueue:
    """Holds at most what the finders were given credit for.

    Parameters
    ----------
    stop_at_target : bool
        Whether verdicts are committed in the order of finding, and none once the target is reached.

    Attributes
    ----------
    anew : FirstCellsAnew
        The session's first cells, where they are judged a second time.
    """

    def __init__(
        self,
        journal: Journal,
        stages: StageTimes,
        *,
        lease_s: float,
        stop_at_target: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._stages = stages
        self._stop_at_target = stop_at_target
        self._clock = clock
        self._crops: dict[Cell, _Crop] = {}
        self._behind: dict[Cell, Cell] = {}
        self._unmeasured: list[Cell] = []  # crops whose statistics are not known yet
        self._waiting: dict[Cell, _Verdict] = {}  # verdicts whose turn has not come
        self.leases: LeaseBook[Cell] = LeaseBook(lease_s, clock)
        self.anew = FirstCellsAnew(journal, self.leases.put)
        self.anew.look()

    @property
    def at_target(self) -> bool:
        """Whether the session ends here: no verdict is committed any more."""
        return self._stop_at_target and self._journal.fold.target_reached

    def __len__(self) -> int:
        """Count the crops that are leased or can be.

        Those behind another one take no room: the crop that they wait for may have been lost with a hub, and has to
        come in. There are few, for each is clearly better than the one before it.
        """
        return len(self._crops) - len(self._behind)

    @property
    def is_stuck(self) -> bool:
        """Whether all crops wait for others that are not here: those were lost with a hub, and have to come in."""
        return bool(self._crops or self.anew.lost) and not self.leases.queued and not self.leases.out

    def add(self, cell: Cell, pixels: memoryview, *, better_than: Cell | None = None) -> None:
        """Hold a crop until its verdict is committed; one that is held already stays as it is."""
        if cell in self.anew:
            self.anew.take(cell, pixels)
            return
        if cell in self._crops or cell in self._waiting:
            return
        self._crops[cell] = _Crop(pixels, self._clock(), better_than)
        if better_than is not None and self._journal.ledger.verdict(*better_than) is None:
            self._behind[better_than] = cell
        else:
            self._queue(cell)

    def give_up_first_cells(self, why: str) -> None:
        """Leave the session's first cells as they are, where a crop of theirs is lost for good."""
        get_logger().warning("the first cells are not judged anew", why=why)
        self.anew.leave()
        self._go_on()
        self.commit_in_order()

    def _queue(self, cell: Cell) -> None:
        """Queue a crop, once the statistics are known that it is to be judged with."""
        if self._journal.statistics.is_ready(*cell):
            self.leases.put(cell)
        else:
            self._unmeasured.append(cell)

    def give_out(self, workers: Iterable[PeerState]) -> Iterator[tuple[bytes, CropLease, list[memoryview]]]:
        """Lease crops as far as the workers' credits go, and yield each with who gets it.

        The next one is for whoever has the fewest in hand: a card has credit for more than wait here at a time, and
        with all of them the one would leave the others idle.
        """
        free = [worker for worker in workers if worker.capacity]
        self.leases.present([worker.identity for worker in free])
        while free:
            held, worker = min(((self.leases.held_by(each.identity), each) for each in free), key=itemgetter(0))
            crop = self.lease(worker.identity, worker.weights) if held < worker.capacity else None
            if crop is None:
                free.remove(worker)
            else:
                yield worker.identity, *crop

    def lease(self, holder: bytes, weights: str = "") -> tuple[CropLease, list[memoryview]] | None:
        """Return the next crop to a worker that judges by these weights, with the message's buffers."""
        granted = self.leases.grant(holder)
        while granted is not None:
            number, cell = granted
            if self._has(cell) and not self.leases.worn_out(cell):
                break
            if self._has(cell):  # else it was to be judged anew, and is left as it is
                self._set_aside(cell, weights, self.leases.why(cell))
            self.leases.settle(number, holder)
            granted = self.leases.grant(holder)
        if granted is None:
            return None
        number, cell = granted
        frame, index = cell
        stain, statistics = _on_wire(self._stain(cell)), self._statistics(cell)
        buffers = [self.anew.crop(cell) if cell in self.anew else self._crops[cell].pixels]
        if statistics is None:
            return CropLease(number, frame, index, CROP_SIZE_PX, stain), buffers
        whose = StatisticsOnWire(statistics.weights, statistics.cells, statistics.unfamiliar)
        return CropLease(number, frame, index, CROP_SIZE_PX, stain, whose), [*buffers, memoryview(statistics.moments)]

    def judged(self, message: CropJudged, buffers: Sequence[memoryview], holder: bytes, weights: str) -> Refused | None:
        """Commit a verdict by the weights that its worker named, or keep it until its turn.

        A late answer is counted; an impossible one goes back.
        """
        cell = (message.frame, message.index)
        if self.leases.holds(message.lease, holder) != cell:
            return stray_answer(self.leases, self._journal, message.lease, holder)
        if not self._has(cell):  # it was to be judged anew, and is left as it is
            self.leases.settle(message.lease, holder)
            return None
        anew = cell in self.anew
        if not anew:
            self.anew.keep(cell, self._crops[cell].pixels)
        try:
            moments = _moments(cell, buffers)
            event = self._event(message, moments)
            _check_verdict(message, weights)
            verdict = _Verdict((*self._ranged(message), event), moments)
            if not self._stop_at_target and not anew:
                self._commit(cell, verdict)
        except (LedgerRefused, ValueError) as error:
            self._journal.counters["impossible_answers"] += 1
            self.leases.misfit(message.lease, holder)
            return Refused("impossible_answer", flaw_of(error)[:400])
        if anew:
            self.anew.judged(cell, event)
            self._stages.add(message.stages_ms)
            self._go_on()
        else:
            waited = self._crops.pop(cell)
            self._stages.add({**message.stages_ms, "crop_to_count": (self._clock() - waited.since_s) * 1000.0})
            if self._stop_at_target:
                self._waiting[cell] = verdict
        self.leases.settle(message.lease, holder)
        self.commit_in_order()
        return None

    def _set_aside(self, cell: Cell, weights: str, why: str) -> None:
        """Record that nobody can judge a cell, so that it neither stops the run nor is lost: a person names it."""
        what = f"the judging of it ended, hung or failed {ATTEMPTS} times{why and f': {why}'}"
        if cell in self.anew:
            self.give_up_first_cells(what)
            return
        frame, index = cell
        get_logger().error("cell set aside: nobody can judge it", frame=frame_id(frame), cell=index, why=what)
        view = self._crops[cell].better_than
        stands = None if view is None else self._journal.ledger.verdict(*view)
        if stands is None:
            nothing = (0.0,) * len(CLASSES)
            event = Counted(frame, index, CLASSES[0], "rejected", nothing, nothing, 1.0, weights, poisoned=True)
        else:
            event = replace(
                stands,
                frame=frame,
                index=index,
                instead_of=Replaced.of(stands),
                look=None,
                stain=None,
                moments=None,
                anew=None,
                poisoned=True,
            )
        verdict = _Verdict((event,), {})
        if self._stop_at_target:
            self._waiting[cell] = verdict
        else:
            self._commit(cell, verdict)
        del self._crops[cell]
        self.commit_in_order()

    def _has(self, cell: Cell) -> bool:
        return cell in self._crops or cell in self.anew

    def _event(self, message: CropJudged, moments: dict[Cell, bytes]) -> Counted:
        cell = message.frame, message.index
        statistics = self._statistics(cell) if message.by_statistics else None
        anew = cell in self.anew and statistics is not None
        view = cell if anew else self._crops[cell].better_than if cell in self._crops else None
        return Counted(
            frame=message.frame,
            index=message.index,
            cls=message.cls,  # type: ignore[arg-type]  # validated by the event itself
            verdict=message.verdict,
            probabilities=per_class(message.probabilities, "probabilities"),
            verifiers=per_class(message.verifiers, "verifiers"),
            reject_score=message.reject_score,
            weights=message.weights,
            look=message.look,
            instead_of=self._replaced(view),
            stain=self._stain(cell) if message.restained else None,
            unfamiliar=message.unfamiliar or None,
            strange=message.strange or None,
            engine=message.engine,
            statistics=None if statistics is None else statistics.cells,
            moments=digest_of(moments[cell]) if moments and not anew else None,
            anew=anew or None,
        )

    def _stain(self, cell: Cell) -> SessionStain | None:
        """Return the session's stain at a cell, as it is leased whenever it is."""
        if cell not in self.anew:
            return self._journal.stains.at(*cell)
        judged = self._journal.ledger.verdict(*cell)
        return None if judged is None else judged.stain

    def _statistics(self, cell: Cell) -> SessionStatistics | None:
        return self.anew.statistics if cell in self.anew else self._journal.statistics.at(*cell)

    def commit_in_order(self) -> None:
        """Commit the verdicts whose turn it is, until one before them is missing or the target is reached."""
        while not self.at_target and not self.anew.is_open and (cell := self._journal.order.first) in self._waiting:
            assert cell is not None
            self._commit(cell, self._waiting[cell])
            del self._waiting[cell]

    def _commit(self, cell: Cell, verdict: _Verdict) -> None:
        """Commit a verdict, and queue the crops that waited for it."""
        self._journal.commit(*verdict.events, moments=verdict.moments)
        self.anew.look()
        self._go_on()
        if cell in self._behind:
            self._queue(self._behind.pop(cell))

    def _go_on(self) -> None:
        """Queue the crops that waited for what is known now."""
        unmeasured, self._unmeasured = self._unmeasured, []
        for each in unmeasured:
            self._queue(each)

    def _replaced(self, view: Cell | None) -> Replaced | None:
        """Return the verdict that stands, on a view that a better one was found for."""
        stands = None if view is None else self._journal.ledger.verdict(*view)
        return None if stands is None else Replaced.of(stands)

    def _ranged(self, message: CropJudged) -> list[Ranged]:
        """Return what the weights were trained on, where the ledger does not hold it yet."""
        if not message.ranges or self._journal.fold.knows_range(message.weights):
            return []
        ranges = tuple(LookRange(kind.name, kind.cells, kind.limits) for kind in message.ranges)
        return [Ranged(message.weights, ranges)]

    def failed(self, message: LeaseFailed, holder: bytes) -> bool:
        """Queue a crop again that its worker could not serve."""
        return self.leases.give_back(message.lease, holder, message.detail) is not None


def stray_answer(leases: LeaseBook[Key], journal: Journal, lease: int, holder: bytes) -> Refused | None:
    """Count an answer that is none to what its sender has in hand; one of something else goes back, and is refused."""
    if leases.holds(lease, holder) is not None:
        journal.counters["impossible_answers"] += 1
        leases.misfit(lease, holder)
        return Refused("impossible_answer", "it is of something else than was leased")
    journal.counters["answers_to_anothers_lease" if leases.is_out(lease) else "late_answers"] += 1
    return None


def _check_verdict(message: CropJudged, weights: str) -> None:
    """Refuse what fits an event and no verdict of the worker that sent it; raises `ValueError`."""
    if message.weights != weights:
        raise ValueError(f"judged by the weights {message.weights[:12]}, and {weights[:12] or 'none'} were announced")
    total = sum(message.probabilities)
    if abs(total - 1.0) > _SUM_WITHIN:
        raise ValueError(f"probabilities: their sum is {total:.3g} instead of 1")
    if not 0.0 <= message.reject_score <= 1.0:
        raise ValueError(f"reject_score: {message.reject_score:.3g} instead of 0 to 1")


def _moments(cell: Cell, buffers: Sequence[memoryview]) -> dict[Cell, bytes]:
    """Return a cell's moments where it came with some; raises `ValueError` where they are no pairs of float16."""
    if len(buffers) > 1 or any(not 0 < each.nbytes <= _MOST_MOMENTS_BYTES or each.nbytes % 4 for each in buffers):
        raise ValueError(f"moments of {sum(each.nbytes for each in buffers)} bytes in {len(buffers)} buffers")
    return {cell: bytes(buffers[0])} if buffers else {}


def _on_wire(stain: SessionStain | None) -> StainOnWire | None:
    return None if stain is None else StainOnWire(**asdict(stain))
