"""The report's figures: plots of numbers only, never a picture of a cell, so that they may be passed on."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from smearwatch.models.classes import CLASSES
from smearwatch.train.evaluation.analysis import AGREED, ALL
from smearwatch.train.evaluation.five_classes import FIVE
from smearwatch.train.evaluation.results import EvaluatedSet
from smearwatch.train.evaluation.scores import Scores
from smearwatch.train.statistics import Share

NAMES = ("confusion", "reliability", "risk_coverage", "verifiers")

_DPI = 110
_COLOURS = 48
_PANEL_INCHES = 4.2
_INK, _QUIET, _WARM = "#20455c", "#8fa7b5", "#b5533c"


def draw_figures(folder: Path, sets: Mapping[str, EvaluatedSet]) -> None:
    """Write confusion.png, reliability.png, risk_coverage.png and verifiers.png, a panel for each set.

    Parameters
    ----------
    folder
        Made where it is missing.
    sets
        By name; at least one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.png").write_bytes(figure_png(name, sets))


def figure_png(name: str, sets: Mapping[str, EvaluatedSet], *, titled: bool = True) -> bytes:
    """Draw one of the figures, a panel for each set; without titles where the page around it says what it is of."""
    figure = Figure(figsize=(_PANEL_INCHES * len(sets), _PANEL_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(sets), squeeze=False)[0]
    for axes, (title, each) in zip(panels, sets.items(), strict=True):
        if titled:
            axes.set_title(title, fontsize=10, loc="left")
        _DRAWN[name](axes, each)
    drawn, content = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    # Plots need few colours; a palette makes the file a third as large.
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(content, format="png", optimize=True)
    return content.getvalue()


def choose_table(scores: Scores) -> tuple[Sequence[str], list[list[int]]]:
    """Return names and counts of the table to show: of six, or of five where no label has band and segmented apart."""
    apart = sum(map(sum, scores.confusion[:2]))
    of_five = not apart and sum(map(sum, scores.confusion_five)) > scores.n
    return (FIVE, scores.confusion_five) if of_five else (CLASSES, scores.confusion)


def _confusion(axes: Axes, each: EvaluatedSet) -> None:
    names, table = choose_table(each.scores)
    counts = np.array(table, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.5 else "#222222"
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("answer", fontsize=8)
    axes.set_ylabel("label", fontsize=8)
    for side in axes.spines.values():
        side.set_visible(False)


def _reliability(axes: Axes, each: EvaluatedSet) -> None:
    scores = each.scores
    axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1)
    confidence = [answers.confidence for answers in scores.reliability]
    shares = [answers.accuracy for answers in scores.reliability]
    accuracy = [share.value or 0.0 for share in shares]
    limits = [_errors_below(shares), _errors_above(shares)]
    if shares:
        sizes = [12 + 90 * share.n / max(scores.n, 1) for share in shares]
        axes.errorbar(confidence, accuracy, yerr=limits, fmt="none", ecolor=_QUIET, linewidth=1)
        axes.scatter(confidence, accuracy, s=sizes, color=_INK, zorder=3)
        error = f"calibration error {scores.ece or 0.0:.3f}"
        axes.text(0.03, 0.95, error, transform=axes.transAxes, fontsize=8, va="top")
    _frame(axes, "probability of the answer", "share that is right")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)


def _risk_coverage(axes: Axes, each: EvaluatedSet) -> None:
    top = 0.0
    for name, colour in ((ALL, _INK), (AGREED, _WARM)):
        risk = each.analysis.risk_coverage[name]
        curve = risk.doubt.curve
        if not curve or (name == AGREED and not each.scores.disputed.n):
            continue
        axes.plot([c for c, _ in curve], [r for _, r in curve], color=colour, label=f"by doubt, {name} labels")
        coverage, errors = risk.policy.coverage.value, risk.policy.errors
        top = max(top, *(r for _, r in curve), errors.high if errors.n else 0.0)
        if coverage is not None and errors.value is not None:
            limits = [_errors_below([errors]), _errors_above([errors])]
            axes.errorbar([coverage], [errors.value], yerr=limits, fmt="D", color=colour, label=f"policy, {name}")
    if top:
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    _frame(axes, "share of cells left unflagged", "share of them that is wrong")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, min(1.0, 1.15 * top + 0.005))


def _verifiers(axes: Axes, each: EvaluatedSet) -> None:
    names = [*CLASSES, "together"]
    gains = [each.analysis.verifier_gains[ALL][name].overruling for name in names]
    rows = np.arange(len(names))
    axes.barh(rows - 0.19, [gain.fixed for gain in gains], 0.36, color=_INK)
    axes.barh(rows + 0.19, [-gain.broken for gain in gains], 0.36, color=_WARM)
    reach = max([1, *(max(gain.fixed, gain.broken) for gain in gains)])
    for row, gain in enumerate(gains):
        axes.text(reach * 1.08, row, f"{gain.net:+d}", va="center", fontsize=8)
    axes.axvline(0, color="#222222", linewidth=0.8)
    axes.set_yticks(rows, names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(-1.25 * reach, 1.3 * reach)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _frame(axes, f"spoilt (left) and mended (right) of {gains[0].n} cells, and net", "")


def _errors_below(shares: Sequence[Share]) -> list[float]:
    return [(share.value or 0.0) - share.low for share in shares]


def _errors_above(shares: Sequence[Share]) -> list[float]:
    return [share.high - (share.value or 0.0) for share in shares]


def _frame(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, fontsize=8)
    axes.set_ylabel(up, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25)
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)


_DRAWN: dict[str, Callable[[Axes, EvaluatedSet], None]] = {
    "confusion": _confusion,
    "reliability": _reliability,
    "risk_coverage": _risk_coverage,
    "verifiers": _verifiers,
}
