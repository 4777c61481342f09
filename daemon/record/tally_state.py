"""What the tally remembers of frames and cells, and how a snapshot spells it."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, Self

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.classes import FIRST_LEDGERS_CLASSES
from smearwatch.daemon.record.events import CLASSES, VERDICTS, Counted
from smearwatch.daemon.record.values import Count, Sha256


class TallyBroken(ValueError):
    """An event or a snapshot that cannot follow from what was folded before.

    Parameters
    ----------
    what : str
        The contradiction, in one line.
    """

    hint = "its record was changed: ask `smearwatch sessions verify` what, and restore it from a copy"

    def __init__(self, what: str) -> None:
        super().__init__(f"the tally cannot go on: {what}")
        self.what = what


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid"))
class TallyState:
    """Counts, and what waits.

    ``pending`` gives a frame's cells that wait for a verdict, None before they are found; ``better`` those among them
    that are better views of leukocytes seen before. ``unfamiliar`` counts cells that stand in ``counts``; programs that
    did not know of them wrote none, and had none. So with what is said of the session, and poisoned cells.
    """

    counts: dict[str, Count]
    verdicts: dict[str, Count]
    cells_found: Count
    at_edge: Count
    seen_again: Count
    judged_again: Count
    frames_seen: Count
    frames_counted: Count
    frames_unplaced: Count
    rejected_by_reason: dict[str, Count]
    pending: dict[Sha256, list[Count] | None]
    better: dict[Sha256, list[Count]]
    unfamiliar: Count = 0
    said: dict[str, str] = field(default_factory=dict)
    poisoned: Count = 0

    @classmethod
    def begun(cls) -> Self:
        """Make the state before the first event."""
        return cls(
            counts=dict.fromkeys(CLASSES, 0),
            verdicts=dict.fromkeys(VERDICTS, 0),
            cells_found=0,
            at_edge=0,
            seen_again=0,
            judged_again=0,
            frames_seen=0,
            frames_counted=0,
            frames_unplaced=0,
            rejected_by_reason={},
            pending={},
            better={},
        )

    def snapshot(self) -> dict[str, Any]:
        """Return it as plain dictionaries, lists, strings and numbers."""
        # Left out where there is nothing, as programs that did not know of it wrote it.
        return {
            name: value for name, value in _STATE.dump_python(self).items() if value or name not in ("said", "poisoned")
        }

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Self:
        """Make the state that a `snapshot` spells; raises pydantic's ``ValidationError``, or `TallyBroken`."""
        state = cls(**snapshot)
        asked = max(len(state.counts), FIRST_LEDGERS_CLASSES)
        if set(state.counts) != set(CLASSES[:asked]) or set(state.verdicts) != set(VERDICTS):
            raise TallyBroken("not a snapshot of it (other classes or verdicts)")
        if state.unfamiliar > sum(state.counts.values()):
            raise TallyBroken("not a snapshot of it (more cells are unfamiliar than counted)")
        return state

    def take_out(self, event: Counted) -> None:
        """Take the verdict out that this one replaces; raises `TallyBroken` where there is none."""
        before = event.instead_of
        if not event.anew and (event.index in self.better.get(event.frame, [])) != (before is not None):
            raise TallyBroken(f"cell {event.index} of frame {event.frame} is not a better view of another one")
        if before is None:
            return
        was_counted = before.verdict != "rejected"
        was_unfamiliar = was_counted and before.unfamiliar is True
        if (
            not self.verdicts[before.verdict]
            or (was_counted and not self.counts.get(before.cls))
            or (was_unfamiliar and not self.unfamiliar)
        ):
            raise TallyBroken(f"cell {event.index} of frame {event.frame} replaces a verdict that was never given")
        self.verdicts[before.verdict] -= 1
        self.counts[before.cls] -= was_counted
        self.unfamiliar -= was_unfamiliar
        self.seen_again += not event.anew
        self.judged_again += not event.anew

    def asked_about(self, classes: int) -> None:
        """Count only classes that the networks were asked about: in an old session there may be fewer than today."""
        counts = self.counts
        if not any(self.verdicts.values()):
            counts = {}
        if len(counts) < classes:
            self.counts = {name: counts.get(name, 0) for name in CLASSES[:classes]}


_STATE: Final = TypeAdapter(TallyState)
