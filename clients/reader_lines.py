"""Two readers of the same cells, in lines for a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smearwatch.clients.reader_report import ASKED_FOR
from smearwatch.daemon.share_text import fine_limits_text, label_text


def reader_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same for a person; each line fits a terminal."""
    for which in ("first", "second"):
        reader = report[which]
        left = f", {reader['left']} left" if reader["left"] else ""
        by = ", ".join(reader["by"]) or "nobody"
        yield f"{which} reading: {by}; {reader['read']} of {report['cells']} cells{left}"
    for which in ("first", "second"):
        if (persons := len(report[which]["by"])) > 1:
            yield f"{persons} persons share the {which} reading: all below is of the two readings, not of two persons."
    if left_out := report["one_persons"]:
        cells, them = ("1 cell is", "it") if left_out == 1 else (f"{left_out} cells are", "them")
        yield f"{cells} left out of all below: one person has named {them} in both readings."
    if not report["compared"]:
        yield "no cell was named by both yet"
        return
    if not report["through"]:
        yield (
            "Not both are through: these figures are of the cells that both have named, and where they disagree is "
            "shown once both have named every cell."
        )
    agreement, kappa = report["agreement"], report["kappa"]
    yield ""
    yield f"the same name for {_shared(agreement)}"
    yield (
        "kappa: none, for all cells have one name"
        if kappa is None
        else f"kappa {kappa['value']:.2f}, 95 % interval {kappa['low']:.2f} to {kappa['high']:.2f}"
    )
    yield f"  {'label':<24}{'first':>7}{'second':>8}{'both':>6}{'agreement':>12}"
    for name, row in report["by_class"].items():
        if row["first"] or row["second"]:
            yield f"  {_short(name):<24}{row['first']:>7}{row['second']:>8}{row['both']:>6}{row['agreement']:>10.1f} %"
    for which in ("first", "second"):
        yield ""
        yield f"the machine, where {', '.join(report[which]['by'])} is right, in percent with 95 % intervals:"
        yield f"  {'':<14}{'sensitivity':>24}{'specificity':>26}"
        for name, row in report["machine"][which].items():
            yield f"  {name:<14}{_limits(row['sensitivity']):>24}{_limits(row['specificity']):>26}"
    yield "Both readers saw what the machine said, so these may be too favourable."
    yield ""
    yield from _pooled_lines(report["pooled"])
    yield from _disagreement_lines(report["disagreements"])


def _pooled_lines(pooled: Mapping[str, Any] | None) -> Iterator[str]:
    if pooled is None:
        yield "no differential of both: one of them named no leukocyte"
        return
    yield f"differential of both readers, the mean of the two, {pooled['cells']} distinct leukocytes:"
    for name, share in pooled["percent"].items():
        yield f"  {name:<14}{share['value']:>6.1f} %   95 % interval {fine_limits_text(share):>12}"
    yield "The limits are those of so many distinct cells: that two readers name the same ones does not double them."
    if min(pooled["first"], pooled["second"]) < ASKED_FOR:
        yield (
            f"The reference method (CLSI H20-A2) asks for {ASKED_FOR} leukocytes of each reader; here they are "
            f"{pooled['first']} and {pooled['second']}."
        )


def _disagreement_lines(disagreements: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    if disagreements is None:
        return
    settled = sum(each["settled"] is not None for each in disagreements)
    yield ""
    yield f"{len(disagreements)} disagreements, {settled} of them settled"
    for each in disagreements:
        said = [f"{_short(each[which]['label'])} by {each[which]['by']}" for which in ("first", "second")]
        machine = "rejected" if each["machine"]["verdict"] == "rejected" else each["machine"]["class"]
        end = each["settled"]
        decided = f"; settled: {_short(end['label'])} by {end['by']}" if end else "; not settled"
        yield f"  cell {each['cell']}: {', '.join(said)}; the machine: {machine}{decided}"


def _short(label: str) -> str:
    return label_text(label).partition(",")[0]


def _shared(share: Mapping[str, Any]) -> str:
    return f"{share['hits']} of {share['n']} cells, {_limits(share)} %"


def _limits(share: Mapping[str, Any]) -> str:
    if share["value"] is None:
        return "no such cell"
    return f"{share['value']:.1f} ({share['low']:.1f} to {share['high']:.1f})"
