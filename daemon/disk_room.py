"""How much room is left where sessions are kept, and from when on a person is told."""

import os
import shutil
from pathlib import Path
from typing import Final

from smearwatch.daemon.columns import size_text

LOW_BYTES: Final = 5 * 1000**3
"""Below it a person is told while there is time: some thousand fields."""

FULL_BYTES: Final = 500 * 1000**2
"""Below it nothing should be begun."""

_STEPS_BYTES: Final = tuple(n * 10**zeros for zeros in range(6, 10) for n in (1, 2, 5))

MEND: Final = "smearwatch sessions prune --dry-run shows what may go"


def free_room(folder: Path) -> tuple[int, int]:
    """Return the bytes and the files that still fit where a folder is, or is to be; raises OSError."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free, os.statvfs(there).f_favail


def room_text(free_bytes: int) -> str | None:
    """Return what is said of the room that is left, None while there is enough; in steps, so that it is said seldom."""
    step = next((each for each in _STEPS_BYTES if free_bytes < each), None)
    return None if step is None else f"the disk is nearly full: less than {size_text(step)} left ({MEND})"
