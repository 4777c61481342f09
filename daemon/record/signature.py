"""A person's signature under a session's result, and the reopening of a signed session."""

from typing import Any, Final, Literal, TypeAlias, get_args

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Count, Frozen, Ordinal, Person, Sentence, Word, without_none

OverruledName: TypeAlias = Literal["flagged", "rejected", "drift", "target", "incomplete", "scale"]
OVERRULABLE: Final[tuple[OverruledName, ...]] = get_args(OverruledName)
"""The gates that a person may overrule with a reason. Gates are only ever added, at the end."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Overruled:
    """A gate that was open when the session was signed, and the person's reason to sign all the same."""

    gate: OverruledName
    reason: Sentence

    @model_validator(mode="after")
    def _says_something(self) -> "Overruled":
        if not self.reason.strip():
            raise ValueError("a gate is overruled with a reason")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class SignedResult:
    """The result that was signed; see `smearwatch.daemon.record.review.Reviewed`, whose names these are."""

    labelled: Count
    changed: Count
    counts: Frozen[Count]
    undivided: Count
    others: Frozen[Count]
    set_aside: Frozen[Count]
    flagged: Count
    rejected: Count


@dataclass(frozen=True, slots=True, config=STRICT)
class Signed:
    """A person signed the reviewed result. ``ordinal`` counts a session's signatures from 1: all are kept.

    ``weights`` are the identities of all weights that named cells of the session, in alphabetical order. Until the
    session is amended the ledger takes nothing that would change the result.
    """

    by: Person
    signed_at_ns: Count
    ordinal: Ordinal
    result: SignedResult
    weights: tuple[Word, ...]
    overruled: tuple[Overruled, ...]
    note: Sentence | None = None
    kind: Literal["signed"] = "signed"

    @model_validator(mode="after")
    def _each_gate_once(self) -> "Signed":
        gates = [each.gate for each in self.overruled]
        if len(gates) != len(set(gates)):
            raise ValueError("a gate is overruled once")
        return self

    @model_serializer(mode="wrap")
    def _without_empty_note(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "note")


@dataclass(frozen=True, slots=True, config=STRICT)
class Amended:
    """A person reopened a signed session. ``ordinal`` is that of the signature that no longer holds."""

    by: Person
    reason: Sentence
    amended_at_ns: Count
    ordinal: Ordinal
    kind: Literal["amended"] = "amended"

    @model_validator(mode="after")
    def _says_something(self) -> "Amended":
        if not self.reason.strip():
            raise ValueError("a session is amended with a reason")
        return self
