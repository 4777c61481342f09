"""The ablation as types and as Markdown: one table, a line a training."""

from dataclasses import dataclass
from typing import Any, Final

from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.train.ablation.compare import LineResult, SetResult
from smearwatch.train.ablation.config import AblationConfig
from smearwatch.train.evaluation.report import table_row
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Paired

_CLASSES: Final = (6, 5)
_NAMES: Final = {6: "six", 5: "five"}


@dataclass(frozen=True, slots=True)
class SetInfo(JsonRecord):
    """How many cells of a set are compared on, and which (`smearwatch.train.data.split.split_digest`)."""

    n: int
    sha256: str


@dataclass(frozen=True, slots=True)
class AblationReport(JsonRecord):
    """The whole table; `to_json` gives what `ablation.json` holds.

    Attributes
    ----------
    sets
        By name; the first is the validation side of the source that is trained on.
    lines
        In the order of the table.
    """

    settings: AblationConfig
    sets: dict[str, SetInfo]
    lines: list[LineResult]

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, the settings as TOML would have them."""
        return {**JsonRecord.to_json(self), "settings": self.settings.model_dump(mode="json")}


def render_markdown(report: AblationReport) -> str:
    """Write `ablation.md`."""
    columns = ["line", "time"]
    for name, classes in _columns(report.lines[0]):
        columns += [f"`{name}`, {_NAMES[classes]} classes", "difference"]
    lines = [*_introduction(report), table_row(columns), "|---" * len(columns) + "|"]
    for line in report.lines:
        cells = [line.name, f"x {line.cost:.1f}" if line.against else "1"]
        for name, classes in _columns(line):
            result = line.sets[name]
            share, change = (result.six, result.six_paired) if classes == 6 else (result.five, result.five_paired)
            cells += [share.text(), _difference(change)]
        lines.append(table_row(cells))
    return "\n".join(lines) + "\n"


def _introduction(report: AblationReport) -> list[str]:
    home, *others = report.sets
    settings = report.settings
    whole = (f"`{name}`: all {report.sets[name].n} cells, none of them in any training. " for name in others)
    return [
        "# What each part of the recipe is worth",
        "",
        RESEARCH_USE,
        "",
        f"Small trainings that differ in one thing each: {settings.cells} cells of each label, at {settings.px} "
        f"px, through {settings.epochs} epochs; the lines that compare sizes, {settings.size_cells} cells and "
        f"{settings.size_epochs} epochs. The numbers are far below those of the shipped weights; what counts is the "
        "difference to the line that each is compared with, the first of its part.",
        "",
        f"`{home}`: its validation cells ({report.sets[home].n}), for a recipe is not chosen by test cells. "
        + "".join(whole),
        "",
        "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts, differences by 95 % limits for "
        "paired cells (Tango 1998). One training a line: how much another seed would change is not in the limits.",
        "",
    ]


def _columns(line: LineResult) -> list[tuple[str, int]]:
    """List sets and numbers of classes; six only where no label joins two of them."""
    return [(name, classes) for name, result in line.sets.items() for classes in _counted(result)]


def _counted(result: SetResult) -> tuple[int, ...]:
    return _CLASSES if result.six.n == result.five.n else _CLASSES[1:]


def _difference(change: Paired | None) -> str:
    return "" if change is None or change.difference is None else change.difference.text(decimals=3)
