"""A comparison as Markdown, for the terminal and for the model card."""

from collections.abc import Iterator
from typing import Any, Final

from smearwatch.train.statistics import share_text

_NAMES: Final = {
    "accuracy": "accuracy",
    "true_cells_rejected": "true cells rejected",
    "flagged": "true cells flagged",
    "silent_errors": "silent errors",
    "strange_rejected": "none of the six, rejected",
}


def comparison_lines(record: dict[str, Any]) -> Iterator[str]:
    """Format a promotion's record as Markdown that reads well in a terminal too."""
    present = record["present"]
    yield f"Against {present['from']} weights `{present['name']}` (`{present['weights_id'][:16]}`…), {record['at']}."
    yield f"Rule: {record['rule']}."
    comparison = record["comparison"]
    if comparison is None:
        yield "Promoted by force, without a comparison."
        return
    yield f"Result: {'kept' if not record['objections'] else 'not kept: ' + '; '.join(record['objections'])}."
    if record["forced"]:
        yield "Promoted by force."
    for name, counts in record["sets"].items():
        left_out = f"{counts['left_out']} left out: seen in training by one of the two, or like such a cell"
        yield f"Cells of {name}: {counts['cells']} compared, {left_out}."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in record["notes"])
    yield ""
    yield "| the same cells | before | after | difference, 95 % limits | gained | lost | p |"
    yield "|---|---|---|---|---|---|---|"
    for name, words in _NAMES.items():
        yield _row(words, comparison[name])
    for name, entry in comparison["per_class"].items():
        yield _row(name, entry)
    if len(record["sets"]) > 1:
        for name, each in record["by_set"].items():
            yield _row(f"accuracy on {name}", each["accuracy"])


def _row(name: str, entry: dict[str, Any]) -> str:
    if not entry["n"]:
        return f"| {name} | none | none | | | | |"
    gap = entry["difference"]
    said = f"{gap['value']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})"
    counts = f"{entry['gained']} | {entry['lost']} | {entry['p_value']:.2g}"
    return f"| {name} | {share_text(entry['before'])} | {share_text(entry['after'])} | {said} | {counts} |"
