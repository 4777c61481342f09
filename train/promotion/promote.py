"""From weights and frozen cells to the daemon's weights, or to one line that says why not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smearwatch.daemon.config import Settings
from smearwatch.daemon.weights import promoted_weights, weights_in_use
from smearwatch.models import memory
from smearwatch.models.engine import Engine
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.sources import DatasetSpec
from smearwatch.train.evaluation.judged import Judged, judge
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.promotion.card import CARD_FILE, PROMOTION_FILE, card, read_known
from smearwatch.train.promotion.cells import FrozenSet, frozen_sets
from smearwatch.train.promotion.compare import compare
from smearwatch.train.promotion.rule import RULE, objections
from smearwatch.train.promotion.store import Store


class PromotionRefused(Exception):
    """The weights do not become the daemon's; the ones in use stay in use."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"not promoted: {what}")
        self.hint = hint


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """What somebody wants promoted, on which cells.

    Attributes
    ----------
    weights
        Folder of the new weights.
    asked
        The cells.
    force
        Promote whatever the comparison says, and even without one.
    device
        "auto", "cpu" or "cuda".
    cache
        Where drawn crops are kept.
    """

    weights: Path
    asked: DatasetSpec
    force: bool
    device: str
    cache: Path


def promote(
    request: PromotionRequest, settings: Settings, progress: Progress, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Compare, and promote where the rule is kept or force is wanted; nothing is changed before that is known.

    Parameters
    ----------
    tell
        Gets lines that a person should see at once.

    Returns
    -------
    dict
        For JSON, as `promotion.json` keeps it: promoted, already (these weights are in use), weights_id, name, present,
        rule, objections, forced, sets, notes, comparison, by_set, at; and folder where they were promoted. Where
        `objections` is not empty and `promoted` false, they were refused.

    Raises
    ------
    PromotionRefused
        There is nothing to compare on.
    WeightsUnusable, PromotedWeightsDamaged, DataUnusable, StoreBusy, StoreFailed
        Weights, cells or the store cannot be used.
    """
    store = Store(settings.state_dir)
    if request.asked.nothing and not request.force:
        what = "there are no cells to compare on"
        raise PromotionRefused(what, "give --data, --fields or --session, or --force to go without")
    candidate = Engine.load(request.weights, device=request.device)
    with store.held():
        folder = weights_in_use(settings)
        present = Engine.load(folder, device=request.device)
        record = _record(candidate, present, folder, settings, request)
        if candidate.weights_id == present.weights_id:
            return {**record, "promoted": False, "already": True}
        if not request.asked.nothing:
            record |= _compared(candidate, present, folder, request, progress, tell)
        if record["objections"] and not request.force:
            return record
        record |= {"promoted": True, "forced": bool(record["objections"]) or request.asked.nothing}
        beside = {
            PROMOTION_FILE: json.dumps(record, indent=1) + "\n",
            CARD_FILE: card(read_known(request.weights, record)),
        }
        installed = store.install(request.weights, candidate.weights_id, beside)
        store.switch(candidate.weights_id, "forced" if record["forced"] else "promoted")
    return {**record, "folder": str(installed)}


def _record(
    candidate: Engine, present: Engine, folder: Path, settings: Settings, request: PromotionRequest
) -> dict[str, Any]:
    if settings.weights is not None:
        origin = "the settings'"
    else:
        origin = "promoted" if promoted_weights(settings.state_dir) == folder else "shipped"
    return {
        "promoted": False,
        "already": False,
        "weights_id": candidate.weights_id,
        "name": candidate.manifest.name,
        "present": {"weights_id": present.weights_id, "name": present.manifest.name, "from": origin},
        "rule": RULE,
        "objections": [],
        "forced": False,
        "sets": {},
        "notes": [],
        "comparison": None,
        "by_set": {},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _compared(
    candidate: Engine,
    present: Engine,
    folder: Path,
    request: PromotionRequest,
    progress: Progress,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    memories = [memory.load(folder), memory.load(request.weights)]
    whose = [who for who, known in zip(("the present", "the new"), memories, strict=True) if known is None]
    notes = [f"what {who} weights were trained on is not known: some of these cells may be among it" for who in whose]
    for note in notes:
        tell(note)
    sets = frozen_sets(request.asked, memories, tell)
    counts = {each.name: each.counts() for each in sets}
    used = [each for each in sets if each.samples]
    if not used:
        met = sum(each.left_out for each in sets)
        what = f"one of the two weights was trained on or chosen by every one of the {met} cells, or their like"
        raise PromotionRefused(what, "bring cells that neither has met")
    before = [_judged(present, each, request.cache, "present weights", progress) for each in used]
    after = [_judged(candidate, each, request.cache, "new weights", progress) for each in used]
    every = [sample for each in used for sample in each.samples]
    comparison = compare(every, Judged.join(before), Judged.join(after))
    by_set = {each.name: compare(each.samples, one, two) for each, one, two in zip(used, before, after, strict=True)}
    found = objections(comparison, by_set)
    return {"sets": counts, "notes": notes, "comparison": comparison, "by_set": by_set, "objections": found}


def _judged(engine: Engine, cells: FrozenSet, cache: Path, what: str, progress: Progress) -> Judged:
    fields = shrunken_fields(cells.samples, engine.preprocessing, cache, progress)
    outputs = run_engine(engine, CellSet(cells.samples, fields), what, progress)
    return judge(outputs, engine.manifest.policy)
