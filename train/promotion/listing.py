"""What weights there are to choose from: the shipped ones and every one that was promoted."""

from pathlib import Path
from typing import Any

from smearwatch.daemon.weights import shipped_weights
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.train.promotion.card import PROMOTION_FILE, read_json
from smearwatch.train.promotion.history import Step
from smearwatch.train.promotion.store import Store


def describe(store: Store) -> list[dict[str, Any]]:
    """Describe the shipped weights, then the promoted ones in the order in which they first were.

    Returns
    -------
    list of dict
        For JSON: weights (identity), name, from ("shipped" or "promoted"), current, at and how (the last time they came
        into use, None where never), accuracy (as compared then, None without), fault (what is wrong with the files).

    Raises
    ------
    HistoryDamaged
        The history of promotions cannot be read.
    """
    steps, current = store.steps(), store.current
    first = {step.weights: index for index, step in reversed(list(enumerate(steps)))}
    folders = sorted(store.list_installed(), key=lambda folder: (first.get(folder.name, len(steps)), folder.name))
    listed = [_described(shipped_weights(), None, steps, current)]
    listed += [_described(folder, folder.name, steps, current) for folder in folders]
    if current is not None and current not in {folder.name for folder in folders}:
        listed.append(_described(store.folder(current), current, steps, current))
    return listed


def _described(folder: Path, identity: str | None, steps: list[Step], current: str | None) -> dict[str, Any]:
    last = next((step for step in reversed(steps) if step.weights == identity), None)
    record = read_json(folder / PROMOTION_FILE) if identity else None
    comparison = (record or {}).get("comparison") or {}
    described: dict[str, Any] = {
        "weights": identity,
        "name": None,
        "from": "promoted" if identity else "shipped",
        "current": identity == current,
        "at": last.at if last else None,
        "how": last.how if last else None,
        "accuracy": comparison.get("accuracy"),
        "fault": None,
    }
    try:
        manifest = checkpoint.load(folder).manifest
    except WeightsUnusable as error:
        return described | {"fault": str(error)}
    fault = None if identity in (None, manifest.weights_id()) else "these are other weights than the folder's name says"
    return described | {"weights": manifest.weights_id(), "name": manifest.name, "fault": fault}
