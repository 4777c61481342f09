"""A comparison as Markdown, for the terminal and for the model card."""

from collections.abc import Iterator

from smearwatch.train.promotion.compare import Comparison
from smearwatch.train.promotion.record import Promotion
from smearwatch.train.statistics import Paired


def comparison_lines(record: Promotion) -> Iterator[str]:
    """Format a promotion's record as Markdown that reads well in a terminal too."""
    present = record.present
    yield f"Against {present.origin} weights `{present.name}` (`{present.weights_id[:16]}`…), {record.at}."
    yield f"Rule: {record.rule}."
    if record.comparison is None:
        yield "Promoted by force, without a comparison."
        return
    yield f"Result: {'kept' if not record.objections else 'not kept: ' + '; '.join(record.objections)}."
    if record.forced:
        yield "Promoted by force."
    for name, counts in record.sets.items():
        left_out = f"{counts.left_out} left out: seen in training by one of the two, or like such a cell"
        yield f"Cells of {name}: {counts.cells} compared, {left_out}."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in record.notes)
    yield ""
    yield from _table(record.comparison)
    if len(record.sets) > 1:
        for name, each in record.by_set.items():
            yield _row(f"accuracy on {name}", each.accuracy)


def _table(comparison: Comparison) -> Iterator[str]:
    yield "| the same cells | before | after | difference, 95 % limits | gained | lost | p |"
    yield "|---|---|---|---|---|---|---|"
    yield _row("accuracy", comparison.accuracy)
    yield _row("true cells rejected", comparison.true_cells_rejected)
    yield _row("true cells flagged", comparison.flagged)
    yield _row("silent errors", comparison.silent_errors)
    yield _row("none of the six, rejected", comparison.strange_rejected)
    for name, change in comparison.per_class.items():
        yield _row(name, change)


def _row(name: str, change: Paired) -> str:
    if change.difference is None:
        return f"| {name} | none | none | | | | |"
    shares = f"{change.before.text()} | {change.after.text()} | {change.difference.text()}"
    return f"| {name} | {shares} | {change.gained} | {change.lost} | {change.p_value:.2g} |"
