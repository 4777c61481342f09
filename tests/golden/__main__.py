"""Record golden pictures anew: ``python -m tests.golden``, after a version was raised."""

import sys

from tests.golden.made import FOLDER, GOLDEN, differences, kept, record


def main() -> None:
    """Record what has a new version; refuse what changed under the old one."""
    changed = False
    for golden in GOLDEN:
        known = (FOLDER / golden.name / "kept.json").is_file()
        if known and kept(golden)[0] == list(golden.versions):
            lines = differences(golden)
            changed = changed or bool(lines)
            print(f"{golden.name}: {'changed, but its version did not' if lines else 'unchanged'}", *lines, sep="\n  ")
        else:
            record(golden)
            print(f"{golden.name}: recorded as version {golden.versions}")
    sys.exit("raise the version of what changed, then record again" if changed else 0)


if __name__ == "__main__":
    main()
