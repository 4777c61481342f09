"""What a folder of weights holds about them: manifest, the report beside them, the record of their promotion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smearwatch.daemon.regular_file import read_regular
from smearwatch.models import checkpoint
from smearwatch.models.classes import CLASSES
from smearwatch.models.manifest import Manifest
from smearwatch.train.promotion.record import Promotion
from smearwatch.train.statistics import Share

PROMOTION_FILE: Final = "promotion.json"
_REPORT_FILE: Final = "report.json"


@dataclass(frozen=True, slots=True)
class CardScores:
    """What the card shows of one set in `report.json`; None where the report does not have it."""

    accuracy: Share
    agreed: Share | None
    five_class: Share | None
    true_cells_rejected: Share | None
    ece: float | None
    auroc: float | None
    recall: dict[str, Share]

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "CardScores":
        """Read a set's scores; raises KeyError, TypeError or ValueError where they are something else."""
        reject = content.get("reject") or {}
        return CardScores(
            accuracy=Share.from_json(content["accuracy_share"]),
            agreed=_share(content.get("agreed")),
            five_class=_share(content.get("five_class")),
            true_cells_rejected=_share(reject.get("true_cells_rejected")),
            ece=content.get("ece"),
            auroc=reject.get("auroc"),
            recall={cls: Share.from_json(content["per_class"][cls]["recall"]) for cls in CLASSES},
        )


@dataclass(frozen=True, slots=True)
class CardReport:
    """What the card shows of `report.json`: its notes, and its sets by name."""

    notes: list[str]
    sets: dict[str, CardScores]

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "CardReport":
        """Read a report; sets without scores are left out."""
        sets = content.get("sets") or {"all cells": content}
        scored = {name: each for name, each in sets.items() if isinstance(each, dict) and "accuracy_share" in each}
        notes = [str(note) for note in content.get("notes") or []]
        return CardReport(notes, {name: CardScores.from_json(each) for name, each in scored.items()})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of weights: their manifest, the report beside them, and the record of their promotion."""

    manifest: Manifest
    report: CardReport | None
    promotion: Promotion | None


def read_known(folder: Path, promotion: Promotion | None = None) -> Known:
    """Read what a folder holds about its weights; a report of other weights is left aside.

    Parameters
    ----------
    promotion
        Instead of the folder's own record.

    Raises
    ------
    WeightsUnusable
        They are no weights, or damaged.
    """
    manifest = checkpoint.load(folder).manifest
    identity = manifest.weights_id()
    record = promotion or read_promotion(folder)
    if record is not None and record.weights_id != identity:
        record = None
    report = _read_json(folder / _REPORT_FILE)
    if report is not None and identity not in json.dumps([report.get("weights_id"), report.get("notes")]):
        report = None
    return Known(manifest, None if report is None else CardReport.from_json(report), record)


def read_promotion(folder: Path) -> Promotion | None:
    """Read the record of a promotion from a folder of weights; None where there is none that can be read."""
    content = _read_json(folder / PROMOTION_FILE)
    try:
        return None if content is None else Promotion.from_json(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _share(content: Mapping[str, Any] | None) -> Share | None:
    return Share.from_json(content) if content else None


def _read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where there is none that can be read."""
    try:
        content = json.loads(read_regular(path))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
