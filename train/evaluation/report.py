"""A report of scores as JSON and as Markdown; written by commands only."""

import json
from collections.abc import Sequence
from pathlib import Path

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.pipeline_cells import PipelineAccount
from smearwatch.train.evaluation.analysis_tables import gain_lines, neutrophil_lines, risk_lines
from smearwatch.train.evaluation.five_classes import FIVE
from smearwatch.train.evaluation.results import EvaluatedSet, Report, ScoredSet
from smearwatch.train.evaluation.scores import Scores
from smearwatch.train.statistics import Share


def write_report(folder: Path, report: Report) -> None:
    """Write `report.json` and `report.md` into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "report.json", (json.dumps(report.to_json(), indent=1) + "\n").encode())
    write_atomically(folder / "report.md", ("\n".join(_lines(report)) + "\n").encode())


def table_row(cells: Sequence[str]) -> str:
    """Write one row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _lines(report: Report) -> list[str]:
    lines = [f"# {report.title}", "", RESEARCH_USE, ""]
    lines += [f"- {note}" for note in report.notes]
    lines += ["", "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts.", ""]
    lines += [f"![{name.replace('_', ' ')}](figures/{name}.png)\n" for name in report.figures]
    for name, each in report.sets.items():
        lines += [f"## {name}", "", *_set_lines(each)]
    return lines


def _set_lines(each: ScoredSet) -> list[str]:
    lines: list[str] = []
    scores = each.scores
    if isinstance(each, EvaluatedSet) and each.origin and each.origin.pipeline and each.end_to_end:
        lines += _pipeline_lines(each.origin.pipeline, each.end_to_end)
    lines += _share_lines(scores)
    if not scores.n:
        return [*lines, *_confusion(FIVE, scores.confusion_five), ""] if scores.five_class.n else lines
    lines += _tables(scores)
    if isinstance(each, EvaluatedSet):
        lines += [*risk_lines(each.analysis.risk_coverage), "", *gain_lines(each.analysis.verifier_gains), ""]
    return lines


def _share_lines(scores: Scores) -> list[str]:
    lines = ["| what | share |", "|---|---|"]
    if scores.n:
        lines.append(f"| six classes, all labels | {scores.accuracy_share.text()} |")
        if scores.disputed.n:
            lines.append(f"| six classes, agreed labels | {scores.agreed.text()} |")
            lines.append(f"| six classes, disputed labels | {scores.disputed.text()} |")
    if scores.five_class.n:
        lines.append(f"| five classes, band and segmented as one | {scores.five_class.text()} |")
    reject = scores.reject
    if reject.true_cells_rejected.n:
        lines.append(f"| true cells rejected | {reject.true_cells_rejected.text()} |")
    lines += [f"| {name} rejected | {share.text()} |" for name, share in reject.others_rejected.items()]
    lines.append("")
    if reject.auroc is not None:
        lines += [f"Reject score, AUROC against the six classes: {reject.auroc:.4f}", ""]
    if scores.ece is not None:
        lines += [f"Expected calibration error: {scores.ece:.4f}", ""]
    return lines


def _pipeline_lines(account: PipelineAccount, end_to_end: Share) -> list[str]:
    """Explain what became of the boxed cells in the pipeline."""
    rejected = sum(account.rejected_frames.values())
    reasons = ", ".join(f"{name} {count}" for name, count in account.rejected_frames.items())
    lines = [
        f"Of {account.labelled} boxed cells in {account.frames} fields, {account.found} were found whole, "
        f"{account.at_edge} were found cut by the border and {account.missed} were missed "
        f"({account.in_rejected} of them in {rejected} refused fields{': ' + reasons if reasons else ''}); "
        f"{account.unlabelled} more cells were found that have no box.",
    ]
    if account.um_per_px:
        low, middle, high = account.um_per_px
        lines.append(f"Scale from red cells: {middle:.4f} um/px ({low:.4f} to {high:.4f}).")
    lines.append(f"Found whole and named rightly, of all boxed cells: {end_to_end.text()}.")
    return [*lines, ""]


def _confusion(names: Sequence[str], table: list[list[int]]) -> list[str]:
    lines = ["| label \\ answer | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, row in zip(names, table, strict=True):
        lines.append(f"| {name} | " + " | ".join(str(count) for count in row) + " |")
    return lines


def _tables(scores: Scores) -> list[str]:
    lines = _confusion(CLASSES, scores.confusion)
    if scores.five_class.n > scores.n:
        lines += ["", *_confusion(FIVE, scores.confusion_five)]
    lines += ["", *neutrophil_lines(scores)]
    lines += ["", "| class | recall | precision | verifier, accuracy | verifier, balanced |", "|---|---|---|---|---|"]
    for name in CLASSES:
        each, verifier = scores.per_class[name], scores.verifiers[name]
        balanced = "none" if verifier.balanced_accuracy is None else f"{verifier.balanced_accuracy:.4f}"
        cells = [each.recall.text(), each.precision.text(), verifier.accuracy.text(), balanced]
        lines.append(table_row([name, *cells]))
    verdicts = scores.verdicts
    counts = ", ".join(f"{name} {count}" for name, count in verdicts.counts.items())
    lines += ["", f"Verdicts: {counts}; corrections mended {verdicts.fixed} and spoilt {verdicts.broken}.", ""]
    lines += ["| verifiers and rejection together | share |", "|---|---|"]
    lines.append(f"| of the ResNet's errors, not confirmed | {verdicts.errors_noticed.text()} |")
    lines.append(f"| of its right answers, not confirmed | {verdicts.right_challenged.text()} |")
    lines.append(f"| of the confirmed, wrong | {verdicts.confirmed_wrong.text()} |")
    return [*lines, ""]
