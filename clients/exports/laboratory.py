"""What the messages to a laboratory's system have in common: codes, numbers, standing, persons, notes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import StringConstraints, model_validator

from smearwatch.clients.exports.leukocytes import NUCLEATED_RED_CELL, BloodOptions, Leukocytes
from smearwatch.clients.exports.result import Row, SessionResult, Share

Stand: TypeAlias = Literal["preliminary", "final", "corrected"]
Given: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A number or name that is typed as an option."""

LOINC: Final = "http://loinc.org"
PANEL: Final = "69738-3"
PANEL_TEXT: Final = "Differential of leukocytes"


class NumberMissing(ValueError):
    """The session has no number by which a laboratory's system could find the patient."""

    def __init__(self, result: SessionResult) -> None:
        super().__init__(f"session {result.session} has no specimen or order number, so nobody can match its message")
        name = result.session
        first = "" if result.status == "preliminary" else f"open it again with: smearwatch sessions amend {name}; then "
        last = "" if result.status == "preliminary" else ", and sign it anew"
        self.hint = (
            f"{first}say it with: smearwatch sessions describe {name} --specimen NUMBER --by WHO{last}; "
            "or add --option unmatched=yes"
        )


class Reopened(ValueError):
    """The session was signed and opened again: a preliminary result would follow a final one."""

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} was signed and opened again, and nobody answers for its result now")
        self.hint = f"sign it again first: smearwatch sessions sign {session} --by WHO"


class NothingCounted(ValueError):
    """The session has no leukocytes."""

    hint = "a message is of a session with counted cells"

    def __init__(self, result: SessionResult) -> None:
        super().__init__(f"session {result.session} has no leukocytes, so there is no result to send")


class MessageInvalid(ValueError):
    """A message would not be as its standard wants it, so it is not written."""

    hint = "write it in another format, and report what is said here"


class PackageMissing(Exception):
    """What checks a message is not installed."""

    hint = "install it with: pip install 'smearwatch[messages]'"

    def __init__(self, form: str, package: str) -> None:
        super().__init__(f"{form} messages cannot be checked, so none is written: {package} is not installed")


class MessageOptions(BloodOptions):
    """What every message may be told: which number the session has, and what only the laboratory knows."""

    number: Literal["specimen", "order"] = "specimen"
    order: Given | None = None
    unmatched: bool = False

    @model_validator(mode="after")
    def _one_order_number(self) -> "MessageOptions":
        if self.order is not None and self.number == "order":
            raise ValueError("order=NUMBER and number=order are two order numbers; give one of them")
        return self


@dataclass(frozen=True, slots=True)
class Code:
    """A class in a message: LOINC codes of its share and its absolute count, and what it is in words."""

    share: str | None
    absolute: str | None
    text: str


_CODES: Final = {
    "band": Code("26508-2", "26507-4", "Band neutrophils"),
    "segmented": Code("26505-8", "30451-9", "Segmented neutrophils"),
    "eosinophil": Code("26450-7", "26449-9", "Eosinophils"),
    "basophil": Code("30180-4", "26444-0", "Basophils"),
    "monocyte": Code("26485-3", "26484-6", "Monocytes"),
    "lymphocyte": Code("26478-8", "26474-7", "Lymphocytes"),
    "neutrophils": Code("26511-6", "26499-4", "Neutrophils, band and segmented together"),
    "neutrophils_undivided": Code(None, None, "Neutrophils, not said whether band or segmented"),
}
"""Without a method, as LOINC has them; a laboratory that codes the method maps them."""


def code_of(row: Row) -> Code:
    """Return the codes of a row; only the words for what has no code."""
    return _CODES.get(row.name) or Code(None, None, row.name.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that a laboratory's system knows the blood by, as they were given."""

    specimen: str | None
    order: str | None


def numbers_of(result: SessionResult, options: MessageOptions) -> Numbers:
    """Return the numbers of a session that may be sent.

    Raises
    ------
    NothingCounted
        There is no result.
    Reopened
        It was signed, and is not now.
    NumberMissing
        There is none, and it was not said that this does not matter.
    """
    if not result.denominator:
        raise NothingCounted(result)
    if result.amendments and result.signature is None:
        raise Reopened(result.session)
    specimen, order = result.specimen, options.order
    if options.number == "order":
        specimen, order = None, specimen
    if specimen is None and order is None and not options.unmatched:
        raise NumberMissing(result)
    return Numbers(specimen, order)


def stand_of(result: SessionResult) -> Stand:
    """Return how a result stands: preliminary before the first signature, corrected where that is not the first one."""
    if result.signature is None:
        return "preliminary"
    return "corrected" if result.amendments else "final"


def issued_at(result: SessionResult) -> datetime:
    """Return when the result came to stand as it does: the signature's time, else that of the last entry."""
    at = result.last_at if result.signature is None else result.signature.at
    assert at is not None  # a session with cells has entries
    return at


def begun_at(result: SessionResult) -> datetime:
    """Return when the count began."""
    assert result.began_at is not None
    return result.began_at


def persons(result: SessionResult) -> tuple[str, ...]:
    """Return who answers for the result: whose signature holds, else who labelled cells in the first reading."""
    if result.signature is not None:
        return (result.signature.by,)
    return tuple(reader.name for reader in result.readers if reader.reading == "first")


def identity_of(result: SessionResult, *more: object) -> str:
    """Return 20 digits that are the same for each message of one signature, and others for all else.

    While no signature holds they are of the ledger's last entry.
    """
    signature = result.signature
    state = (result.event, result.chain) if signature is None else (signature.ordinal, signature.at.timestamp())
    parts = (result.session, begun_at(result).timestamp(), stand_of(result), *state, *more)
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:20].upper()


def percent(share: Share) -> str:
    """Return a share in percent as a message has it, with two decimals; the cells beside it say it exactly."""
    assert share.value is not None  # of a session with leukocytes
    return f"{share.value:.2f}"


def absolute(share: Share, blood: Leukocytes) -> str:
    """Return the absolute count of a class in 10*9/L, of a share that is known."""
    count = blood.absolute(share)
    assert count is not None
    return f"{count.value:.3f}"


def share_note(row: Row, result: SessionResult) -> str:
    """Return what stands behind a row's figure: cells, of how many, and the limits."""
    if row.kind == "per_100":
        return f"{_cells(row.cells or 0)} beside {result.denominator} leukocytes"
    assert row.share is not None
    limits = f"95 % limits {row.share.low:.2f} to {row.share.high:.2f} %"
    lines = [f"{row.cells} of {result.denominator} leukocytes, {limits} (of sampling alone)"]
    if row.corrected is not None:
        of = row.corrected
        value = "not known" if of.value is None else f"{of.value:.2f} %"
        lines.append(f"corrected for the machine's errors {value}, limits {of.low:.2f} to {of.high:.2f} %")
    if result.mark is not None:
        lines.append(f"may be wrong: {result.mark}")
    return "; ".join(lines)


def notes_of(result: SessionResult, options: MessageOptions) -> list[str]:
    """Return what whoever reads the figures has to know, a sentence or two each."""
    lines = [result.research_use, *result.standing]
    if result.mark is not None:
        lines.append(f"The percentages may be wrong: {result.mark}")
    if result.scale_contradicted is not None:
        lines.append(f"Scale contradicted: {result.scale_contradicted.says}")
    if result.drift is not None:
        lines.append(f"Drift alarm {result.drift}")
    if result.drifted:
        lines.append(f"{_cells(result.drifted)} judged under a drift alarm.")
    lines.append(_by_whom(result))
    if result.flagged:
        open_ = result.flagged if result.review is None else result.review.flagged
        lines.append(f"{_cells(result.flagged)} flagged by the machine, {open_} of them without a person's label.")
    if result.unfamiliar:
        lines.append(f"{_cells(result.unfamiliar)} unlike what the machine was trained on.")
    left = ", ".join(f"{each.why.replace('_', ' ')} {each.cells}" for each in result.left_out if each.cells)
    if left:
        lines.append(f"Leukocytes found and not counted: {left}.")
    if not result.complete:
        lines.append("The count was not complete.")
    if result.band_rule is not None:
        lines.append(f"Rule for bands: {result.band_rule}.")
    if (blood := options.blood(result)) is not None:
        lines.append(_of_blood(result, blood))
    lines += [f"{word}: {said}" for word, said in (("Operator", result.operator), ("Note", result.note)) if said]
    weights = ", ".join(each.identity for each in result.weights)
    # No entry of the ledger that came after the signature changes a message.
    state = f"entry {result.event}" if result.signature is None else f"signature {result.signature.ordinal}"
    lines.append(f"Session {result.session}, {state}; smearwatch {result.version}; weights {weights}")
    return lines


def _by_whom(result: SessionResult) -> str:
    """Return how many of the leukocytes are called what they are by the machine alone."""
    if result.review is None:
        return "Nobody has labelled a cell: all names are the machine's."
    beside = sum(row.cells or 0 for row in result.rows if row.kind == "per_100")
    named = result.review.labelled - sum(result.review.set_aside.values()) - beside
    alone = result.denominator - named
    share = 100 * alone / result.denominator
    return f"Named by the machine alone: {alone} of {result.denominator} leukocytes ({share:.1f} %)."


def _of_blood(result: SessionResult, blood: Leukocytes) -> str:
    said = f"Absolute counts are shares of {blood.used:.4g} 10*9/L leukocytes. {blood.says}"
    others = [row for row in result.rows if row.per_100 and row.label != NUCLEATED_RED_CELL]
    beside = ", ".join(f"{row.per_100:.1f} {code_of(row).text}" for row in others)
    return f"{said} It was not corrected for {beside} per 100 leukocytes." if beside else said


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"
