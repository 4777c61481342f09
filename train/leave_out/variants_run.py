"""Train every variant without each laboratory, and set the answers side by side."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from smearwatch.capture.arrays import Flags
from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.evaluation.five_classes import five
from smearwatch.train.evaluation.report import table_row
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.leave_out.run import Request, leave_out
from smearwatch.train.leave_out.variants import Variant
from smearwatch.train.statistics import Paired, Share

_CANNOT_BE_NAMED: Final = "neutrophil"


@dataclass(frozen=True, slots=True)
class VariantScore(JsonRecord):
    """A variant on one laboratory, cut where its cells are labelled.

    Attributes
    ----------
    right, right_in_pipeline
        Of five classes; the second of all cells, found by the pipeline or not.
    rejected
        True cells that are rejected, by the networks' own threshold.
    paired
        Right against the recipe's answers for the same cells; None for the recipe itself.
    """

    right: Share
    right_in_pipeline: Share
    rejected: Share
    paired: Paired | None


@dataclass(frozen=True, slots=True)
class VariantsReport(JsonRecord):
    """All variants that are done, each by its name, then by laboratory."""

    epochs: int
    epoch_cells: int | None
    variants: Mapping[str, Mapping[str, VariantScore]]


def compare_variants(variants: Sequence[Variant], request: Request, progress: Progress) -> VariantsReport:
    """Train and compare; an interrupted run continues, and the table is written anew after each variant.

    Parameters
    ----------
    variants
        The recipe first.
    request
        Its settings are not used but for where things lie and what is left out.

    Raises
    ------
    DataUnusable, WeightsUnusable
        As `smearwatch.train.leave_out.run.leave_out` does.
    """
    first = variants[0]
    scores: dict[str, Mapping[str, VariantScore]] = {}
    answers: dict[str, Mapping[str, Flags]] = {}
    for variant in variants:
        place = request.out / variant.key
        own = replace(request, config=variant.config, out=place, state=request.state / variant.key)
        report = leave_out(own, progress)
        answers[variant.key] = {name: _right(place / name / "cells.csv") for name in report.laboratories}
        scores[variant.name] = {
            name: VariantScore(
                right=each.ways["labelled"].right_five,
                right_in_pipeline=each.ways["pipeline"].right_five,
                rejected=each.ways["labelled"].rejected,
                paired=None if variant is first else Paired.of(answers[first.key][name], answers[variant.key][name]),
            )
            for name, each in report.laboratories.items()
        }
        done = VariantsReport(variant.config.epochs, variant.config.epoch_cells, scores)
        _write(request.out, done)
        request.publish()
    return done


def _right(table: Path) -> Flags:
    """Return for each cell that was cut where it is labelled whether its class, of five, was named."""
    with table.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["way"] == "labelled"]
    classes = [*CLASSES]
    five_of: dict[str, int] = {name: int(five(np.array([index]))[0]) for index, name in enumerate(classes)}
    five_of[_CANNOT_BE_NAMED] = five_of["segmented"]
    return np.array([five_of[row["label"]] == five_of[row["answer"]] for row in rows if row["label"] in five_of])


def _write(folder: Path, report: VariantsReport) -> None:
    content: dict[str, Any] = report.to_json()
    write_atomically(folder / "variants.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(folder / "variants.md", ("\n".join(_lines(report)) + "\n").encode())


def _lines(report: VariantsReport) -> list[str]:
    columns = ["left out", "variant", "right, five classes", "difference", "right in the pipeline", "rejected"]
    cells = f" of {report.epoch_cells} cells" if report.epoch_cells is not None else ""
    lines = [
        "# What each part of the recipe is worth on a laboratory never met",
        "",
        RESEARCH_USE,
        "",
        f"Small trainings that differ in one thing each: a view of 72 px, {report.epochs} epochs{cells}. Each is "
        "trained without the laboratory and measured on it. Shares are followed by exact 95 % limits "
        "(Clopper-Pearson) and the counts, differences by 95 % limits for paired cells (Tango 1998). One training a "
        "line: how much another seed would change is not in the limits, and is some hundredths.",
        "",
        table_row(columns),
        "|---" * len(columns) + "|",
    ]
    for laboratory in dict.fromkeys(name for scores in report.variants.values() for name in scores):
        for name, scores in report.variants.items():
            if (score := scores.get(laboratory)) is None:
                continue
            change = score.paired.difference if score.paired is not None else None
            difference = "" if change is None else change.text(decimals=3)
            shares = (score.right_in_pipeline.text(), score.rejected.text())
            lines.append(table_row([laboratory, name, score.right.text(), difference, *shares]))
    return lines
