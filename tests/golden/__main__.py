"""Record golden pictures anew: ``python -m tests.golden``, after a version was raised."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.golden.kept import differences, record, recorded_version
from tests.golden.made import FOLDER, GOLDEN, Golden


def update(subjects: Sequence[Golden] = GOLDEN, folder: Path = FOLDER) -> list[str]:
    """Record what has a higher version than before, and return what changed under its old version or a lower one."""
    refused = []
    for golden in subjects:
        before = recorded_version(golden, folder)
        if before is None or golden.version > before:
            record(golden, folder)
            print(f"{golden.name}: recorded as version {golden.version}")
        elif golden.version < before:
            refused.append(f"{golden.name}: version {golden.version} is lower than the recorded {before}")
        else:
            lines = differences(golden, folder)
            print(f"{golden.name}: {f'{len(lines)} differences' if lines else 'unchanged'}", *lines[:10], sep="\n  ")
            refused += [f"{golden.name}: changed, but its version did not"] if lines else []
    return refused


if __name__ == "__main__":
    if changed := update():
        sys.exit("\n".join([*changed, "raise the version of what changed, then record again"]))
