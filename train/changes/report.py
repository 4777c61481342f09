"""What other weights change in recorded sessions: the whole account as types, and as lines for a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smearwatch.daemon.sign_text import when_text
from smearwatch.train.changes.figures import Figures
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.promotion.compare import Comparison
from smearwatch.train.statistics import Paired

_NAMES = {
    "true_cells_rejected": "leukocytes rejected",
    "flagged": "leukocytes flagged",
    "silent_errors": "wrong, and neither flagged nor rejected",
    "strange_rejected": "what is none of the six, rejected",
}
_MOST_PAIRS = 6
_SMALLEST = 0.001


@dataclass(frozen=True, slots=True)
class Renamed(JsonRecord):
    """So many cells without a label that one set of weights calls this, and the other one that."""

    before: str
    after: str
    cells: int


@dataclass(frozen=True, slots=True)
class MachineChange(JsonRecord):
    """Cells that nobody labelled, machine against machine: nobody says which is right.

    Attributes
    ----------
    same
        Cells that both call the same, or both reject.
    confirmed
        Confirmed before and after.
    """

    n: int
    same: int
    renamed: list[Renamed]
    confirmed: Paired


@dataclass(frozen=True, slots=True)
class SessionChange(JsonRecord):
    """One session under both weights.

    Attributes
    ----------
    signed
        Who signed it and when, None where nobody has.
    cells, labelled
        Counted leukocytes, and those that a person labelled.
    trained_on, near_trained_on
        Labelled cells that one of the weights was trained on, and others beside them (the same frame, or a neighbour).
        They are no check.
    as_recorded
        Of the cells that the record has from the old weights, how many have the same class and verdict now, and of how
        many; None where it has none. All of them should.
    check
        The labelled cells that neither weights have seen; None without any.
    machine
        Those without a label.
    before, after
        The report with the labels in it.
    changed
        Whether any number in it changes.
    otherwise
        Why it would have read otherwise; nothing where it would not.
    """

    session: str
    signed: dict[str, Any] | None
    cells: int
    labelled: int
    trained_on: int
    near_trained_on: int
    as_recorded: list[int] | None
    check: Comparison | None
    machine: MachineChange
    before: Figures
    after: Figures
    changed: bool
    otherwise: list[str]


@dataclass(frozen=True, slots=True)
class WeightsChange(JsonRecord):
    """Every session under both weights.

    Attributes
    ----------
    check
        All labelled cells that neither weights have seen, together; None without any.
    learnt
        The labelled cells that one of them was trained on, or a neighbour of one, apart: no check. None without any.
    left_out
        Sessions that could not be judged, and why.
    """

    old: dict[str, str]
    new: dict[str, str]
    sessions: list[SessionChange]
    left_out: dict[str, str]
    check: Comparison | None
    learnt: Comparison | None
    machine: MachineChange

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, and the lines for a person as `says`."""
        return {**JsonRecord.to_json(self), "says": list(change_lines(self))}


def change_lines(change: WeightsChange) -> Iterator[str]:
    """Format the outcome, the most important first."""
    old, new = (f"{each['name']} ({each['weights'][:12]})" for each in (change.old, change.new))
    yield f"from {old} to {new}"
    yield from _reports(change)
    if change.check is None:
        yield "no labelled cell of these sessions is left that neither weights were trained on: nothing here is a check"
    else:
        yield from _check("labelled cells that neither weights have seen, a person's word as the truth", change.check)
    if change.learnt is not None:
        seen = change.learnt.accuracy
        rejects = change.learnt.strange_rejected.n
        yield (
            f"{seen.n + rejects} labelled cells were trained on, or stand beside one that was, and are no check: "
            f"{seen.before.hits} of {seen.n} right before, {seen.after.hits} after"
        )
    yield from _machine(change.machine)
    for each in change.sessions:
        yield from _session(each)
    for name, why in change.left_out.items():
        yield f"left out: {name}: {why}"


def _reports(change: WeightsChange) -> Iterator[str]:
    every = change.sessions
    otherwise = sum(bool(each.otherwise) for each in every)
    numbers = sum(each.changed for each in every)
    yield f"{otherwise} of {len(every)} reports would have read otherwise; in {numbers} some number would have changed"


def _check(title: str, check: Comparison) -> Iterator[str]:
    yield f"{title}:"
    yield f"  right: {paired_text(check.accuracy)}"
    for name, each in check.per_class.items():
        yield f"  … {name}: {paired_text(each)}"
    for name, words in _NAMES.items():
        each = getattr(check, name)
        if each.n:
            yield f"  {words}: {paired_text(each)}"


def _machine(machine: MachineChange) -> Iterator[str]:
    if not machine.n:
        return
    yield f"cells without a label, machine against machine: {machine.same} of {machine.n} are called the same"
    for pair in machine.renamed[:_MOST_PAIRS]:
        yield f"  {pair.before} before, {pair.after} after: {pair.cells}"
    if len(machine.renamed) > _MOST_PAIRS:
        yield f"  otherwise: {sum(pair.cells for pair in machine.renamed[_MOST_PAIRS:])}"
    yield f"  confirmed: {paired_text(machine.confirmed)}"


def _session(each: SessionChange) -> Iterator[str]:
    signed = f"signed by {each.signed['by']}, {when_text(each.signed['at_ns'])}" if each.signed else "not signed"
    yield f"{each.session} ({signed}; {each.cells} cells, {each.labelled} of them labelled):"
    if each.trained_on:
        yield f"  trained on {each.trained_on} of its labelled cells, {each.near_trained_on} more stand beside these"
    if each.as_recorded is not None and each.as_recorded[0] != each.as_recorded[1]:
        same, of = each.as_recorded
        yield f"  the old weights answer as recorded for {same} of {of} cells: another machine or version"
    if each.otherwise:
        yield from (f"  would have read otherwise: {why}" for why in each.otherwise)
    elif each.changed:
        yield "  numbers change, each within the limits that the report gave"
    else:
        yield "  reads the same"


def paired_text(change: Paired) -> str:
    """Format a paired comparison: both shares, the difference with its limits, the test."""
    if change.difference is None:
        return "no cells"
    return (
        f"{change.before.hits} of {change.n} before, {change.after.hits} after; "
        f"difference {change.difference.text(3)}, exact McNemar {p_text(change.p_value)}"
    )


def p_text(p_value: float) -> str:
    """Format a p value, which is rounded."""
    return "p below 0.001" if p_value < _SMALLEST else f"p {p_value:.3f}"
