"""The comparison with an analyser as lines for a person."""

from collections.abc import Mapping
from typing import Any

from smearwatch.clients.beside_lines import cells_text, printed_text
from smearwatch.daemon.record.beside import PARTS
from smearwatch.daemon.share_text import fine_limits_text, mark_text, percent_text


def analyser_lines(report: Mapping[str, Any]) -> list[str]:
    """Return the comparison: a heading, a row for each part, and what the rows rest on.

    Parameters
    ----------
    report : mapping
        As `smearwatch.clients.analyser.report.compare` gives it.
    """
    analyser, marked = report["analyser"], report["mark"] is not None
    lines = [
        f"{report['session']}, as {report['result']}, {cells_text(report)}, beside an analyser:",
        f"  {printed_text(analyser)}",
        f"  {'':<12}{'cells':>6}{'ours':>8} %{'95 % interval':>16}{'analyser':>11} %      p  ",
    ]
    lines += [_row(name, report["classes"][name], marked=marked) for name in PARTS if name in report["classes"]]
    lines += [] if (why := mark_text(report)) is None else [why]
    return [*lines, *said_of(report)]


def said_of(report: Mapping[str, Any]) -> list[str]:
    """Return what the rows rest on: what would settle a difference, what p is, what is not known of the analyser."""
    tests = len(report["classes"])
    p = (
        f"p: how probable so large a difference is by sampling alone, exact, adjusted for {tests} "
        f"{'test' if tests == 1 else 'tests'} (Holm). Below {report['level']} sampling does not explain it; "
        "which of the two is right it does not say."
    )
    return [*_to_settle(report), p, *_caveats(report["analyser"])]


def _row(name: str, row: Mapping[str, Any], *, marked: bool) -> str:
    ours, p = row["ours"], row["p_adjusted"]
    said = "   not explained by sampling" if row["beyond_sampling"] else ""
    p_text = "<0.001" if p < 0.001 else f"{p:.3f}"
    return (
        f"  {name:<12}{ours['cells']:>6}{percent_text(ours, marked=marked):>8} %{fine_limits_text(ours):>16}"
        f"{row['analyser']['value']:>11.1f} %{p_text:>8}{said}"
    )


def _to_settle(report: Mapping[str, Any]) -> list[str]:
    """Return of how many cells the differences that sampling may explain would be settled."""
    open_ = {name: row for name, row in report["classes"].items() if row["differs"] and not row["beyond_sampling"]}
    lines = [
        f"{name}: about {row['settled_at'] - report['cells']} more cells would settle it, if the difference is as it "
        "looks now (then 4 of 5 such counts show it)"
        for name, row in open_.items()
        if row["settled_at"] is not None
    ]
    never = [name for name, row in open_.items() if row["settled_at"] is None and not row["analyser_too_few"]]
    if too_few := [name for name, row in open_.items() if row["analyser_too_few"]]:
        cells = open_[too_few[0]]["analyser"]["cells"]
        lines.append(
            f"{', '.join(too_few)}: not even {report['at_most']} cells of ours would settle it: the analyser's "
            f"{cells} are too few"
        )
    if never:
        lines.append(f"{', '.join(never)}: not even {report['at_most']} cells would settle so small a difference")
    return lines


def _caveats(analyser: Mapping[str, Any]) -> list[str]:
    lines = []
    if analyser["cells"] is None and analyser["counts"] is None:
        lines.append(
            "How many cells the analyser counted is not known: its percentages are taken as without error "
            "(--of tells it)."
        )
    parts = analyser["percent"] or analyser["counts"]
    whole = 100 if analyser["percent"] else analyser["cells"] or sum(parts.values())
    together = 100 * sum(map(float, parts.values())) / whole
    if "others" in parts:
        lines.append("The analyser's others are left out of its percentages, as they are of ours.")
    elif together < 98:
        lines.append(
            f"The analyser's parts are {together:.1f} % together; they are taken as of all that are of our classes "
            "(others=... tells what is of none of them)."
        )
    return lines
