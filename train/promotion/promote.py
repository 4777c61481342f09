"""From weights and frozen cells to the weights in use, or to one line with the reason why not."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from smearwatch.daemon.config import Settings
from smearwatch.daemon.weights import promoted_weights, weights_in_use
from smearwatch.models import memory
from smearwatch.models.engine import Engine
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.sources import DatasetSpec, ReportLine
from smearwatch.train.evaluation.judged import Judged, judge
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.promotion.card import CARD_FILE, render_card
from smearwatch.train.promotion.compare import compare
from smearwatch.train.promotion.frozen_sets import FrozenSet, read_frozen_sets
from smearwatch.train.promotion.known import PROMOTION_FILE, read_known
from smearwatch.train.promotion.record import Promotion, WeightsInUse
from smearwatch.train.promotion.rule import RULE, find_objections
from smearwatch.train.promotion.store import Store


class PromotionRefused(Exception):
    """The weights are refused; the ones in use stay in use."""

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
    spec
        The cells.
    force
        Promote whatever the outcome of the comparison, and even without one.
    device
        "auto", "cpu" or "cuda".
    cache
        Where drawn crops are kept.
    by
        Who wants it, None where nobody said.
    """

    weights: Path
    spec: DatasetSpec
    force: bool
    device: str
    cache: Path
    by: str | None = None


def promote(request: PromotionRequest, settings: Settings, progress: Progress, report_line: ReportLine) -> Promotion:
    """Compare, and promote where the rule is kept or force is wanted; nothing is changed before that is known.

    Parameters
    ----------
    report_line
        Gets lines that a person should see at once.

    Raises
    ------
    PromotionRefused
        There is nothing to compare on.
    WeightsUnusable, PromotedWeightsDamaged, DataUnusable, StoreBusy, StoreFailed
        Weights, cells or the store cannot be used.
    """
    store = Store(settings.state_dir)
    if request.spec.nothing and not request.force:
        what = "there are no cells to compare on"
        raise PromotionRefused(what, "give --data, --fields or --session, or --force to go without")
    candidate = Engine.load(request.weights, device=request.device)
    with store.locked():
        folder = weights_in_use(settings)
        present = Engine.load(folder, device=request.device)
        record = _begin(candidate, present, folder, settings, request.by)
        if record.already:
            return record
        if not request.spec.nothing:
            record = _compare_weights(record, candidate, present, folder, request, progress, report_line)
        if record.objections and not request.force:
            return record
        record = replace(record, promoted=True, forced=bool(record.objections) or record.comparison is None)
        beside = {
            PROMOTION_FILE: json.dumps(record.to_json(), indent=1) + "\n",
            CARD_FILE: render_card(read_known(request.weights, record)),
        }
        installed = store.install(request.weights, candidate.weights_id, beside)
        store.switch(candidate.weights_id, "forced" if record.forced else "promoted", request.by)
    return replace(record, folder=str(installed))


def _begin(candidate: Engine, present: Engine, folder: Path, settings: Settings, by: str | None) -> Promotion:
    if settings.weights is not None:
        origin = "the settings'"
    else:
        origin = "promoted" if promoted_weights(settings.state_dir) == folder else "shipped"
    return Promotion(
        promoted=False,
        already=candidate.weights_id == present.weights_id,
        weights_id=candidate.weights_id,
        name=candidate.manifest.name,
        present=WeightsInUse(present.weights_id, present.manifest.name, origin),
        rule=RULE,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=by,
    )


def _compare_weights(
    record: Promotion,
    candidate: Engine,
    present: Engine,
    folder: Path,
    request: PromotionRequest,
    progress: Progress,
    report_line: ReportLine,
) -> Promotion:
    memories = [memory.load(folder), memory.load(request.weights)]
    whose = [who for who, known in zip(("the present", "the new"), memories, strict=True) if known is None]
    notes = [f"what {who} weights were trained on is not known: some of these cells may be among it" for who in whose]
    for note in notes:
        report_line(note)
    sets = read_frozen_sets(request.spec, memories, report_line)
    used = [each for each in sets if each.samples]
    if not used:
        seen = sum(each.left_out for each in sets)
        if request.force:
            return replace(record, sets={each.name: each.counts() for each in sets}, notes=notes)
        what = f"one of the two weights was trained on or chosen by every one of the {seen} cells, or their like"
        raise PromotionRefused(what, "bring cells that neither has seen in training")
    before = [_judged(present, each, request.cache, "present weights", progress) for each in used]
    after = [_judged(candidate, each, request.cache, "new weights", progress) for each in used]
    every = [sample for each in used for sample in each.samples]
    comparison = compare(every, Judged.join(before), Judged.join(after))
    by_set = {each.name: compare(each.samples, one, two) for each, one, two in zip(used, before, after, strict=True)}
    return replace(
        record,
        sets={each.name: each.counts() for each in sets},
        notes=notes,
        comparison=comparison,
        by_set=by_set,
        objections=find_objections(comparison, by_set),
    )


def _judged(engine: Engine, cells: FrozenSet, cache: Path, what: str, progress: Progress) -> Judged:
    fields = shrunken_fields(cells.samples, engine.preprocessing, cache, progress)
    outputs = run_engine(engine, CellSet(cells.samples, fields), what, progress)
    return judge(outputs, engine.manifest.policy)
