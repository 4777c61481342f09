"""The report of a leave-out as JSON and as Markdown, and each cell's answer as a table."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.spreadsheet import neutralised
from smearwatch.models.classes import CLASSES
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.pipeline_cells import PipelineAccount
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.report import table_row
from smearwatch.train.evaluation.worst import pair_answers
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.leave_out.cells import Way
from smearwatch.train.leave_out.choosing import CONFIRMED_RIGHT
from smearwatch.train.leave_out.scores import WayScores
from smearwatch.train.leave_out.summary import COLUMNS, Summary, summarise
from smearwatch.train.statistics import Share
from smearwatch.train.thresholds import Thresholds

_TITLES: Final[dict[Way, str]] = {
    "labelled": "Cut where they are labelled: in the middle of their pictures or boxes",
    "pipeline": "As the pipeline finds and cuts them",
}


@dataclass(frozen=True, slots=True)
class LeftOut(JsonRecord):
    """A laboratory that was left out.

    Attributes
    ----------
    weights_id, weights_name
        Of the networks that never met it.
    trained
        Whether they were trained here; otherwise the weights were given.
    known
        Whether the weights say which cells they have seen; without that nobody can check that they never met these.
    ways
        "labelled" and "pipeline".
    thresholds
        Those that it was scored by, chosen on the other laboratories; None where it is the only one: then the
        networks' own.
    """

    weights_id: str
    weights_name: str
    trained: bool
    known: bool
    ways: Mapping[Way, WayScores]
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class LeaveOutReport(JsonRecord):
    """All laboratories that were left out so far, each measured by networks that never met it.

    Attributes
    ----------
    thresholds
        Chosen on all of them together: for networks that are trained on all.
    """

    notes: Sequence[str]
    at_most: int | None
    laboratories: Mapping[str, LeftOut]
    thresholds: Thresholds

    def summaries(self) -> dict[Way, Summary]:
        """Return mean and worst of each way."""
        return {way: summarise(self.by_way(way)) for way in _TITLES}

    def by_way(self, way: Way) -> dict[str, WayScores]:
        """Return each laboratory's scores of one way."""
        return {name: each.ways[way] for name, each in self.laboratories.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the fields, and mean and worst as `summary`."""
        summary = {way: each.to_json() for way, each in self.summaries().items()}
        return {**JsonRecord.to_json(self), "summary": summary}


def write_leave_out(folder: Path, report: LeaveOutReport) -> None:
    """Write `report.json`, `report.md` and `thresholds.json` into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "thresholds.json", (json.dumps(report.thresholds.to_json(), indent=1) + "\n").encode())
    write_atomically(folder / "report.json", (json.dumps(report.to_json(), indent=1) + "\n").encode())
    write_atomically(folder / "report.md", ("\n".join(_lines(report)) + "\n").encode())


def answer_rows(way: Way, samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> list[list[str]]:
    """Return a row for each cell, in the columns of `write_answers`."""
    return [
        [
            way,
            neutralised(cell.sample.sample_id),
            cell.sample.label,
            CLASSES[cell.predicted],
            cell.verdict,
            f"{cell.reject_score:.6f}",
            *(f"{value:.6f}" for value in cell.probabilities),
        ]
        for cell in pair_answers(samples, outputs, policy)
    ]


def write_answers(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write cells and the networks' answers as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["way", "cell", "label", "answer", "verdict", "reject_score", *(f"p_{name}" for name in CLASSES)])
    table.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.getvalue().encode())


def _lines(report: LeaveOutReport) -> list[str]:
    lines = ["# Each laboratory left out in turn", "", RESEARCH_USE, ""]
    lines += [f"- {note}" for note in report.notes]
    unknown = [name for name, each in report.laboratories.items() if not each.known]
    lines += [
        f"- {name}: the weights do not say what they were trained on, maybe on some of these." for name in unknown
    ]
    lines += [f"- {name}: {_thresholds(each.thresholds)}" for name, each in report.laboratories.items()]
    lines += [f"- Chosen on all of them: {_thresholds(report.thresholds)}"]
    lines += ["", "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts."]
    for way, summary in report.summaries().items():
        laboratories = report.by_way(way)
        lines += ["", f"## {_TITLES[way]}", "", *_table(laboratories, summary), "", *_class_table(laboratories)]
        for name, each in laboratories.items():
            if each.pipeline is not None:
                lines += ["", _account(name, each.pipeline)]
    return lines


def _thresholds(chosen: Thresholds | None) -> str:
    if chosen is None:
        return "the thresholds of the networks' own validation."
    text = f"rejected from {chosen.reject_at:.3f} on, doubted below {chosen.doubt_below:.3f}"
    if chosen.confirmed_right is None:
        return f"{text}; too few cells were confirmed to choose by. Do not rely on these."
    if chosen.confirmed_right < CONFIRMED_RIGHT:
        least = f"{chosen.confirmed_right:.2f} for {CONFIRMED_RIGHT:g}"
        return f"{text}; **no threshold makes enough of the confirmed right ({least} in the worst).**"
    return f"{text}."


def _table(laboratories: Mapping[str, WayScores], summary: Summary) -> list[str]:
    shown = [score for score in COLUMNS if summary.mean[score] is not None]
    lines = [table_row(["left out", "cells", *(COLUMNS[score] for score in shown)]), "|---" * (len(shown) + 2) + "|"]
    for name, each in laboratories.items():
        lines.append(table_row([name, str(each.n), *(_text(getattr(each, score)) for score in shown)]))
    lines.append(table_row(["mean", "", *(_text(summary.mean[score]) for score in shown)]))
    worst = [summary.worst[score] for score in shown]
    texts = ["-" if each is None else f"{each.value:.4f} ({each.laboratory})" for each in worst]
    return [*lines, table_row(["worst", "", *texts])]


def _class_table(laboratories: Mapping[str, WayScores]) -> list[str]:
    lines = ["| left out | label | right, five classes | rejected |", "|---|---|---|---|"]
    for name, each in laboratories.items():
        for label, share in each.right_by_class.items():
            lines.append(table_row([name, label, share.text(), each.rejected_by_class[label].text()]))
        for label, share in each.others_rejected.items():
            lines.append(table_row([name, f"{label} (to be rejected)", "-", share.text()]))
    return lines


def _account(name: str, account: PipelineAccount) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in account.rejected_frames.items())
    return (
        f"{name}: of {account.labelled} cells {account.found} were found whole, {account.at_edge} cut by the border, "
        f"{account.missed} missed ({account.in_rejected} of them in refused pictures{reasons and ': ' + reasons})."
    )


def _text(value: Share | float | None) -> str:
    if value is None:
        return "-"
    return value.text() if isinstance(value, Share) else f"{value:.4f}"
