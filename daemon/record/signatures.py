"""The signatures of a session: a fold over the events."""

import json
from typing import Any, Final

from pydantic import TypeAdapter

from smearwatch.daemon.record.events import Event
from smearwatch.daemon.record.review import Reviewed
from smearwatch.daemon.record.seal import CHANGING
from smearwatch.daemon.record.signature import Amended, Signed, SignedResult

_STATE: Final = TypeAdapter(tuple[list[Signed], list[Amended]])


class SignatureBroken(ValueError):
    """Something that cannot follow in a session that is signed, or is not."""


class SignatureFold:
    """Remembers every signature and every amendment."""

    def __init__(self) -> None:
        self._signed: list[Signed] = []
        self._amended: list[Amended] = []

    @property
    def holds(self) -> Signed | None:
        """The signature that holds, None where there is none or the session was amended since."""
        return self._signed[-1] if len(self._signed) > len(self._amended) else None

    @property
    def amendments(self) -> tuple[Amended, ...]:
        """Every time that a signed session was reopened."""
        return tuple(self._amended)

    @property
    def signatures(self) -> int:
        """How often it was signed."""
        return len(self._signed)

    def check(self, event: Event) -> None:
        """Raise `SignatureBroken` where an event changes the result of a signed session."""
        if self.holds is not None and isinstance(event, CHANGING):
            raise SignatureBroken(f"a {event.kind} event in a session that was signed by {self.holds.by}")

    def signed(self, event: Signed, result: Reviewed) -> None:
        """Take in a signature under a result; raises `SignatureBroken` where it does not fit."""
        if self.holds is not None or event.ordinal != len(self._signed) + 1:
            raise SignatureBroken(f"signature {event.ordinal} does not follow")
        if event.result != as_signed(result):
            raise SignatureBroken(f"signature {event.ordinal} is under another result than that of the session")
        self._signed.append(event)

    def amended(self, event: Amended) -> None:
        """Take in that it was reopened; raises `SignatureBroken` where it is not signed."""
        if self.holds is None or event.ordinal != self.holds.ordinal:
            raise SignatureBroken(f"amendment {event.ordinal} does not follow")
        self._amended.append(event)

    def snapshot(self) -> Any:
        """Return everything the fold remembers as plain lists and dictionaries; empty where that is nothing."""
        return _STATE.dump_python((self._signed, self._amended), mode="json") if self._signed else []

    def restore(self, snapshot: object) -> None:
        """Go on where a snapshot was taken; raises `pydantic.ValidationError` where it is none."""
        # Events are strict: as text they come as they were written.
        self._signed, self._amended = _STATE.validate_json(json.dumps(snapshot)) if snapshot != [] else ([], [])


def as_signed(result: Reviewed) -> SignedResult:
    """Return a result as it is signed."""
    return SignedResult(
        labelled=result.labelled,
        changed=result.changed,
        counts=result.counts,
        undivided=result.undivided,
        others=result.others,
        set_aside=result.set_aside,
        flagged=result.flagged,
        rejected=result.rejected,
    )
