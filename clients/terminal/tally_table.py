"""The tally's screen as lines: a key, a name, cells and percent with limits for each class, the others below."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.reviewing.layout import tally_keys as tally_keys
from smearwatch.clients.tallying.typed import TypedCells
from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.terminal.differential import DIM, LINE
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.beside import TALLIED_LABELS
from smearwatch.daemon.record.classes import CLASSES, UNDIVIDED, is_leukocyte
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.intervals import percent_json
from smearwatch.daemon.share_text import DASH, fine_limits_text, percent_text

_APART: Final = TALLIED_LABELS[len(CLASSES) + 1 :]
_SHORT: Final = {UNDIVIDED: "neutrophil not divided", "erythroblast": "nucleated red cell", "other": "something else"}
_KEY, _NAME, _COUNT, _PERCENT, _LIMITS, _GAP = 5, 22, 6, 9, 16, 3
_WHOLE: Final = (_NAME, _COUNT, _PERCENT + _LIMITS)  # a line beside the leukocytes: name, cells, per 100
_HALF: Final = (20, 5, 6)  # the same where two stand side by side
_LEAST_BAR, _LEAST_ROWS = 12, 3
_BEFORE_BAR = _KEY + _NAME + _COUNT + _PERCENT + _LIMITS + _GAP


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, and the cells that are counted on it."""

    content: Content
    names: tuple[LabelName, ...] = ()


class TallyTable(Static):
    """The table; it draws itself anew for every size, and says how many lines have no room."""

    _typed: tuple[TypedCells, int] | None = None
    _above = 0  # lines that are out of sight below the heading

    def __init__(self, layout: KeyLayout, *, id: str) -> None:  # as Textual calls it
        super().__init__(id=id)
        self._layout = layout

    def show(self, cells: TypedCells, target: int) -> None:
        """Draw what was typed, the line of the last cell in sight."""
        self._typed = (cells, target)
        self._draw(to=cells.last)

    def on_resize(self) -> None:
        """Fit the table to the room."""
        self._draw(to=self._typed[0].last if self._typed else None)

    def move(self, lines: int) -> None:
        """Show lines that are further down, or further up."""
        self._above += lines
        self._draw(to=None)

    def _draw(self, *, to: LabelName | None) -> None:
        width, height = self.content_size
        if self._typed is None or not width or height < _LEAST_ROWS:
            return
        cells, target = self._typed
        named = cells.json()
        heading, *rows = tally_rows(named, self._layout, last=cells.last, target=target, width=width, height=height)
        room = height - 1 if len(rows) < height else height - 2
        line = next((at for at, row in enumerate(rows) if to in row.names), None)
        if line is not None:
            self._above = min(max(self._above, line - room + 1), line)
        self._above = max(0, min(self._above, len(rows) - room))
        lines = [row.content for row in (heading, *rows[self._above : self._above + room])]
        if room < len(rows):
            hidden = {"above": self._above, "below": len(rows) - room - self._above}
            more = ", ".join(f"{number} {where}" for where, number in hidden.items() if number)
            said = f"{named['cells']} of {target} leukocytes; lines out of sight: {more} (arrow keys)"
            lines.append(Content.styled(said, "$warning"))
        self.update(Content("\n").join(lines))


def tally_rows(
    named: Mapping[str, Any], layout: KeyLayout, *, last: LabelName | None, target: int, width: int, height: int
) -> Iterator[Row]:
    """Yield the screen's lines; what counts beside the leukocytes is in two columns where one is too high.

    Parameters
    ----------
    named : mapping
        The result so far; see `smearwatch.daemon.record.beside_json.named_json`.
    layout : KeyLayout
        The keys.
    last : LabelName, optional
        What was typed last: it is marked.
    target : int
        How many leukocytes are wanted.
    width, height : int
        Characters and lines.
    """
    rows = list(_leukocyte_rows(named, layout, last=last, target=target, width=width))
    yield from rows
    counts = {**named["others"], **named["set_aside"]}
    apart = (*_APART, *(own.label for own in layout.extra if not is_leukocyte(own.label)))
    is_high = len(rows) + 1 + len(apart) > height and width >= 2 * (_KEY + sum(_HALF)) + _GAP
    columns, widths = (2, _HALF) if is_high else (1, _WHOLE)
    heading = f"{'per 100 leukocytes':>{_KEY + sum(widths)}}"
    yield Row(Content.styled((" " * _GAP).join([heading] * columns), DIM))
    down = math.ceil(len(apart) / columns)
    for at in range(down):
        names = apart[at::down]
        lines = []
        for name in names:
            n = counts.get(name, 0)
            per_100 = f"{100 * n / named['cells']:.1f}" if named["cells"] else DASH
            lines.append(_other_line(name, n, per_100, layout, widths, is_last=name == last))
        yield Row(Content(" " * _GAP).join(lines), names)


def _leukocyte_rows(
    named: Mapping[str, Any], layout: KeyLayout, *, last: LabelName | None, target: int, width: int
) -> Iterator[Row]:
    bar = width - _BEFORE_BAR
    bar = bar if bar >= _LEAST_BAR else 0
    head = f"{'key':<{_KEY}}{'':<{_NAME}}{'cells':>{_COUNT}}{'percent':>{_PERCENT}}{'95 % interval':>{_LIMITS}}"
    yield Row(Content.styled(f"{head}{'':<{_GAP}}{axis(bar) if bar else ''}", DIM))
    for cls in (*CLASSES, *(own.label for own in layout.extra if is_leukocyte(own.label))):
        n, share = named["counts"].get(cls, 0), named["percent"].get(cls) or percent_json(0, named["cells"])
        style = "bold $accent" if cls == last else "$foreground"
        yield Row(_share_line(_key_of(cls, layout), short_text(cls, layout), n, share, bar, style), (cls,))
    undivided = _other_line(UNDIVIDED, named["neutrophils_undivided"], "", layout, is_last=last == UNDIVIDED)
    yield Row(undivided, (UNDIVIDED,))
    yield Row(Content.styled("─" * width, LINE))
    neutrophils, share = named["neutrophils"], named["percent"]["neutrophils"]
    yield Row(_share_line("", "neutrophils", neutrophils, share, bar, "bold $foreground"))
    reached = named["cells"] >= target
    yield Row(
        Content.assemble(
            (f"{'':<{_KEY}}{'leukocytes':<{_NAME}}", "$foreground"),
            (f"{named['cells']:>{_COUNT}}", "bold $foreground"),
            (f"{f'of {target}':>{_PERCENT}}", "$foreground"),
            (f"{'target reached' if reached else '':>{_LIMITS}}", "$success"),
            " " * _GAP,
            progress_bar(named["cells"] / target, bar, filled="$success" if reached else "$secondary"),
        )
    )


def short_text(name: LabelName, layout: KeyLayout) -> str:
    """Return a cell's name as it stands in the table."""
    return _SHORT.get(name) or layout.short_text(name)


def _key_of(name: LabelName, layout: KeyLayout) -> str:
    return next(key for key, label in layout.page.items() if label == name)


def _share_line(key: str, text: str, n: int, share: Mapping[str, Any], bar: int, style: str) -> Content:
    known = share["value"] is not None
    return Content.assemble(
        (f"{key:<{_KEY}}", "bold $primary"),
        (f"{text:<{_NAME}}", style),
        (f"{n:>{_COUNT}}", "bold $foreground"),
        (f"{percent_text(share):>{_PERCENT}}", style),
        (f"{fine_limits_text(share) if known else DASH:>{_LIMITS}}", DIM),
        " " * _GAP,
        share_bar(share["value"], share["low"], share["high"], bar),
    )


def _other_line(
    name: LabelName, n: int, per_100: str, layout: KeyLayout, widths: tuple[int, int, int] = _WHOLE, *, is_last: bool
) -> Content:
    name_width, count_width, per_100_width = widths
    style = "bold $accent" if is_last else "$foreground"
    return Content.assemble(
        (f"{_key_of(name, layout):<{_KEY}}", "bold $primary"),
        (f"{short_text(name, layout):<{name_width}}", style),
        (f"{n:>{count_width}}", "bold $foreground"),
        (f"{per_100:>{per_100_width}}", DIM),
    )
