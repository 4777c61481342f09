"""The ablation as Markdown: one table, a line a training."""

from typing import Any

from smearwatch.train.evaluation.report import RESEARCH_USE, table_row
from smearwatch.train.statistics import share_text


def markdown(report: dict[str, Any]) -> str:
    """Write `ablation.md` from what `ablation.json` holds."""
    home, *others = report["sets"]
    settings = report["settings"]
    lines = ["# What each part of the recipe is worth", "", RESEARCH_USE, ""]
    lines += [
        f"Small trainings that differ in one thing each: {settings['cells']} cells of each label, at {settings['px']} "
        f"px, through {settings['epochs']} epochs; the lines that compare sizes, {settings['size_cells']} cells and "
        f"{settings['size_epochs']} epochs. The numbers are far below those of the shipped weights; what counts is the "
        "difference to the line that each is compared with, the first of its part.",
        "",
        f"`{home}`: its validation cells ({report['sets'][home]['n']}), for a recipe is not chosen by test cells. "
        + "".join(
            f"`{name}`: all {report['sets'][name]['n']} cells, none of them in any training. " for name in others
        ),
        "",
        "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts, differences by 95 % limits for "
        "paired cells (Tango 1998). One training a line: how much another seed would change is not in the limits.",
        "",
    ]
    columns = ["line", "time"]
    for name, kind in _columns(report["lines"][0]):
        columns += [f"`{name}`, {kind} classes", "difference"]
    lines += [table_row(columns), "|---" * len(columns) + "|"]
    for line in report["lines"]:
        cells = [line["name"], f"x {line['cost']:.1f}" if line["against"] else "1"]
        for name, kind in _columns(line):
            scores = line["sets"][name]
            cells += [share_text(scores[kind]), _gap(scores[f"{kind}_paired"])]
        lines.append(table_row(cells))
    return "\n".join(lines) + "\n"


def _columns(line: dict[str, Any]) -> list[tuple[str, str]]:
    """List sets and numbers of classes; six only where no label joins two of them."""
    return [
        (name, kind)
        for name, scores in line["sets"].items()
        for kind in ("six", "five")
        if kind == "five" or scores["six"]["n"] == scores["five"]["n"]
    ]


def _gap(entry: dict[str, Any] | None) -> str:
    if entry is None or not entry["n"]:
        return ""
    value = entry["difference"]
    return f"{value['value']:+.3f} ({value['low']:+.3f} to {value['high']:+.3f})"
