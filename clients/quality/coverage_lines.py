"""How a hand covered the slide, in lines for a person."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from smearwatch.clients.quality.edge import LEAST
from smearwatch.clients.quality.location_lines import p_text
from smearwatch.daemon.share_text import DASH, label_text

NOT_REGISTERED: Final = "its pictures were not placed on the slide, so nothing is known of where the hand has been"
NO_OVERLAP: Final = "no two of its fields overlap (as of single pictures), so where they lie on the slide is not known"
_LISTED: Final = 40
_AT: Final = {"edge": "at the edge", "middle": "in the middle"}


def coverage_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a session's coverage."""
    if not report["registered"]:
        yield f"{report['session']}: {NOT_REGISTERED}"
        return
    fields, parts = report["fields"], report["parts"]
    if not parts:
        yield f"{report['session']}: {NO_OVERLAP}"
        return
    yield f"{report['session']}: {fields['placed']} of {fields['searched']} searched fields placed, {area_text(report)}"
    yield route_text(report)
    if len(parts) > 1:
        yield parts_text(report)
    if fields["unplaced"]:
        yield f"unplaced, for they overlap no other: {unplaced_text(report)}"
    yield edge_text(report)
    yield from edge_rows(report)


def area_text(report: Mapping[str, Any]) -> str:
    """Return how large the covered area is."""
    return f"{report['area_mm2']:.2f} mm\N{SUPERSCRIPT TWO} covered"


def route_text(report: Mapping[str, Any]) -> str:
    """Return how long the way was, and how much was come back to."""
    n = report["jumps"]
    jumps = f" (without {n} {'step' if n == 1 else 'steps'} from one part of the map to another)" if n else ""
    return (
        f"route {report['route_mm']:.2f} mm{jumps}; the hand came back to {100 * report['revisited']:.1f} % of the area"
    )


def parts_text(report: Mapping[str, Any]) -> str:
    """Return of which parts the map is."""
    sizes = ", ".join(map(str, report["parts"][:_LISTED]))
    sizes += " ..." if len(report["parts"]) > _LISTED else ""
    return f"{len(report['parts'])} parts of {sizes} fields; how they lie to each other is not known"


def unplaced_text(report: Mapping[str, Any]) -> str:
    """Return the unplaced fields by number, runs of them shortened."""
    numbers = [each["number"] for each in report["fields"]["unplaced"]]
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]}{DASH}{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    more = f", and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return f"{len(numbers)} {'field' if len(numbers) == 1 else 'fields'} ({', '.join(texts[:_LISTED])}{more})"


def edge_text(report: Mapping[str, Any]) -> str:
    """Return in one sentence whether the classes differ between edge and middle."""
    edge = report["edge"]
    if edge is None:
        return "Edge against middle: the largest part of the map is about one field wide, so that all of it is edge."
    n = edge["cells"]
    if edge["p"] is None:
        return (
            f"Edge against middle: too few leukocytes to tell ({n['edge']} and {n['middle']}, {LEAST} are needed on "
            "either side)."
        )
    if not edge["differs"]:
        return f"Edge against middle: no difference beyond chance (p = {p_text(edge['p'])})."
    more = [
        f"more {name} {_AT[row['more']]} ({_share(row['edge'], n['edge'])} at the edge, "
        f"{_share(row['middle'], n['middle'])} in the middle, p = {p_text(row['p'])})"
        for name, row in edge["classes"].items()
        if row["more"]
    ]
    named = "; ".join(more) or "no single class by itself"
    return f"Edge against middle: the classes differ (p = {p_text(edge['p'])}): {named}."


def edge_rows(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the leukocytes of each class on either side, where they were divided."""
    edge = report["edge"]
    if edge is None:
        return
    n = edge["cells"]
    yield f"  {'class':<12}{'edge':>6}{'':>8}{'middle':>8}{'':>8}"
    for name, row in edge["classes"].items():
        at_edge, inside = _share(row["edge"], n["edge"]), _share(row["middle"], n["middle"])
        yield f"  {name:<12}{row['edge']:>6}{at_edge:>8}{row['middle']:>8}{inside:>8}"
    for name, row in edge["others"].items():
        yield f"  not compared: {label_text(name)}, {row['edge']} at the edge, {row['middle']} in the middle"


def _share(k: int, n: int) -> str:
    return f"{100 * k / n:.1f} %" if n else DASH
