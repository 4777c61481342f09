"""The tally's screen as lines: a key, a name, cells and percent with limits for each class, the others below."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.reviewing.words import KEYS
from smearwatch.clients.reviewing.words import TALLY_KEYS as TALLY_KEYS
from smearwatch.clients.tallying.typed import TypedCells
from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.terminal.differential import DIM, LINE
from smearwatch.daemon.record.beside import TALLIED_LABELS
from smearwatch.daemon.record.classes import CLASSES, UNDIVIDED
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.share_text import DASH, fine_limits_text, percent_text

_APART: Final = TALLIED_LABELS[len(CLASSES) + 1 :]
_SHORT: Final = {UNDIVIDED: "neutrophil not divided", "erythroblast": "nucleated red cell", "other": "something else"}
_KEY, _NAME, _COUNT, _PERCENT, _LIMITS, _GAP = 5, 22, 6, 9, 16, 3
_LEAST_BAR = 12
_BEFORE_BAR = _KEY + _NAME + _COUNT + _PERCENT + _LIMITS + _GAP


class TallyTable(Static):
    """The table; it draws itself anew for every width."""

    _typed: tuple[TypedCells, int] | None = None

    def show(self, cells: TypedCells, target: int) -> None:
        """Draw what was typed."""
        self._typed = (cells, target)
        self.on_resize()

    def on_resize(self) -> None:
        """Fit the bars to the width."""
        width = self.content_size.width
        if self._typed is not None and width:
            cells, target = self._typed
            self.update(Content("\n").join(tally_table(cells.json(), last=cells.last, target=target, width=width)))


def tally_table(named: Mapping[str, Any], *, last: LabelName | None, target: int, width: int) -> Iterator[Content]:
    """Yield the screen's lines.

    Parameters
    ----------
    named : mapping
        The result so far; see `smearwatch.daemon.record.beside_json.named_json`.
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
    for cls in CLASSES:
        yield _class_line(cls, named["counts"][cls], named["percent"][cls], bar, is_last=cls == last)
    yield _other_line(UNDIVIDED, named["neutrophils_undivided"], "", is_last=last == UNDIVIDED)
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
    for name in _APART:
        per_100 = f"{100 * apart.get(name, 0) / named['cells']:.1f}" if named["cells"] else DASH
        yield _other_line(name, apart.get(name, 0), per_100, is_last=name == last)


def key_of(name: LabelName) -> str:
    """Return the key that counts a cell."""
    return next(key for key, label in KEYS.items() if label == name)


def short_text(name: LabelName) -> str:
    """Return a cell's name as it stands in the table."""
    return _SHORT.get(name, name.replace("_", " "))


def _class_line(name: LabelName, n: int, share: Mapping[str, Any], bar: int, *, is_last: bool) -> Content:
    return _share_line(key_of(name), short_text(name), n, share, bar, "bold $accent" if is_last else "$foreground")


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


def _other_line(name: LabelName, n: int, per_100: str, *, is_last: bool) -> Content:
    style = "bold $accent" if is_last else "$foreground"
    return Content.assemble(
        (f"{key_of(name):<{_KEY}}", "bold $primary"),
        (f"{short_text(name):<{_NAME}}", style),
        (f"{n:>{_COUNT}}", "bold $foreground"),
        (f"{per_100:>{_PERCENT + _LIMITS}}", DIM),
    )
