"""How the sessions of this computer are read; known before the first screen, which loads nothing for it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Readers:
    """How sessions are read here.

    Attributes
    ----------
    by
        Whose labels they are; empty until somebody says so.
    """

    state_dir: Path
    runtime_dir: Path
    by: str = ""
