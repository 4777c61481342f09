"""The account of an adaptation as Markdown and as lines in a terminal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.train.adapting.account import Account, CheckAccount
from smearwatch.train.adapting.learning_curve import Forecast
from smearwatch.train.adapting.scores import is_sure
from smearwatch.train.statistics import Paired

_STRATEGIES = {
    "heads": "only the ResNet's two heads, beside the old cells that the weights keep; the verifiers stay",
    "statistics": "only the means and variances by which the ResNet's layers are normalised, half way to these cells'",
    "networks": "both networks whole, old pictures beside the new ones",
}


def write_account(folder: Path, account: Account) -> None:
    """Write `adapt.json` and `adapt.md` into a folder that is not yet in its place."""
    (folder / "adapt.json").write_text(json.dumps(account_json(account), indent=1) + "\n", encoding="utf-8")
    (folder / "adapt.md").write_text("\n".join(_page(account)) + "\n", encoding="utf-8")


def account_json(account: Account | CheckAccount) -> dict[str, Any]:
    """Return the account, or that of a check after which nothing was written, with its lines for a person as `says`."""
    lines = summary_lines(account) if isinstance(account, Account) else check_lines(account)
    return {**account.to_json(), "written": isinstance(account, Account), "says": list(lines)}


def check_lines(check: CheckAccount) -> Iterator[str]:
    """Format a check after which nothing was written."""
    yield from _gain_lines(check)
    yield from warning_lines(check)
    yield forecast_line(check.more_labels)


def _gain_lines(check: CheckAccount) -> Iterator[str]:
    yield f"this microscope, as labelled: {_change(check.gain.as_labelled)}"
    yield f"this microscope, band and segmented as one: {_change(check.gain.five_class)}"


def summary_lines(account: Account) -> Iterator[str]:
    """Format the outcome in a few lines."""
    gain = account.check.gain
    yield from _gain_lines(account.check)
    yield f"old cells, as labelled: {_change(account.old.as_labelled)}"
    yield f"true cells rejected here: {_change(account.rejected.new.leukocytes)}"
    if account.check.gained and not is_sure(gain.as_labelled):
        yield (
            f"a gain is probable and not certain: {gain.as_labelled.gained} cells won, {gain.as_labelled.lost} lost; "
            "more labels would tell, and `smearwatch promote` compares again"
        )
    yield from warning_lines(account.check)
    yield forecast_line(account.check.more_labels)


def forecast_line(forecast: Forecast | None) -> str:
    """Format the forecast of what more labels would gain."""
    if forecast is None:
        return "too few labels to forecast what more would gain"
    gain = forecast.gain
    return (
        f"{forecast.more} more labels like these would gain about {_points(gain.value)} points of accuracy "
        f"({_points(gain.low)} to {_points(gain.high)})"
    )


def warning_lines(check: CheckAccount) -> Iterator[str]:
    """Format what the numbers do not cover."""
    if check.missing:
        names = ", ".join(check.missing)
        yield f"no cell of {names} was given: how well those are named on this microscope was not measured"
    if check.divided_singly:
        yield "all cells are of one group, so the check could not keep neighbours apart and is optimistic"
    if check.by_statistics:
        yield "these cells look strange to the weights: they are judged by their session's statistics, as in a count"
    if check.seen_in_training:
        yield f"{check.seen_in_training} of the cells were seen in training by the weights before"
    if check.share == 0:
        yield "no share of the fitted weights keeps the accuracy on old cells within the tolerance"
    if len(check.tried) > 1:
        found = ", ".join(f"{name} {hits}" for name, hits in check.tried.items())
        yield f"taken is the strategy with most cells right in the check, which makes it slightly optimistic ({found})"


def _change(change: Paired) -> str:
    if change.difference is None:
        return "no cells"
    return (
        f"{change.before.text()} before, {change.after.text()} after; difference {change.difference.text()}, "
        f"exact McNemar p {change.p_value:.3g}"
    )


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _page(account: Account) -> Iterator[str]:
    check = account.check
    yield from ("# Adapted weights", "", RESEARCH_USE, "")
    yield f"- From `{check.name_before}` ({check.weights_before}) to {account.weights_after}"
    yield f"- Adapted: {_STRATEGIES[check.strategy]}; weight interpolation: {check.share:.0%} of the fitted weights"
    counts = ", ".join(f"{name} {count}" for name, count in check.cells.items() if count)
    yield f"- Labelled cells of this microscope: {counts}; {check.groups} groups"
    yield f"- Tolerance for old cells: {check.tolerance:g} of accuracy; {check.minutes} minutes"
    yield f"- Temperature {account.temperature}; verifiers that may overrule: {account.overrules}"
    yield from (f"- {line}" for line in warning_lines(check))
    yield from ("", "Each cell of this microscope was named by weights adapted without its whole group; shares are")
    yield from ("followed by exact 95 % limits, differences by Tango's for paired cells.", "")
    yield from _table(account)
    yield from ("", "## More labels", "", f"{forecast_line(check.more_labels)}.", "")
    if check.more_labels is not None:
        yield from ("| cells learnt from | error on the others |", "|---|---|")
        for point in check.more_labels.points:
            yield f"| {point.cells:.0f} | {point.error:.4f} |"


def _table(account: Account) -> Iterator[str]:
    gain, old = account.check.gain, account.old
    yield from ("| cells | before | after | difference | p |", "|---|---|---|---|---|")
    yield _row("this microscope, as labelled", gain.as_labelled)
    yield _row("this microscope, band and segmented as one", gain.five_class)
    for name, change in gain.per_class.items():
        yield _row(f"… {name}", change)
    yield _row("old cells, as labelled", old.as_labelled)
    yield _row("old cells, band and segmented as one", old.five_class)
    for rejected, name in ((account.rejected.new, "this microscope"), (account.rejected.old, "old cells")):
        yield _row(f"{name}: true cells rejected", rejected.leukocytes)
        yield _row(f"{name}: others rejected", rejected.others)


def _row(name: str, change: Paired) -> str:
    if change.difference is None:
        return f"| {name} | none | none | | |"
    shares = f"{change.before.text()} | {change.after.text()}"
    return f"| {name} | {shares} | {change.difference.text()} | {change.p_value:.3g} |"
