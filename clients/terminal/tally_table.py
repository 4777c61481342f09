"""The tally's screen as lines: a key, a name, cells and percent with limits for each class, the others below."""

from collections.abc import Iterator, Mapping
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
_LEAST_BAR = 12
_BEFORE_BAR = _KEY + _NAME + _COUNT + _PERCENT + _LIMITS + _GAP


class TallyTable(Static):
    """The table; it draws itself anew for every width."""

    _typed: tuple[TypedCells, int] | None = None

    def __init__(self, layout: KeyLayout, *, id: str) -> None:  # as Textual calls it
        super().__init__(id=id)
        self._layout = layout

    def show(self, cells: TypedCells, target: int) -> None:
        """Draw what was typed."""
        self._typed = (cells, target)
        self.on_resize()

    def on_resize(self) -> None:
        """Fit the bars to the width."""
        width = self.content_size.width
        if self._typed is not None and width:
            cells, target = self._typed
            lines = tally_table(cells.json(), self._layout, last=cells.last, target=target, width=width)
            self.update(Content("\n").join(lines))


def tally_table(
    named: Mapping[str, Any], layout: KeyLayout, *, last: LabelName | None, target: int, width: int
) -> Iterator[Content]:
    """Yield the screen's lines.

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
    width : int
        Characters.
    """
    bar = width - _BEFORE_BAR
    bar = bar if bar >= _LEAST_BAR else 0
    head = f"{'key':<{_KEY}}{'':<{_NAME}}{'cells':>{_COUNT}}{'percent':>{_PERCENT}}{'95 % interval':>{_LIMITS}}"
    yield Content.styled(f"{head}{'':<{_GAP}}{axis(bar) if bar else ''}", DIM)
    own = [each.label for each in layout.extra]
    for cls in (*CLASSES, *(label for label in own if is_leukocyte(label))):
        n, share = named["counts"].get(cls, 0), named["percent"].get(cls) or percent_json(0, named["cells"])
        style = "bold $accent" if cls == last else "$foreground"
        yield _share_line(_key_of(cls, layout), short_text(cls, layout), n, share, bar, style)
    yield _other_line(UNDIVIDED, named["neutrophils_undivided"], "", layout, is_last=last == UNDIVIDED)
    yield Content.styled("─" * width, LINE)
    yield _share_line("", "neutrophils", named["neutrophils"], named["percent"]["neutrophils"], bar, "bold $foreground")
    reached = named["cells"] >= target
    yield Content.assemble(
        (f"{'':<{_KEY}}{'leukocytes':<{_NAME}}", "$foreground"),
        (f"{named['cells']:>{_COUNT}}", "bold $foreground"),
        (f"{f'of {target}':>{_PERCENT}}", "$foreground"),
        (f"{'target reached' if reached else '':>{_LIMITS}}", "$success"),
        " " * _GAP,
        progress_bar(named["cells"] / target, bar, filled="$success" if reached else "$secondary"),
    )
    yield Content.styled(f"{'':<{_KEY + _NAME + _COUNT}}{'per 100 leukocytes':>{_PERCENT + _LIMITS}}", DIM)
    apart = {**named["others"], **named["set_aside"]}
    for name in (*_APART, *(label for label in own if not is_leukocyte(label))):
        per_100 = f"{100 * apart.get(name, 0) / named['cells']:.1f}" if named["cells"] else DASH
        yield _other_line(name, apart.get(name, 0), per_100, layout, is_last=name == last)


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


def _other_line(name: LabelName, n: int, per_100: str, layout: KeyLayout, *, is_last: bool) -> Content:
    style = "bold $accent" if is_last else "$foreground"
    return Content.assemble(
        (f"{_key_of(name, layout):<{_KEY}}", "bold $primary"),
        (f"{short_text(name, layout):<{_NAME}}", style),
        (f"{n:>{_COUNT}}", "bold $foreground"),
        (f"{per_100:>{_PERCENT + _LIMITS}}", DIM),
    )
