"""The differential as a table: count, percent, 95 % interval and a bar for each class and for the neutrophils."""

from collections.abc import Iterator, Mapping
from typing import Any

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.view import View
from smearwatch.clients.wording import DASH, ROWS, UNKNOWN, count_of, fine_limits_text, percent_text, share_of

_NAME, _COUNT, _PERCENT, _LIMITS, _GAP, _REVIEWED = 13, 6, 9, 16, 3, 10
_BEFORE_BAR = _NAME + _COUNT + _PERCENT + _LIMITS + _GAP

DIM = "$foreground 60%"
LINE = "$foreground 22%"
_EMPTY = "$foreground 45%"


class Differential(Static):
    """The table. `show` gives it a view; it draws itself anew for every width."""

    _view = View()

    def show(self, view: View) -> None:
        """Draw a view."""
        self._view = view
        self._draw()

    def on_resize(self) -> None:
        """Fit the bars to the new width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if width:
            self.update(Content("\n").join(table(self._view, width)))


def table(view: View, width: int) -> Iterator[Content]:
    """Yield the table's lines for a width in characters."""
    reviewed = _reviewed(view)
    bar_width = max(0, width - _BEFORE_BAR - (_REVIEWED if reviewed else 0))
    yield _heading(bar_width, reviewed=reviewed is not None)
    for row in ROWS:
        if row == "neutrophils":
            yield Content.styled("─" * width, LINE)
        yield _share_line(view, row, bar_width)
    yield _progress_line(view, bar_width)


def _reviewed(view: View) -> Mapping[str, Any] | None:
    """Return the reviewed result, None where nobody has labelled a cell."""
    reviewed: Mapping[str, Any] | None = view.tally.get("reviewed") if view.tally else None
    return reviewed


def _heading(bar_width: int, *, reviewed: bool) -> Content:
    beside = f"{'reviewed':>{_REVIEWED}}" if reviewed else ""
    names = f"{'':<{_NAME}}{'cells':>{_COUNT}}{'percent':>{_PERCENT}}{'95 % interval':>{_LIMITS}}{beside}{'':<{_GAP}}"
    return Content.styled(names + axis(bar_width), DIM)


def _share_line(view: View, row: str, bar_width: int) -> Content:
    together = row == "neutrophils"
    share: Any = share_of(view.tally, row) if view.tally else UNKNOWN
    known = share["value"] is not None
    marked = view.tally is not None and view.tally["mark"] is not None
    count = count_of(view.tally, row) if view.tally else None
    weight = "bold " if together else ""
    colour = "$foreground" if count else _EMPTY
    return Content.assemble(
        (f"{row:<{_NAME}}", f"{weight}{colour}"),
        (f"{DASH if count is None else count:>{_COUNT}}", f"bold {colour}"),
        (f"{percent_text(share, marked=marked):>{_PERCENT}}", f"{weight}{colour}"),
        (f"{fine_limits_text(share) if known else DASH:>{_LIMITS}}", DIM),
        (_beside(_reviewed(view), row), f"{weight}{colour}"),
        " " * _GAP,
        share_bar(share["value"], share["low"], share["high"], bar_width, filled="$accent" if together else "$primary"),
    )


def _beside(reviewed: Mapping[str, Any] | None, row: str) -> str:
    """Return the reviewed percentage of a row, nothing where nothing is reviewed."""
    if reviewed is None:
        return ""
    percent = percent_text(share_of(reviewed, row), marked=reviewed["mark"] is not None)
    return f"{percent:>{_REVIEWED}}"


def _progress_line(view: View, bar_width: int) -> Content:
    cells = int(view.tally["cells"]) if view.tally else 0
    target = view.target
    done = cells / target if target else 0.0
    aim = f"of {target}" if target else ""
    reached = bool(target) and cells >= (target or 0)
    reviewed = _reviewed(view)
    return Content.assemble(
        (f"{'all cells':<{_NAME}}", "$foreground"),
        (f"{cells if view.tally else DASH:>{_COUNT}}", "bold $foreground"),
        (f"{aim:>{_PERCENT}}", "$foreground"),
        (f"{'target reached' if reached else f'{done:.0%} done' if target else '':>{_LIMITS}}", DIM),
        ("" if reviewed is None else f"{reviewed['cells']:>{_REVIEWED}}", "$foreground"),
        " " * _GAP,
        progress_bar(done, bar_width if target else 0, filled="$success" if reached else "$secondary"),
    )
