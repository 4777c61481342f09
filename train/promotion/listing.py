"""What weights there are to choose from: the shipped ones and every one that was promoted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smearwatch.daemon.weights import shipped_weights
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.promotion.history import Step
from smearwatch.train.promotion.known import read_promotion
from smearwatch.train.promotion.store import Store
from smearwatch.train.statistics import Paired


@dataclass(frozen=True, slots=True)
class ListedWeights(JsonRecord):
    """Weights to choose from.

    Attributes
    ----------
    weights
        Their identity; None where shipped ones cannot be read.
    name
        None where they cannot be read.
    origin
        "shipped" or "promoted".
    current
        Whether they are in use.
    at, how, by
        The last time they came into use, and who wanted it; None where never, or where nobody said.
    accuracy
        As compared then; None without a comparison.
    fault
        What is wrong with the files.
    """

    weights: str | None
    name: str | None
    origin: str
    current: bool
    at: str | None
    how: str | None
    accuracy: Paired | None
    fault: str | None
    by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, `origin` as "from"."""
        return {"from" if key == "origin" else key: value for key, value in JsonRecord.to_json(self).items()}


def describe(store: Store) -> list[ListedWeights]:
    """Describe the shipped weights, then the promoted ones in the order in which they first were.

    Raises
    ------
    HistoryDamaged
        The history of promotions cannot be read.
    """
    steps, current = store.steps(), store.current
    first = {step.weights: index for index, step in reversed(list(enumerate(steps)))}
    folders = sorted(store.list_installed(), key=lambda folder: (first.get(folder.name, len(steps)), folder.name))
    listed = [_describe(shipped_weights(), None, steps, current)]
    listed += [_describe(folder, folder.name, steps, current) for folder in folders]
    if current is not None and current not in {folder.name for folder in folders}:
        listed.append(_describe(store.folder(current), current, steps, current))
    return listed


def _describe(folder: Path, identity: str | None, steps: list[Step], current: str | None) -> ListedWeights:
    last = next((step for step in reversed(steps) if step.weights == identity), None)
    record = read_promotion(folder) if identity else None
    weights, name, fault = identity, None, None
    try:
        manifest = checkpoint.load(folder).manifest
    except WeightsUnusable as error:
        fault = str(error)
    else:
        weights, name = manifest.weights_id(), manifest.name
        if identity not in (None, weights):
            fault = "these are other weights than the folder's name says"
    return ListedWeights(
        weights=weights,
        name=name,
        origin="promoted" if identity else "shipped",
        current=identity == current,
        at=last.at if last else None,
        how=last.how if last else None,
        accuracy=record.comparison.accuracy if record and record.comparison else None,
        fault=fault,
        by=last.by if last else None,
    )
