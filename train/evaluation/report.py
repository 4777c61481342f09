"""A report of scores as JSON and as Markdown; written by commands only."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smearwatch.models.atomic_write import write_atomically
from smearwatch.models.classes import CLASSES
from smearwatch.train.evaluation.five import FIVE
from smearwatch.train.evaluation.tables import analysis_lines, neutrophil_lines
from smearwatch.train.statistics import share_text

RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write `report.json` and `report.md` into a folder, which is made where it is missing.

    Parameters
    ----------
    report
        As `smearwatch.train.evaluation.measure.measure` returns it, with `title`, `notes` (lines) and `sets` (name to
        the same kind of scores) if there are any; and `figures`, names of PNG files under figures/, to be shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "report.json", (json.dumps(report, indent=1) + "\n").encode())
    write_atomically(folder / "report.md", ("\n".join(_lines(report)) + "\n").encode())


def table_row(cells: Sequence[str]) -> str:
    """Write one row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"# {report.get('title', 'Scores')}", "", RESEARCH_USE, ""]
    lines += [f"- {note}" for note in report.get("notes", [])]
    lines += ["", "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts.", ""]
    lines += [f"![{name.replace('_', ' ')}](figures/{name}.png)\n" for name in report.get("figures", [])]
    for name, scores in (report.get("sets") or {"all cells": report}).items():
        lines += [f"## {name}", "", *_scores(scores)]
    return lines


def _scores(scores: dict[str, Any]) -> list[str]:
    lines = _account(scores["pipeline"]) if "pipeline" in scores else []
    lines += ["| what | share |", "|---|---|"]
    if scores["n"]:
        lines.append(f"| six classes, all labels | {share_text(scores['accuracy_share'])} |")
        if scores["disputed"]["n"]:
            lines.append(f"| six classes, agreed labels | {share_text(scores['agreed'])} |")
            lines.append(f"| six classes, disputed labels | {share_text(scores['disputed'])} |")
    if scores["five_class"]["n"]:
        lines.append(f"| five classes, band and segmented as one | {share_text(scores['five_class'])} |")
    reject = scores["reject"]
    if reject["true_cells_rejected"]["n"]:
        lines.append(f"| true cells rejected | {share_text(reject['true_cells_rejected'])} |")
    lines += [f"| {name} rejected | {share_text(entry)} |" for name, entry in reject["others_rejected"].items()]
    lines.append("")
    if reject["auroc"] is not None:
        lines += [f"Reject score, AUROC against the six classes: {reject['auroc']:.4f}", ""]
    if scores["ece"] is not None:
        lines += [f"Expected calibration error: {scores['ece']:.4f}", ""]
    if scores["n"]:
        return [*lines, *_tables(scores), *analysis_lines(scores)]
    return lines + (_five_table(scores) if scores["five_class"]["n"] else [])


def _account(account: dict[str, Any]) -> list[str]:
    """Tell what became of the boxed cells on their way through the pipeline."""
    rejected = sum(account["rejected_frames"].values())
    reasons = ", ".join(f"{name} {count}" for name, count in account["rejected_frames"].items())
    lines = [
        f"Of {account['labelled']} boxed cells in {account['frames']} fields, {account['found']} were found whole, "
        f"{account['at_edge']} were found cut by the border and {account['missed']} were missed "
        f"({account['in_rejected']} of them in {rejected} refused fields{': ' + reasons if reasons else ''}); "
        f"{account['unlabelled']} more cells were found that have no box.",
    ]
    if account["um_per_px"]:
        low, middle, high = account["um_per_px"]
        lines.append(f"Scale from red cells: {middle:.4f} um/px ({low:.4f} to {high:.4f}).")
    lines.append(f"Found whole and named rightly, of all boxed cells: {share_text(account['end_to_end'])}.")
    return [*lines, ""]


def _five_table(scores: dict[str, Any]) -> list[str]:
    return [*_confusion(FIVE, scores["confusion_five"]), ""]


def _confusion(names: Sequence[str], table: list[list[int]]) -> list[str]:
    lines = ["| label \\ answer | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, row in zip(names, table, strict=True):
        lines.append(f"| {name} | " + " | ".join(str(count) for count in row) + " |")
    return lines


def _tables(scores: dict[str, Any]) -> list[str]:
    lines = _confusion(CLASSES, scores["confusion"])
    if scores["five_class"]["n"] > scores["n"]:
        lines += ["", *_confusion(FIVE, scores["confusion_five"])]
    lines += ["", *neutrophil_lines(scores)]
    lines += ["", "| class | recall | precision | verifier, accuracy | verifier, balanced |", "|---|---|---|---|---|"]
    for name in CLASSES:
        each, verifier = scores["per_class"][name], scores["verifiers"][name]
        balanced = verifier["balanced_accuracy"]
        cells = [
            share_text(each["recall"]),
            share_text(each["precision"]),
            share_text(verifier["accuracy"]),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {'none' if balanced is None else f'{balanced:.4f}'} |")
    verdicts = scores["verdicts"]
    counts = ", ".join(f"{name} {count}" for name, count in verdicts["counts"].items())
    lines += ["", f"Verdicts: {counts}; corrections mended {verdicts['fixed']} and spoilt {verdicts['broken']}.", ""]
    lines += ["| verifiers and rejection together | share |", "|---|---|"]
    lines.append(f"| of the ResNet's errors, not confirmed | {share_text(verdicts['errors_noticed'])} |")
    lines.append(f"| of its right answers, not confirmed | {share_text(verdicts['right_challenged'])} |")
    lines.append(f"| of the confirmed, wrong | {share_text(verdicts['confirmed_wrong'])} |")
    return [*lines, ""]
