"""Cell-location tests in lines for a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smearwatch.clients.quality.location_report import AIM, LEVEL
from smearwatch.daemon.sign_text import when_text

ORDERS = {"random": "drawn at random", "in_order": "in the order of finding"}


def kept_lines(session: str, tests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each test of a session."""
    yield f"{session}: {len(tests)} location {'test' if len(tests) == 1 else 'tests'}"
    for test in tests:
        yield f"test {test['ordinal']}, {when_text(test['tested_at_ns'])}, by {test['by']}: {found_text(test)}"
        fields = f"{test['fields']} {'field' if test['fields'] == 1 else 'fields'}"
        hidden = f"; {test['not_shown']} passed over, which no page can show" if test["not_shown"] else ""
        yield f"  {fields}, {ORDERS[test['order']]}{hidden}"
        yield f"  {right_text(test)}"
        aside = [
            f"{test[key]} {what}"
            for key, what in (("cut", "cut by the edge"), ("again", "marked in an earlier field already"))
            if test[key]
        ]
        if aside:
            yield f"  not in the test: {', '.join(aside)}"
        if test["note"]:
            yield f"  note: {test['note']}"
        if test["withdrawn"]:
            gone = test["withdrawn"]
            yield f"  WITHDRAWN by {gone['by']}, {when_text(gone['withdrawn_at_ns'])}: {gone['reason']}"
        elif not test["enough"]:
            yield f"  fewer than the {AIM} leukocytes that are asked for"


NONE_LEFT = "Every location test was withdrawn, so no day has one."


def kept_text(test: Mapping[str, Any]) -> str:
    """Return a test of a session in one line."""
    gone = test["withdrawn"]
    before = f"withdrawn by {gone['by']} ({gone['reason']}): " if gone else ""
    note = f" Note: {test['note']}." if test["note"] else ""
    made = f"test {test['ordinal']}, {when_text(test['tested_at_ns'])}, by {test['by']}"
    return f"{before}{made}: {found_text(test)}; {right_text(test)}.{note}"


def day_lines(days: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a row for each day, and what is to be said of them."""
    yield f"{'day':<12}{'found':>7}{'of':>6}{'percent':>9}  {'95 % interval':<16}sessions"
    for day in days:
        low, high = (f"{day['percent'][end]:.1f}" for end in ("low", "high"))
        few = " (few)" if not day["enough"] else ""
        yield (
            f"{day['day']:<12}{day['found']:>7}{day['marked']:>6}{day['percent']['value']:>8.1f}%  "
            f"{f'{low} to {high}':<16}{', '.join(day['sessions'])}{few}"
        )
        for note in day["notes"]:
            yield f"  note: {note}"
    if any(not day["enough"] for day in days):
        yield f"(few): fewer than the {AIM} leukocytes a day that are asked for"
    yield from lower_lines(days)


def lower_lines(days: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each day that is lower than those before it, or that there is none."""
    lower = [day for day in days if day["lower"]]
    for day in lower:
        before = day["earlier"]
        share = 100 * before["found"] / before["marked"]
        yield (
            f"{day['day']}: lower than on the days before, beyond chance: {day['percent']['value']:.1f} % against "
            f"{share:.1f} % ({before['found']} of {before['marked']}), p = {p_text(day['p'])}. Look at the stain, the "
            "focus and the scale, and at the leukocytes that were missed."
        )
    if len(days) > 1 and not lower:
        yield f"No day is lower than the days before it beyond chance (p < {LEVEL:g}, Fisher's exact test)."


def found_text(test: Mapping[str, Any]) -> str:
    """Return how many leukocytes were found."""
    shown = _limits(test["percent"])
    text = f"{test['found']} of {test['marked']} leukocytes found, {shown}"
    if not test["rejected"]:
        return text
    return f"{text}; {test['rejected']} of the found ones the networks then rejected, so they do not count"


def right_text(test: Mapping[str, Any]) -> str:
    """Return how many of the machine's cells are leukocytes."""
    if not test["cells"]:
        return "the machine found no whole cell there"
    overlooked = f"; {test['overlooked']} of them the reader had overlooked" if test["overlooked"] else ""
    return (
        f"{test['leukocytes']} of {test['cells']} cells of the machine are leukocytes, "
        f"{_limits(test['leukocytes_percent'])}{overlooked}"
    )


def p_text(p: float) -> str:
    """Return a probability as it is read."""
    return "below 0.0001" if p < 1e-4 else f"{p:.2g}"


def _limits(share: Mapping[str, float | None]) -> str:
    return f"{share['value']:.1f} % (95 % interval {share['low']:.1f} to {share['high']:.1f})"
