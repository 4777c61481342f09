"""Other counts of a session as lines for a person: tallies by hand, analysers' figures, all cells pooled."""

from collections.abc import Mapping
from typing import Any

from smearwatch.daemon.record.beside import PARTS
from smearwatch.daemon.share_text import mark_text, named_lines
from smearwatch.daemon.sign_text import when_text

POOLED = "right only if all were counted on the same slide, and no cell was both tallied and photographed"


def beside_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return what stands beside a session's own count; nothing where it is alone.

    Parameters
    ----------
    shown : mapping
        What ``sessions show --json`` prints.
    """
    lines = []
    for tallied in shown["tallies"]:
        lines.append(
            f"tallied by hand, {cells_text(tallied)}, by {tallied['by']}, {when_text(tallied['tallied_at_ns'])} "
            f"(tally {tallied['ordinal']} of {len(shown['tallies'])}; not in the counts above):"
        )
        lines += named_lines(tallied)
    for printed in shown["analysers"]:
        lines.append(f"an analyser's differential, kept by {printed['by']}: {printed_text(printed)}")
    pooled = shown.get("pooled")
    if pooled is not None:
        tallies = "the tally" if pooled["tallies"] == 1 else f"{pooled['tallies']} tallies"
        lines += [f"pooled, {cells_text(pooled)}: the session's own and {tallies}; {POOLED}:", *named_lines(pooled)]
        lines += [] if (why := mark_text(pooled)) is None else [why]
    return lines


def cells_text(named: Mapping[str, Any]) -> str:
    """Return how many leukocytes a result is of."""
    return f"{named['cells']} {'leukocyte' if named['cells'] == 1 else 'leukocytes'}"


def printed_text(printed: Mapping[str, Any]) -> str:
    """Return an analyser's figures in one line."""
    shares, unit = (printed["counts"], "") if printed["percent"] is None else (printed["percent"], " %")
    parts = ", ".join(f"{name} {shares[name]}{unit}" for name in PARTS if name in shares)
    return parts if printed["cells"] is None else f"{parts}; of {printed['cells']} cells"
