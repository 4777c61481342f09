"""Figure 1 in the paper's form: errors and cost by epoch, on DB-1 and then on DB-2."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from smearwatch.train.paper.results import Curves, ProtocolResult

_DPI = 110


def draw_figure(path: Path, results: Mapping[str, ProtocolResult]) -> None:
    """Write a PNG: a row for each protocol, a column for each picture size.

    Parameters
    ----------
    results
        By protocol; at least one.
    """
    sizes = list(next(iter(results.values())).six_class)
    figure = Figure(figsize=(1.5 + 5.2 * len(sizes), 0.6 + 3.2 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(results), len(sizes), squeeze=False)
    lines: list[Line2D] = []
    for row, (name, result) in enumerate(results.items()):
        for column, px in enumerate(sizes):
            lines = _panel(panels[row][column], result.six_class[px].curve)
            panels[row][column].set_title(f"protocol {name}, {px} px", fontsize=10)
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})


def _panel(axes: Axes, curve: Curves) -> list[Line2D]:
    """Draw one panel; returns a line of each kind, for the legend."""
    costs = axes.twinx()
    first = len(curve.db1)
    lines: list[Line2D] = []
    for start, rows in ((0, curve.db1), (first, curve.db2)):
        epochs = [start + row.epoch for row in rows]
        lines = [
            line
            for what, (target, style) in {
                "training_error": (axes, "C0.-"),
                "validation_error": (axes, "C3.-"),
                "training_cost": (costs, "C2.--"),
                "validation_cost": (costs, "C1.--"),
            }.items()
            for line in target.plot(epochs, [getattr(row, what) for row in rows], style, label=what.replace("_", " "))
        ]
    axes.axvline(first + 0.5, color="0.6", linewidth=1)
    for x, text in ((0.02, "DB-1"), ((first + 0.5) / (first + len(curve.db2) + 0.5), "DB-2")):
        axes.text(x + 0.01, 0.95, text, transform=axes.transAxes, fontsize=8, color="0.4")
    axes.set_xlim(0.5, first + len(curve.db2) + 0.5)
    axes.set_ylim(bottom=0)
    costs.set_ylim(bottom=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel("error")
    costs.set_ylabel("cost")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)
    return lines
