"""The differential as a table: count, percent, 95 % interval and a bar for each class and for the neutrophils."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.bar import axis, progress_bar, share_bar
from smearwatch.clients.view import View
from smearwatch.clients.wording import DASH, ROWS, UNKNOWN, count_of, fine_limits_text, percent_text, share_of
from smearwatch.daemon.corrected_text import adjusted
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.intervals import percent_json

_GAP, _LEAST_BAR = 3, 8

DIM = "$foreground 60%"
LINE = "$foreground 22%"
_EMPTY = "$foreground 45%"


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide each column is, 0 for one that is not there."""

    name: int
    count: int
    percent: int
    limits: int
    reviewed: int
    corrected: int = 0
    corrected_limits: int = 0
    bar: int = 0

    @property
    def before_bar(self) -> int:
        """All columns together, but for the bar."""
        results = self.limits + self.reviewed + self.corrected + self.corrected_limits
        return self.name + self.count + self.percent + results


_WIDE = _Columns(13, 6, 9, 16, 10)
_CLOSE = _Columns(12, 6, 8, 14, 9, 10, 14)


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
    columns = _columns(view, width)
    yield _heading(view, columns)
    for row in ROWS:
        if row == "neutrophils":
            if (own := _own_classes(_reviewed(view), columns)) is not None:
                yield own
            yield Content.styled("─" * width, LINE)
        yield _share_line(view, row, columns)
    yield _progress_line(view, columns)


def _columns(view: View, width: int) -> _Columns:
    """Divide a width: the columns stand closer where there is an adjusted result, and without room the bar goes."""
    if _corrected(view) is not None:
        columns = replace(_CLOSE, bar=width - _CLOSE.before_bar - _GAP)
        return columns if columns.bar >= _LEAST_BAR else replace(columns, bar=0)
    columns = _WIDE if _reviewed(view) is not None else replace(_WIDE, reviewed=0)
    return replace(columns, bar=max(0, width - columns.before_bar - _GAP))


def _reviewed(view: View) -> Mapping[str, Any] | None:
    """Return the reviewed result, None where nobody has labelled a cell."""
    reviewed: Mapping[str, Any] | None = view.tally.get("reviewed") if view.tally else None
    return reviewed


def _corrected(view: View) -> Mapping[str, Any] | None:
    """Return the adjusted result, None where there was no random review, or too few cells are named in it."""
    return adjusted(view.tally) if view.tally else None


def _heading(view: View, columns: _Columns) -> Content:
    beside = f"{'reviewed':>{columns.reviewed}}" if columns.reviewed else ""
    if columns.corrected:
        beside += f"{'adjusted':>{columns.corrected}}{'95 % interval':>{columns.corrected_limits}}"
    counted = f"{'cells':>{columns.count}}{'percent':>{columns.percent}}{'95 % interval':>{columns.limits}}"
    bar = f"{'':<{_GAP}}{axis(columns.bar)}" if columns.bar else ""
    whose = "as counted" if columns.reviewed else ""
    return Content.styled(f"{whose:<{columns.name}}{counted}{beside}{bar}", DIM)


def _share_line(view: View, row: str, columns: _Columns) -> Content:
    together = row == "neutrophils"
    share: Any = share_of(view.tally, row) if view.tally else UNKNOWN
    known = share["value"] is not None
    marked = view.tally is not None and view.tally["mark"] is not None
    count = count_of(view.tally, row) if view.tally else None
    weight = "bold " if together else ""
    colour = "$foreground" if count else _EMPTY
    filled = "$accent" if together else "$primary"
    return Content.assemble(
        (f"{row:<{columns.name}}", f"{weight}{colour}"),
        (f"{DASH if count is None else count:>{columns.count}}", f"bold {colour}"),
        (f"{percent_text(share, marked=marked):>{columns.percent}}", f"{weight}{colour}"),
        (f"{fine_limits_text(share) if known else DASH:>{columns.limits}}", DIM),
        (_beside(_reviewed(view), row, columns), f"{weight}{colour}"),
        *_corrected_parts(_corrected(view), row, columns, weight),
        " " * (_GAP if columns.bar else 0),
        share_bar(share["value"], share["low"], share["high"], columns.bar, filled=filled),
    )


def _beside(reviewed: Mapping[str, Any] | None, row: str, columns: _Columns) -> str:
    """Return the reviewed percentage of a row, nothing where nothing is reviewed."""
    if reviewed is None:
        return ""
    percent = percent_text(share_of(reviewed, row), marked=reviewed["mark"] is not None)
    return f"{percent:>{columns.reviewed}}"


def _own_classes(reviewed: Mapping[str, Any] | None, columns: _Columns) -> Content | None:
    """Return the row of the laboratory's own classes, which only a person gives; None where there is none."""
    own = sum(n for name, n in reviewed["counts"].items() if name not in CLASSES) if reviewed else 0
    if reviewed is None or not own:
        return None
    percent = percent_text(percent_json(own, reviewed["cells"]), marked=reviewed["mark"] is not None)
    before = columns.before_bar - columns.corrected - columns.corrected_limits - columns.reviewed - columns.name
    return Content.styled(f"{'own classes':<{columns.name}}{'':<{before}}{percent:>{columns.reviewed}}", "$foreground")


def _corrected_parts(
    corrected: Mapping[str, Any] | None, row: str, columns: _Columns, weight: str
) -> list[tuple[str, str]]:
    """Return the adjusted percentage of a row and its limits, nothing where there is none."""
    if corrected is None:
        return []
    share = share_of(corrected, row)
    return [
        (f"{percent_text(share):>{columns.corrected}}", f"{weight}$secondary"),
        (f"{fine_limits_text(share):>{columns.corrected_limits}}", DIM),
    ]


def _progress_line(view: View, columns: _Columns) -> Content:
    cells = int(view.tally["cells"]) if view.tally else 0
    target = view.target
    done = cells / target if target else 0.0
    aim = f"of {target}" if target else ""
    reached = bool(target) and cells >= (target or 0)
    reviewed = _reviewed(view)
    stands = "reached" if columns.corrected else "target reached"
    return Content.assemble(
        (f"{'all cells':<{columns.name}}", "$foreground"),
        (f"{cells if view.tally else DASH:>{columns.count}}", "bold $foreground"),
        (f"{aim:>{columns.percent}}", "$foreground"),
        (f"{stands if reached else f'{done:.0%} done' if target else '':>{columns.limits}}", DIM),
        ("" if reviewed is None else f"{reviewed['cells']:>{columns.reviewed}}", "$foreground"),
        " " * (columns.corrected + columns.corrected_limits + (_GAP if columns.bar else 0)),
        progress_bar(done, columns.bar if target else 0, filled="$success" if reached else "$secondary"),
    )
