"""What two sessions of the same frames hold: frames lost, cells doubled or missing, verdicts that differ."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smearwatch.daemon.record.events import Counted, Found, Rejected, Seen, event_to_bytes
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify

Cell = tuple[str, int]


@dataclass
class Content:
    """All that a session says of its frames and cells."""

    order: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    verdicts: dict[Cell, str] = field(default_factory=dict)
    times_counted: Counter[Cell] = field(default_factory=Counter)
    to_judge: set[Cell] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    poisoned: int = 0
    faults: list[str] = field(default_factory=list)
    complete: bool = False
    epochs: int = 0

    @classmethod
    def of(cls, session: Path) -> "Content":
        """Read a session, and verify it."""
        content, fold = cls(), TallyFold()
        with LedgerReader.read(session) as ledger:
            for recorded in ledger.events():
                event = recorded.event
                fold.apply(event)
                content._take(event)
            content.faults = [fault.what for fault in verify(ledger)]
            content.epochs = ledger.epoch
        content.counts = dict(fold.counts)
        content.complete = fold.complete and fold.balanced
        return content

    def _take(self, event: Any) -> None:
        match event:
            case Seen():
                self.order.append(event.frame)
                self.names[event.frame] = event.name
            case Found():
                self.found[event.frame] = event_to_bytes(event).decode()
                self.to_judge |= {(event.frame, cell.index) for cell in event.cells if cell.is_judged}
            case Rejected():
                self.rejected[event.frame] = event.reason
            case Counted():
                cell = event.frame, event.index
                self.poisoned += bool(event.poisoned)
                self.verdicts[cell] = event_to_bytes(event).decode()
                if not event.anew:
                    self.times_counted[cell] += 1


def compare(ours: Content, undisturbed: Content, frames: int) -> dict[str, Any]:
    """Return what a session lacks, has twice or has otherwise than the undisturbed one of the same frames."""
    shared = ours.verdicts.keys() & undisturbed.verdicts.keys()
    alike = [frame for frame in undisturbed.order if frame in ours.names]
    otherwise = [frame for frame, body in undisturbed.found.items() if ours.found.get(frame) != body]
    return {
        "frames": len(ours.order),
        "frames_lost": frames - len(set(ours.order)),
        "frames_twice": len(ours.order) - len(set(ours.order)),
        "frames_without_outcome": len(set(ours.order) - ours.found.keys() - ours.rejected.keys()),
        "frames_in_other_order": sum(a != b for a, b in zip(ours.order, alike, strict=False)),
        "frames_found_otherwise": len(otherwise),
        **({"found": _both(otherwise[:SHOWN], ours, undisturbed)} if otherwise else {}),
        "frames_rejected_otherwise": sum(
            ours.rejected.get(frame) != undisturbed.rejected.get(frame)
            for frame in ours.rejected.keys() | undisturbed.rejected.keys()
        ),
        "cells": len(ours.verdicts),
        "cells_doubled": sum(times > 1 for times in ours.times_counted.values()),
        "cells_without_verdict": len(ours.to_judge - ours.verdicts.keys()),
        "cells_missing": len(undisturbed.verdicts.keys() - ours.verdicts.keys()),
        "cells_more": len(ours.verdicts.keys() - undisturbed.verdicts.keys()),
        "cells_judged_otherwise": sum(ours.verdicts[cell] != undisturbed.verdicts[cell] for cell in shared),
        "cells_set_aside": ours.poisoned,
        "counts_equal": ours.counts == undisturbed.counts,
        "complete": ours.complete,
        "faults": len(ours.faults),
        "epochs": ours.epochs,
    }


SHOWN = 3
"""Of how many frames that were found otherwise both events are kept."""


def _both(frames: list[str], ours: Content, undisturbed: Content) -> list[dict[str, Any]]:
    """Return what both sessions hold of some frames, and at which place each of them took it."""
    return [
        {
            "name": undisturbed.names[frame],
            "ours": ours.found.get(frame),
            "undisturbed": undisturbed.found[frame],
            "places": [
                content.order.index(frame) if frame in content.names else None for content in (ours, undisturbed)
            ],
        }
        for frame in frames
    ]


NOTHING = (
    "frames_lost", "frames_twice", "frames_without_outcome", "cells_doubled", "cells_without_verdict", "cells_missing",
    "cells_more", "frames_found_otherwise", "frames_rejected_otherwise", "cells_judged_otherwise", "faults",
)  # fmt: skip
"""What has to be 0 in a comparison."""


def flaws(compared: dict[str, Any]) -> list[str]:
    """Return what is not as it has to be, empty where all is well."""
    bad = [f"{name} = {compared[name]}" for name in NOTHING if compared[name]]
    return bad + [f"{name} is false" for name in ("counts_equal", "complete") if not compared[name]]


def as_json(value: Any) -> str:
    """Spell a result for a file that is committed."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
