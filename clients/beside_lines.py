"""Other counts of a session as lines for a person: tallies by hand, analysers' figures, all cells pooled."""

from collections.abc import Mapping
from typing import Any

from smearwatch.daemon.record.beside import PARTS
from smearwatch.daemon.share_text import mark_text, named_lines
from smearwatch.daemon.sign_text import when_text

POOLED = "Right only if all were counted on the same slide, and no cell was both tallied and photographed"


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
    return lines if shown.get("pooled") is None else [*lines, *_pooled_lines(shown)]


def cells_text(named: Mapping[str, Any]) -> str:
    """Return how many leukocytes a result is of."""
    return f"{named['cells']} {'leukocyte' if named['cells'] == 1 else 'leukocytes'}"


def printed_text(printed: Mapping[str, Any]) -> str:
    """Return an analyser's figures in one line."""
    shares, unit = (printed["counts"], "") if printed["percent"] is None else (printed["percent"], " %")
    parts = ", ".join(f"{name} {shares[name]}{unit}" for name in PARTS if name in shares)
    return parts if printed["cells"] is None else f"{parts}; of {printed['cells']} cells"


def _pooled_lines(shown: Mapping[str, Any]) -> list[str]:
    pooled = shown["pooled"]
    tallies = "the tally" if pooled["tallies"] == 1 else f"{pooled['tallies']} tallies"
    own = "as counted" if shown["reviewed"] is None else "as reviewed"
    unsigned = "" if shown["signed"] is None else "; nobody has signed this"
    lines = [f"pooled, {cells_text(pooled)}: the session's own {own} and {tallies}{unsigned}. {POOLED}:"]
    lines += named_lines(pooled)
    if pooled["others"]:
        lines.append("  of the session's own, only those that a person named are among these others")
    why = mark_text(pooled)
    return lines if why is None else [*lines, why]
