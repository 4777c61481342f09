"""A session's report as either weights would have it, with a person's labels in it, and how the two differ."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.intervals import percent_json
from smearwatch.daemon.record.mark import mark_of
from smearwatch.daemon.record.review import LabelledCell, review
from smearwatch.daemon.record.views import CellKey
from smearwatch.train.changes.answers import Answer
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import mcnemar

_SURE = 0.05
_NEUTROPHILS = "neutrophils"


@dataclass(frozen=True, slots=True)
class Figures(JsonRecord):
    """What a report says.

    Attributes
    ----------
    cells
        Leukocytes: the denominator of every share.
    counts, percent
        By class, then the neutrophils; each share with its exact 95 % limits, in percent.
    confirmed, flagged, rejected
        Cells by the machine's verdict, labelled or not.
    mark
        What stands beside every percentage, None for nothing; the drift alarm is not asked.
    """

    cells: int
    counts: dict[str, int]
    percent: dict[str, dict[str, float | None]]
    confirmed: int
    flagged: int
    rejected: int
    mark: str | None


def figures_of(answers: Mapping[CellKey, Answer], labels: Mapping[CellKey, str]) -> Figures:
    """Make the report of a session: a person's word where there is one, else the machine's."""
    verdicts = Counter(answer.verdict for answer in answers.values())
    kept = [answer for answer in answers.values() if answer.verdict != "rejected"]
    named = Counter(answer.cls for answer in kept)
    counts: dict[str, int] = {name: named[name] for name in CLASSES}
    said = [LabelledCell(label, answers[key].cls, answers[key].verdict) for key, label in labels.items()]  # type: ignore[arg-type]
    result = review(said, counts, verdicts)
    shares = {**result.counts, _NEUTROPHILS: result.neutrophils}
    mark = mark_of(
        alarmed=False,
        drifted=0,
        judged=len(answers),
        unfamiliar=sum(answer.unfamiliar for answer in kept),
        counted=len(kept),
    )
    return Figures(
        cells=result.cells,
        counts=shares,
        percent={name: percent_json(count, result.cells) for name, count in shares.items()},
        confirmed=verdicts["confirmed"],
        flagged=verdicts["flagged"],
        rejected=verdicts["rejected"],
        mark=mark if len(labels) < len(answers) else None,
    )


def read_otherwise(
    one: Figures, two: Figures, before: Mapping[CellKey, Answer], after: Mapping[CellKey, Answer]
) -> Iterator[str]:
    """Yield why a report would have read otherwise: what a reader would have taken from it.

    A percentage beyond the limits that the earlier report gives for it, the mark beside all of them, and the share of
    flagged cells, where chance alone would hardly change it so (exact McNemar, p below 0.05).
    """
    for name, was in one.percent.items():
        value, low, high = two.percent[name]["value"], was["low"], was["high"]
        if value is None or was["value"] is None or low is None or high is None:
            if value != was["value"]:
                yield f"{name}: {_percent(was['value'])} before, {_percent(value)} after"
        elif not low <= value <= high:
            limits = f"{low:.1f} to {high:.1f}"
            yield f"{name}: {_percent(was['value'])} before ({limits}), {_percent(value)} after"
    if one.mark != two.mark:
        yield "the ? beside the percentages " + ("goes" if two.mark is None else f"comes: {two.mark}")
    changed = [(before[key].verdict == "flagged", after[key].verdict == "flagged") for key in before]
    p_value = mcnemar(sum(now and not was for was, now in changed), sum(was and not now for was, now in changed))
    if p_value < _SURE:
        yield f"flagged: {one.flagged} of {len(before)} before, {two.flagged} after (more than chance, McNemar)"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} %"
