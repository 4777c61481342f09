"""The account of an adaptation as Markdown and as lines in a terminal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smearwatch.train.evaluation.report import RESEARCH_USE
from smearwatch.train.statistics import share_text

_STRATEGIES = {
    "heads": "only the ResNet's two heads, on what the weights remember of old cells; the verifiers stay",
    "statistics": "only the means and variances by which the ResNet's layers are normalised, half way to these cells'",
    "networks": "both networks whole, old pictures beside the new ones",
}


def write_account(folder: Path, account: dict[str, Any]) -> None:
    """Write `adapt.json` and `adapt.md` into a folder that is not yet in its place."""
    (folder / "adapt.json").write_text(json.dumps(account, indent=1) + "\n", encoding="utf-8")
    (folder / "adapt.md").write_text("\n".join(_page(account)) + "\n", encoding="utf-8")


def summary(account: dict[str, Any]) -> Iterator[str]:
    """Format the outcome in a few lines."""
    yield f"this microscope, as labelled: {_change(account['gain']['as_labelled'])}"
    yield f"this microscope, band and segmented as one: {_change(account['gain']['five_class'])}"
    if "old" in account:
        yield f"old cells, as labelled: {_change(account['old']['as_labelled'])}"
        yield f"true cells rejected here: {_change(account['rejected']['new']['leukocytes'])}"
    yield from warnings(account)
    yield further(account)


def further(account: dict[str, Any]) -> str:
    """Format the forecast of what more labels would gain."""
    law = account["more_labels"]
    if law is None:
        return "too few labels to forecast what more would gain"
    gain = law["gain"]
    return (
        f"{law['more']} more labels like these would gain about {_points(gain['value'])} points of accuracy "
        f"({_points(gain['low'])} to {_points(gain['high'])})"
    )


def warnings(account: dict[str, Any]) -> Iterator[str]:
    """Format what the numbers do not cover."""
    if account["missing"]:
        names = ", ".join(account["missing"])
        yield f"no cell of {names} was given: how well those are named on this microscope was not measured"
    if account["divided_singly"]:
        yield "all cells are of one group, so the check could not keep neighbours apart and is optimistic"
    if account["met"]:
        yield f"{account['met']} of the cells were seen in training by the weights before"
    if account["share"] == 0:
        yield "no share of the fitted weights keeps the accuracy on old cells within the tolerance"
    if len(account["tried"]) > 1:
        found = ", ".join(f"{name} {hits}" for name, hits in account["tried"].items())
        yield f"taken is the strategy with most cells right in the check, which makes it slightly optimistic ({found})"


def _change(entry: dict[str, Any]) -> str:
    if not entry["n"]:
        return "no cells"
    limits = entry["difference"]
    return (
        f"{share_text(entry['before'])} before, {share_text(entry['after'])} after; difference {limits['value']:+.4f} "
        f"({limits['low']:+.4f} to {limits['high']:+.4f}), exact McNemar p {entry['p_value']:.3g}"
    )


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _page(account: dict[str, Any]) -> Iterator[str]:
    yield from ("# Adapted weights", "", RESEARCH_USE, "")
    yield f"- From `{account['name_before']}` ({account['weights_before']}) to {account['weights_after']}"
    mixed = f"{account['share']:.0%} fitted weights, the rest the weights before"
    yield f"- Adapted: {_STRATEGIES[account['way']]}; {mixed}"
    counts = ", ".join(f"{name} {count}" for name, count in account["cells"].items() if count)
    yield f"- Labelled cells of this microscope: {counts}; {account['groups']} groups"
    yield f"- Tolerance for old cells: {account['tolerance']:g} of accuracy; {account['minutes']} minutes"
    yield f"- Temperature {account['temperature']}; verifiers that may overrule: {account['overrules']}"
    yield from (f"- {line}" for line in warnings(account))
    yield from ("", "Each cell of this microscope was named by weights adapted without its whole group; shares are")
    yield from ("followed by exact 95 % limits, differences by Tango's for paired cells.", "")
    yield from ("| cells | before | after | difference | p |", "|---|---|---|---|---|")
    yield _row("this microscope, as labelled", account["gain"]["as_labelled"])
    yield _row("this microscope, band and segmented as one", account["gain"]["five_class"])
    for name, entry in account["gain"]["per_class"].items():
        yield _row(f"… {name}", entry)
    yield _row("old cells, as labelled", account["old"]["as_labelled"])
    yield _row("old cells, band and segmented as one", account["old"]["five_class"])
    for where, name in (("new", "this microscope"), ("old", "old cells")):
        yield _row(f"{name}: true cells rejected", account["rejected"][where]["leukocytes"])
        yield _row(f"{name}: others rejected", account["rejected"][where]["others"])
    yield from ("", "## More labels", "", f"{further(account)}.", "")
    if account["more_labels"] is not None:
        yield from ("| cells learnt from | error on the others |", "|---|---|")
        for point in account["more_labels"]["points"]:
            yield f"| {point['cells']:.0f} | {point['error']:.4f} |"


def _row(name: str, entry: dict[str, Any]) -> str:
    limits = entry["difference"]
    if limits["value"] is None:
        return f"| {name} | none | none | | |"
    change = f"{limits['value']:+.4f} ({limits['low']:+.4f} to {limits['high']:+.4f})"
    return (
        f"| {name} | {share_text(entry['before'])} | {share_text(entry['after'])} | {change} | {entry['p_value']:.3g} |"
    )
