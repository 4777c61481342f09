"""How much is measured, and on which pictures."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import OUT


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    ``quick`` is a try of every way, whose figures mean nothing; ``share`` of the usual rounds, for a busy machine.
    ``data`` is the folder of real pictures, None where there is none.
    """

    quick: bool = False
    share: float = 1.0
    data: Path | None = None

    def of(self, whole: int, quick: int = 1) -> int:
        """Return how often, or how many."""
        return quick if self.quick else max(2, round(whole * self.share))


def on_disk() -> Path:
    """Return a folder on the disk; that for temporary files may be memory."""
    OUT.mkdir(exist_ok=True)
    return OUT.resolve()


def real_data() -> Path | None:
    """Return the folder of real pictures that ``SMEARWATCH_REAL_DATA`` names."""
    named = os.environ.get("SMEARWATCH_REAL_DATA", "")
    return Path(named) if named and Path(named).is_dir() else None
