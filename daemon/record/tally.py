"""The tally: a pure fold over a session's events. The same events give the same counts, wherever it is done."""

from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import ValidationError

from smearwatch.daemon.record.description import DESCRIBED
from smearwatch.daemon.record.drift import DriftFold
from smearwatch.daemon.record.events import (
    BETTER,
    CLASSES,
    CUT,
    SEEN_BEFORE,
    VERDICTS,
    Amended,
    Closed,
    Counted,
    Described,
    Event,
    Found,
    Labelled,
    Opened,
    Ranged,
    Rejected,
    Seen,
    Signed,
)
from smearwatch.daemon.record.left_fold import LeftFold
from smearwatch.daemon.record.mark import mark_of
from smearwatch.daemon.record.review import Reviewed, ReviewFold, review
from smearwatch.daemon.record.scale_check import ScaleCheckFold
from smearwatch.daemon.record.searched_in_part import SearchedInPartFold
from smearwatch.daemon.record.signatures import SignatureBroken, SignatureFold
from smearwatch.daemon.record.tally_state import TallyBroken as TallyBroken
from smearwatch.daemon.record.tally_state import TallyState
from smearwatch.daemon.record.target_fold import IN_SNAPSHOT, TargetFold
from smearwatch.daemon.record.targets import Progress

_IN_IT: Final = ("drift", "scale", "left", "in_part", "labelled", "signed")
_FOLDS: Final = (*IN_SNAPSHOT, *_IN_IT)  # in a snapshot, beside the state


class TallyFold:
    """Counts by class and verdict, and where every frame stands.

    Apply a session's events in the ledger's order, each once. Memory is bounded by the frames that are pending, not
    by those that were. At every moment seen = counted + rejected + pending.
    """

    def __init__(self) -> None:
        self._state = TallyState.begun()
        self._targets = TargetFold()
        self._drift = DriftFold()
        self._scale = ScaleCheckFold()
        self._left, self._in_part = LeftFold(), SearchedInPartFold()
        self._review = ReviewFold()
        self._signatures = SignatureFold()

    def apply(self, event: Event) -> None:
        """Take one event into the tally.

        Raises
        ------
        TallyBroken
            The event is of a frame or cell that is not waiting for it, or changes what is signed, or signs another
            result; the tally is as it was before.
        """
        try:
            self._signatures.check(event)
            self._apply(event)
        except SignatureBroken as error:
            raise TallyBroken(str(error)) from error

    def _apply(self, event: Event) -> None:
        match event:
            case Opened():
                self._targets.opened(event)
            case Seen():
                self._seen(event)
            case Rejected():
                self._awaits_outcome(event.frame)
                del self._state.pending[event.frame]
                self._scale.rejected(event)
                reasons = self._state.rejected_by_reason
                reasons[event.reason] = reasons.get(event.reason, 0) + 1
            case Found():
                self._found(event)
            case Counted():
                self._counted(event)
            case Ranged():
                self._drift.ranged(event)
            case Labelled():
                if event.reading is None:
                    self._review.labelled(event)  # beside the count, not in it
            case Described():
                self._state.said = {name: text for name, text in event.said.items() if text is not None}
            case Signed():
                self._signatures.signed(event, self.result)
            case Amended():
                self._signatures.amended(event)
            case Closed():
                self._left.closed(event)
            case _:
                pass  # what comes after it; other counts stand beside this one: see `beside`

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, lists, strings and numbers."""
        later: dict[str, Any] = {"labelled": self._review.snapshot(), "signed": self._signatures.snapshot()}
        later |= {"left": self._left.snapshot(), "in_part": self._in_part.snapshot()}
        always = {**self._targets.snapshot(), **self._state.snapshot(), "drift": self._drift.snapshot()}
        return always | {name: each for name, each in (later | {"scale": self._scale.snapshot()}).items() if each}

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Self:
        """Make a fold that goes on where `snapshot` was taken.

        Raises
        ------
        TallyBroken
            It is not such a snapshot.
        """
        try:
            state = TallyState.restore({str(name): each for name, each in snapshot.items() if name not in _FOLDS})
            targets = TargetFold.restore(snapshot)
            drift = DriftFold.restore(snapshot.get("drift"))
            scale = ScaleCheckFold.restore(snapshot.get("scale", {}))
            left = LeftFold.restore(snapshot.get("left", {}))
            in_part = SearchedInPartFold.restore(snapshot.get("in_part", {}))
            labelled = ReviewFold()
            labelled.restore(snapshot.get("labelled", {}))
            signatures = SignatureFold()
            signatures.restore(snapshot.get("signed", []))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise TallyBroken(f"not a snapshot of it ({where}: {first['msg']})") from error
        if not targets.names_are_known:
            raise TallyBroken("not a snapshot of it (targets for other classes)")
        fold = cls()
        fold._state, fold._targets, fold._drift, fold._scale = state, targets, drift, scale
        fold._left, fold._in_part, fold._review, fold._signatures = left, in_part, labelled, signatures
        if not fold.balanced:
            raise TallyBroken("not a snapshot of it (frames are missing)")
        return fold

    @property
    def counts(self) -> dict[str, int]:
        """Cells by class, in the order of `CLASSES`; rejected ones are not in it.

        A class that did not exist when the session's cells were judged is not in it either.
        """
        return {name: self._state.counts[name] for name in CLASSES if name in self._state.counts}

    @property
    def verdicts(self) -> dict[str, int]:
        """Cells by verdict, in the order of `VERDICTS`."""
        return {name: self._state.verdicts[name] for name in VERDICTS}

    @property
    def cells(self) -> int:
        """How many cells were counted, rejected ones not among them: the denominator of every share."""
        return sum(self._state.counts.values())

    @property
    def cells_found(self) -> int:
        """How many leukocytes were found, those at the edge among them."""
        return self._state.cells_found

    @property
    def at_edge(self) -> int:
        """How many leukocytes were cut by the edge of their frame, so not counted."""
        return self._state.at_edge

    @property
    def seen_again(self) -> int:
        """How many whole leukocytes had been seen in an earlier frame, so not counted again; judged or not."""
        return self._state.seen_again

    @property
    def judged_again(self) -> int:
        """How many verdicts were replaced by one on a better view of the same leukocyte."""
        return self._state.judged_again

    @property
    def unplaced(self) -> int:
        """How many frames could not be registered to those before them, so that their cells may be counted twice."""
        return self._state.frames_unplaced

    @property
    def cells_pending(self) -> int:
        """How many whole cells wait for their verdict, better views of leukocytes seen before among them."""
        return sum(len(waiting) for waiting in self._state.pending.values() if waiting)

    @property
    def target(self) -> int | None:
        """How many cells the session is to reach, None where none was set."""
        return self._targets.cells

    @property
    def targets(self) -> list[Progress]:
        """How far each target of the last start is reached, that of all leukocytes first."""
        return self._targets.progress(self._state.counts)

    @property
    def ended_at_target(self) -> bool:
        """Whether the count was to end at its targets, and has reached them: what waits is then left on purpose."""
        return self._targets.stops and self.target_reached

    @property
    def target_reached(self) -> bool:
        """Whether the session has reached every target; False where it has none."""
        targets = self.targets
        return bool(targets) and all(each.reached for each in targets)

    @property
    def rejected_by_reason(self) -> dict[str, int]:
        """Frames that could not be used, by reason, in alphabetical order."""
        return dict(sorted(self._state.rejected_by_reason.items()))

    @property
    def frames(self) -> dict[str, int]:
        """Frames seen, counted, rejected, pending."""
        state = self._state
        return {
            "seen": state.frames_seen,
            "counted": state.frames_counted,
            "rejected": sum(state.rejected_by_reason.values()),
            "pending": len(state.pending),
        }

    @property
    def said(self) -> dict[str, str | None]:
        """What people say of the session as a whole: title, specimen, operator, note; None where they say nothing."""
        return {name: self._state.said.get(name) for name in DESCRIBED}

    @property
    def drift(self) -> dict[str, Any]:
        """Whether the last cells leave the range of what the weights were trained on; see `DriftFold.json`."""
        return self._drift.json()

    @property
    def alarmed(self) -> bool:
        """Whether the drift alarm is on."""
        return self._drift.alarmed

    @property
    def unfamiliar(self) -> int:
        """How many of the counted cells look beyond all that the weights were trained on; each is flagged."""
        return self._state.unfamiliar

    @property
    def poisoned(self) -> int:
        """How many of the rejected cells were set aside because whoever was to judge them ended or hung each time."""
        return self._state.poisoned

    @property
    def mark(self) -> str | None:
        """What is to be said beside every percentage, None for nothing; see `mark_of`."""
        return mark_of(
            alarmed=self._drift.alarmed,
            drifted=self._drift.cells,
            judged=self.cells + self.verdicts["rejected"],
            unfamiliar=self.unfamiliar,
            counted=self.cells,
            contradicted=self.scale_contradicted is not None,
        )

    @property
    def scale_contradicted(self) -> dict[str, Any] | None:
        """The scale that the session's red cells contradict, None for none; see `ScaleCheckFold.json`."""
        return self._scale.json()

    @property
    def searched_in_part(self) -> dict[str, int] | None:
        """The pictures of which a part was not searched though cells are seen there; see `SearchedInPartFold.json`."""
        return self._in_part.json()

    @property
    def reviewed(self) -> Reviewed | None:
        """The result with a person's labels in it, None where nobody has labelled a cell."""
        return self.result if self._review.cells else None

    @property
    def result(self) -> Reviewed:
        """The result that a person signs: the reviewed one, which is the machine's where nobody has labelled."""
        return review(self._review.cells, self._state.counts, self._state.verdicts)

    @property
    def result_targets(self) -> list[Progress]:
        """How far each target is reached in the result that a person signs."""
        result = self.result
        return self._targets.progress(result.counts, undivided=result.undivided)

    @property
    def signed(self) -> Signed | None:
        """The signature that holds, None where there is none or the session was amended since."""
        return self._signatures.holds

    @property
    def signatures(self) -> int:
        """How often the session was signed."""
        return self._signatures.signatures

    @property
    def amendments(self) -> tuple[Amended, ...]:
        """Every time that the session was reopened after it had been signed."""
        return self._signatures.amendments

    def knows_range(self, weights: str) -> bool:
        """Return whether it is known what weights were trained on."""
        return self._drift.knows(weights)

    def waits(self, frame: str) -> bool:
        """Return whether a frame is pending."""
        return frame in self._state.pending

    @property
    def left(self) -> dict[str, Any]:
        """What the last run left: files not counted, and pictures of kinds that are not read; see `LeftFold`."""
        return self._left.json()

    @property
    def nothing_pending(self) -> bool:
        """Whether nothing is pending."""
        return not self._state.pending

    @property
    def complete(self) -> bool:
        """Whether nothing is pending, and the last run left no file."""
        return self.nothing_pending and not self._left.count

    @property
    def balanced(self) -> bool:
        """Whether every frame and every cell found is accounted for. Always.

        Frames: seen = counted + rejected + pending. Cells: found = counted + rejected + at edge + seen again + pending.
        """
        frames = self.frames
        cells = self.cells + self.verdicts["rejected"] + self.at_edge + self.seen_again + self.cells_pending
        verdicts_add_up = sum(self._state.verdicts.values()) == self.cells + self.verdicts["rejected"]
        return (
            frames["seen"] == frames["counted"] + frames["rejected"] + frames["pending"]
            and self.cells_found == cells
            and verdicts_add_up
        )

    def _awaits_outcome(self, frame: str) -> None:
        if self._state.pending.get(frame, []) is not None:
            raise TallyBroken(f"frame {frame} does not wait for an outcome")

    def _seen(self, event: Seen) -> None:
        if event.frame in self._state.pending:
            raise TallyBroken(f"frame {event.frame} was seen before")
        self._state.pending[event.frame] = None
        self._state.frames_seen += 1
        self._left.seen(event)
        self._scale.seen(event)

    def _found(self, event: Found) -> None:
        self._awaits_outcome(event.frame)
        self._state.cells_found += len(event.cells)
        self._state.at_edge += sum(cell.left_out == CUT for cell in event.cells)
        self._state.seen_again += sum(cell.left_out == SEEN_BEFORE for cell in event.cells)
        self._state.frames_unplaced += event.placement is not None and event.placement.status == "unplaced"
        self._scale.found(event)
        self._in_part.found(event)
        better = sorted(cell.index for cell in event.cells if cell.left_out == BETTER)
        if better:
            self._state.better[event.frame] = better
        self._wait(event.frame, [cell.index for cell in event.cells if cell.is_judged])

    def _counted(self, event: Counted) -> None:
        waiting = self._state.pending.get(event.frame) or []
        if event.index not in waiting and not event.anew:
            raise TallyBroken(f"cell {event.index} of frame {event.frame} does not wait for a verdict")
        self._state.take_out(event)
        self._state.asked_about(len(event.probabilities))
        self._state.verdicts[event.verdict] += 1
        if event.verdict != "rejected":
            self._state.counts[event.cls] += 1
            self._state.unfamiliar += event.unfamiliar is True
        self._review.counted(event)
        if not event.anew:  # else it looks as it did, and its frame has its outcome
            before = None if event.instead_of is None else (event.instead_of.frame, event.instead_of.index)
            if event.poisoned:
                self._state.poisoned += before is None
            else:
                self._drift.counted(event.weights, event.frame, event.index, event.look, instead_of=before)
            self._wait(event.frame, [index for index in waiting if index != event.index])

    def _wait(self, frame: str, whole: list[int]) -> None:
        if whole:
            self._state.pending[frame] = sorted(whole)
        else:
            del self._state.pending[frame]
            self._state.better.pop(frame, None)
            self._state.frames_counted += 1
