"""Where every frame and every cell stands, and how the count keeps up: three small panels, or three lines."""

from collections.abc import Mapping
from typing import Final

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.view import View
from smearwatch.clients.wording import DASH, latency_text
from smearwatch.daemon.share_text import verdict_text

Row = tuple[str, str, str]
"""Label, number, remark; a row without a number is a remark to the row above."""

_NUMBER = 5
_IN_WORDS: Final = ("rejected: none of the six", "seen again: counted once")
"""Rows that are misread without their remark, which they keep in one line, too."""
_TITLE, _BETWEEN = 9, 3  # of a panel that is one line


def frame_rows(view: View) -> list[Row]:
    """Return what became of the frames: seen = counted + rejected + pending."""
    tally = view.tally
    if tally is None:
        return [(label, DASH, "") for label in ("seen", "counted", "rejected", "pending")]
    rows = [(label, str(tally["frames"][label]), "") for label in ("seen", "counted", "rejected", "pending")]
    reasons = ", ".join(f"{reason.replace('_', ' ')} {n}" for reason, n in tally["rejected_by_reason"].items())
    if reasons:
        rows.insert(3, ("", "", reasons))
    if tally["frames_unplaced"]:
        rows.append(("not located", str(tally["frames_unplaced"]), "no overlap"))
    return rows


def cell_rows(view: View) -> list[Row]:
    """Return what became of the cells that are not simply counted."""
    tally = view.tally
    if tally is None:
        return [(label, DASH, "") for label in ("found", "flagged", "rejected", "at the edge", "seen again")]
    waiting, again, corrected = tally["cells_pending"], tally["judged_again"], tally["verdicts"]["corrected"]
    return [
        ("found", str(tally["cells_found"]), f"{waiting} waiting" if waiting else ""),
        ("flagged", str(tally["flagged"]), "to look at"),
        # Only weights whose verifiers earned it overrule anything.
        *([(verdict_text("corrected"), str(corrected), "stands")] if corrected else []),
        ("rejected", str(tally["rejected"]), "none of the six"),
        *([("not judged", str(aside), "among the rejected")] if (aside := tally["poisoned"]) else []),
        ("at the edge", str(tally["at_edge"]), "not counted"),
        ("seen again", str(tally["seen_again"]), "counted once"),
        *([("judged again", str(again), "better view")] if again else []),
    ]


def program_rows(view: View) -> list[Row]:
    """Return how the count keeps up."""
    return [
        ("median delay", latency_text(view.latency_ms), ""),
        ("searching", _number(view.finders), _absent(view.finders)),
        ("judging", _number(view.workers), _absent(view.workers)),
        ("waiting files", _number(view.waiting_files), ""),
    ]


class Panel(Static):
    """A panel of rows, or one line behind its name."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.border_title = self._title = name
        self._rows: list[Row] = []
        self._compact = False

    def show(self, rows: list[Row]) -> None:
        """Draw rows."""
        self._rows = rows
        self._draw()

    def set_compact(self, compact: bool) -> None:
        """Choose between a panel and a line."""
        self._compact = compact
        self._draw()

    def on_resize(self) -> None:
        """Fit the line to the new width."""
        if self._compact:
            self._draw()

    def _draw(self) -> None:
        width = self.content_size.width or self.app.size.width  # before it is laid out
        self.update(one_line(self._title, self._rows, width) if self._compact else aligned(self._rows))


def aligned(rows: list[Row]) -> Content:
    """Return rows one below the other."""
    wide = max((len(label) for label, _, _ in rows), default=0)
    lines = []
    for label, number, remark in rows:
        if number:
            start = ((f"{label:<{wide}}", DIM), (f"{number:>{_NUMBER}}", "$foreground"))
            lines.append(Content.assemble(*start, (f"  {remark}" if remark else "", DIM)))
        else:
            lines.append(Content.assemble("  ", (remark, DIM)))
    return Content("\n").join(lines)


def one_line(title: str, rows: list[Row], width: int) -> Content:
    """Return rows side by side behind their title, in further lines where the width does not do.

    Remarks that stand alone follow on a line of their own.
    """
    parts: list[tuple[str, str]] = [(f"{title:<{_TITLE}}", DIM)]
    used = _TITLE
    for label, number, remark in rows:
        if not number:
            continue
        shown = label.removesuffix("s") if number == "1" else label
        shown += next((f" ({text[len(label) + 2 :]})" for text in _IN_WORDS if text == f"{label}: {remark}"), "")
        wide = len(number) + 1 + len(shown)
        if used > _TITLE:
            fits = used + _BETWEEN + wide <= width
            parts.append((" " * _BETWEEN if fits else f"\n{'':<{_TITLE}}", DIM))
            used = used + _BETWEEN if fits else _TITLE
        parts += [(number, "bold $foreground"), (f" {shown}", "$foreground 75%")]
        used += wide
    parts += [(f"\n{'':<{_TITLE}}{remark}", DIM) for _, number, remark in rows if not number]
    return Content.assemble(*parts)


_COUNTER_WORDS: Final = {
    "leases_expired": "work handed out again after silence",
    "leases_failed": "work that failed",
    "leases_released": "work handed out again after a restart",
    "bad_events": "entries that could not be read",
    "bad_snapshots": "states that could not be read",
    "gaps": "entries asked for again",
    "snapshots": "whole states received",
    "late": "answers that came too late",
    "late_answers": "answers that came too late",
    "answers_to_anothers_lease": "answers to work that another had",
    "impossible_answers": "answers that cannot be",
    "messages_not_taken": "messages that nobody took",
}


def counters_text(counters: Mapping[str, int]) -> str:
    """Return every counter as ``name n``, for the help page."""
    named = sorted((_COUNTER_WORDS.get(name, name.replace("_", " ")), n) for name, n in counters.items())
    return ", ".join(f"{words} {n}" for words, n in named) or "none yet"


def _absent(number: int | None) -> str:
    return "frames wait" if number == 0 else ""


def _number(value: int | None) -> str:
    return DASH if value is None else str(value)
