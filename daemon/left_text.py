"""Files and pictures that a person has to look after, in words: left, of kinds that are not read, of another scale."""

from collections.abc import Mapping
from typing import Any, Final

from smearwatch.daemon.columns import visible

MOST_LEFT: Final = 12
"""So many files are named where not all are."""

_WHY: Final = {
    "incomplete": "incomplete",
    "being_written": "still being written",
    "unreadable": "could not be read",
    "waiting": "not read yet",
}


def left_text(tally: Mapping[str, Any], most: int | None = None) -> str | None:
    """Return which files were not counted when the last run ended, and why; None for none.

    Parameters
    ----------
    tally : mapping
        The tally's JSON.
    most : int, optional
        How many are named.
    """
    left, named = tally.get("files_left", 0), tally.get("files_left_named", [])[:most]
    if not left:
        return None
    groups = []
    for why, words in _WHY.items():
        if names := [visible(each["name"]) for each in named if each["why"] == why]:
            groups.append(f"{', '.join(names)} ({words})")
    more = left - len(named)
    which = "; ".join([*groups, *([f"and {more} more"] if more else [])])
    files, were = ("1 file was", "was") if left == 1 else (f"{left} files were", "were")
    return f"{files} there when the run ended and {were} not counted: {which}"


def mixed_text(tally: Mapping[str, Any], most: int | None = None) -> str | None:
    """Return which pictures are of the other magnification, the first of them or all; None where none are mixed."""
    mixed = tally.get("scale_mixed_frames", [])
    if not mixed:
        return None
    more = len(mixed) - len(mixed[:most])
    named = [f"{visible(each['name'])} ({_mixed_why(each)})" for each in mixed[:most]]
    return f"of the other magnification: {', '.join(named)}{f' and {more} more' if more else ''}"


def _mixed_why(frame: Mapping[str, Any]) -> str:
    own = frame["um_per_px_estimate"]
    return f"searched at {frame['um_per_px']:#.3g} um/px" if own is None else f"red cells say {own:#.3g} um/px"


def not_read_text(tally: Mapping[str, Any]) -> str | None:
    """Return how many files of kinds that are not read were passed over, by kind; None for none."""
    kinds: Mapping[str, int] = tally.get("files_not_read", {})
    if not (n := sum(kinds.values())):
        return None
    by_kind = ", ".join(f"{each} {kind}" for kind, each in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    others = tally.get("counters", {}).get("files_ignored", n) - n
    are = "file is no picture by its name" if others == 1 else "files are no pictures by their names"
    beside = f"; {others} other {are}" if others > 0 else ""
    return f"{n} {'file of a kind that is' if n == 1 else 'files of kinds that are'} not read: {by_kind}{beside}"
