"""Other counts in a report: earlier signed results, tallies by hand, the comparison with an analyser."""

from collections.abc import Iterator, Mapping
from typing import Any

from smearwatch.clients.exports.fold import moment
from smearwatch.clients.exports.format import Export
from smearwatch.clients.exports.report_words import when
from smearwatch.clients.exports.result import SessionResult
from smearwatch.daemon.record.beside import PARTS, Analysed
from smearwatch.daemon.record.classes import CLASSES, NEUTROPHILS
from smearwatch.daemon.record.events import Amended, Signed
from smearwatch.daemon.share_text import label_text

NAMES = (*CLASSES, "neutrophils")
"""The columns of other counts."""


def earlier_rows(export: Export) -> Iterator[dict[str, Any]]:
    """Yield each signed result that a later amendment has replaced, and the one that stands as the last."""
    events = [recorded.event for recorded in export.ledger.events()]
    amended = {event.ordinal: event for event in events if isinstance(event, Amended)}
    for event in events:
        if isinstance(event, Signed) and event.ordinal in amended:
            why, counts = amended[event.ordinal], event.result.counts
            neutrophils = sum(counts.get(name, 0) for name in NEUTROPHILS) + event.result.undivided
            yield {
                "of": f"signed by {event.by}, {when(moment(event.signed_at_ns))}",
                "says": f"amended by {why.by}, {when(moment(why.amended_at_ns))}: {why.reason}",
                **_counts({**counts, "neutrophils": neutrophils}, sum(counts.values()) + event.result.undivided),
            }


def now_row(result: SessionResult) -> dict[str, Any]:
    """Return the result that stands, as a row below others."""
    counts = {name: result.row(name).cells or 0 for name in NAMES}
    return {"of": "this report", "says": f"as {result.stands}", **_counts(counts, result.denominator)}


def tally_rows(result: SessionResult) -> Iterator[dict[str, Any]]:
    """Yield the tallies by hand."""
    for tally in result.tallies:
        apart = [f"{n} {label_text(label)}" for label, n in (*tally.others.items(), *tally.set_aside.items())]
        yield {
            "of": f"tallied by {tally.by}, {when(tally.at)}",
            "says": f"beside them {', '.join(apart)}" if apart else "",
            **_counts({**tally.counts, "neutrophils": tally.neutrophils}, tally.cells),
        }


def _counts(counts: Mapping[str, int], cells: int) -> dict[str, Any]:
    shares = [(counts.get(name, 0), f"{100 * counts.get(name, 0) / cells:.1f}" if cells else "") for name in NAMES]
    return {"cells": cells, "shares": shares}


def analyser_tables(export: Export) -> Iterator[dict[str, Any]]:
    """Yield the comparison with each analyser's differential that is kept with the session."""
    from smearwatch.clients.analyser.lines import said_of
    from smearwatch.clients.analyser.report import NotComparable, compare

    shown = _as_shown(export.result)
    for recorded in export.ledger.events():
        event = recorded.event
        if not isinstance(event, Analysed):
            continue
        told: dict[str, Any] = {"by": event.by, "at": when(moment(event.analysed_at_ns))}
        try:
            report = compare(shown, event)
        except NotComparable as cannot:
            yield told | {"rows": [], "says": [f"{cannot}."]}
            continue
        rows = [(name, report["classes"][name]) for name in PARTS if name in report["classes"]]
        yield told | {"rows": rows, "says": said_of(report)}


def _as_shown(result: SessionResult) -> dict[str, Any]:
    """Return the result that stands, in the form in which it is compared."""
    stands = {
        "cells": result.denominator,
        "counts": {row.label: row.cells or 0 for row in result.rows if row.kind in ("class", "extra")},
        "neutrophils": result.row("neutrophils").cells,
        "neutrophils_undivided": sum(row.cells or 0 for row in result.rows if row.kind == "undivided"),
        "mark": result.mark,
    }
    return {"session": result.session, **stands, "reviewed": stands if result.stands == "reviewed" else None}
