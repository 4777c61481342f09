"""How the sessions of this computer are read; known before the first screen, which loads nothing for it."""

from dataclasses import dataclass
from pathlib import Path

from smearwatch.daemon.record.corrected import WITHIN


@dataclass(frozen=True, slots=True)
class Readers:
    """How sessions are read here.

    Attributes
    ----------
    by
        Whose labels they are; empty until somebody says so.
    within, only
        How near shares are to be known, in percentage points to either side; the one class that is, None for all.
    """

    state_dir: Path
    runtime_dir: Path
    by: str = ""
    within: float = WITHIN
    only: str | None = None
