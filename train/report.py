"""A report of scores as JSON and as Markdown; written by commands only."""

import json
import os
from pathlib import Path
from typing import Any

from smearwatch.models.classes import CLASSES
from smearwatch.train.shares import say

RESEARCH_USE = "For Research Use Only. Not for use in diagnostic procedures."


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write `report.json` and `report.md` into a folder, which is made where it is missing.

    Parameters
    ----------
    report
        As `smearwatch.train.measure.measure` returns it, with `title`, `notes` (lines) and `sets` (name to the same
        kind of scores) if there are any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "report.json", json.dumps(report, indent=1) + "\n")
    _replace(folder / "report.md", "\n".join(_lines(report)) + "\n")


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"# {report.get('title', 'Scores')}", "", RESEARCH_USE, ""]
    lines += [f"- {note}" for note in report.get("notes", [])]
    lines += ["", "Shares are followed by exact 95 % limits (Clopper-Pearson) and the counts.", ""]
    for name, scores in (report.get("sets") or {"all cells": report}).items():
        lines += [f"## {name}", "", *_scores(scores)]
    return lines


def _scores(scores: dict[str, Any]) -> list[str]:
    lines = ["| what | share |", "|---|---|"]
    if scores["n"]:
        lines.append(f"| six classes, all labels | {say(scores['accuracy_share'])} |")
        if scores["disputed"]["n"]:
            lines.append(f"| six classes, agreed labels | {say(scores['agreed'])} |")
            lines.append(f"| six classes, disputed labels | {say(scores['disputed'])} |")
    if scores["five_class"]["n"]:
        lines.append(f"| five classes, band and segmented as one | {say(scores['five_class'])} |")
    reject = scores["reject"]
    if reject["true_cells_rejected"]["n"]:
        lines.append(f"| true cells rejected | {say(reject['true_cells_rejected'])} |")
    lines += [f"| {name} rejected | {say(entry)} |" for name, entry in reject["others_rejected"].items()]
    lines.append("")
    if reject["auroc"] is not None:
        lines += [f"Reject score, AUROC against the six classes: {reject['auroc']:.4f}", ""]
    if scores["ece"] is not None:
        lines += [f"Expected calibration error: {scores['ece']:.4f}", ""]
    return lines + (_tables(scores) if scores["n"] else [])


def _tables(scores: dict[str, Any]) -> list[str]:
    head = "| label \\ answer | " + " | ".join(CLASSES) + " |"
    lines = [head, "|---" * (len(CLASSES) + 1) + "|"]
    for name, row in zip(CLASSES, scores["confusion"], strict=True):
        lines.append(f"| {name} | " + " | ".join(str(count) for count in row) + " |")
    lines += ["", "| class | recall | precision | verifier, accuracy | verifier, balanced |", "|---|---|---|---|---|"]
    for name in CLASSES:
        each, verifier = scores["per_class"][name], scores["verifiers"][name]
        balanced = verifier["balanced_accuracy"]
        cells = [say(each["recall"]), say(each["precision"]), say(verifier["accuracy"])]
        lines.append(f"| {name} | {' | '.join(cells)} | {'none' if balanced is None else f'{balanced:.4f}'} |")
    verdicts = scores["verdicts"]
    counts = ", ".join(f"{name} {count}" for name, count in verdicts["counts"].items())
    lines += ["", f"Verdicts: {counts}; corrections mended {verdicts['fixed']} and spoilt {verdicts['broken']}.", ""]
    lines += ["| verifiers and rejection together | share |", "|---|---|"]
    lines.append(f"| of the ResNet's errors, not confirmed | {say(verdicts['errors_noticed'])} |")
    lines.append(f"| of its right answers, not confirmed | {say(verdicts['right_challenged'])} |")
    lines.append(f"| of the confirmed, wrong | {say(verdicts['confirmed_wrong'])} |")
    return [*lines, ""]


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
