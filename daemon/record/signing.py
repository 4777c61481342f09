"""Signing a session and amending it; whoever does so is the session's one writer for that moment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smearwatch.daemon.record.anchors import anchored_faults
from smearwatch.daemon.record.gates import Gate, gates_of
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.moment import open_for_a_moment
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.signature import Amended, Overruled, OverruledName, Signed
from smearwatch.daemon.record.signatures import as_signed
from smearwatch.daemon.record.tally import TallyFold


class GatesOpen(Exception):
    """A session cannot be signed yet.

    Parameters
    ----------
    session : str
        Its name.
    gates : tuple of Gate
        Those that are not passed and were not overruled.
    """

    def __init__(self, session: str, gates: tuple[Gate, ...]) -> None:
        super().__init__(f"session {session} is not signed: {'; '.join(gate.says for gate in gates)}")
        self.gates = gates
        never = [gate.hint for gate in gates if not gate.can_be_overruled]
        names = ", ".join(gate.name for gate in gates)
        self.hint = never[0] if never else f"do that first, or overrule {names} with a reason"


class ResultChanged(Exception):
    """The session is no longer as it was when the person looked at it."""

    hint = "look at the result again, then sign it"

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} is not signed: something was recorded since you looked at it")


class NotSigned(Exception):
    """A session that is not signed cannot be amended."""

    hint = "labels can be given without it; sign it with: smearwatch sessions sign"

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session} is not signed, so there is nothing to amend")


@dataclass(frozen=True, slots=True)
class Standing:
    """A session as it stands before a signature.

    Attributes
    ----------
    number
        Its last event; give it to `sign`, so that nothing is signed that nobody saw.
    """

    number: int
    fold: TallyFold
    gates: tuple[Gate, ...]


def standing(folder: Path) -> Standing:
    """Return how a session stands before a signature."""
    with LedgerReader.read(folder) as ledger:
        counting = ledger.is_open and holder(folder) is not None
        with ledger.at_one_moment():
            return _standing(ledger, counting=counting)


def _standing(ledger: LedgerReader, *, counting: bool) -> Standing:
    fold, number = TallyFold(), 0
    for recorded in ledger.events():
        fold.apply(recorded.event)
        number = recorded.number
    in_disorder = ledger.is_open
    return Standing(number, fold, gates_of(fold, ledger.folder.name, counting=counting, in_disorder=in_disorder))


def sign(
    folder: Path, *, by: str, overruled: Mapping[OverruledName, str], note: str | None = None, seen: int | None = None
) -> Signed:
    """Sign a session's reviewed result.

    Parameters
    ----------
    by
        The person.
    overruled
        Why the person signs in spite of a gate, by gate; what is said of a passed one is left out.
    seen
        The last event that the person has seen, None for whatever stands.

    Raises
    ------
    GatesOpen
        A gate is not passed, and not overruled or not to be.
    SessionSigned
        It is signed already.
    ResultChanged
        Something was recorded after `seen`.
    SessionBusy, SessionMissing, LedgerUnusable
        It cannot be written.
    """
    before = standing(folder).gates
    if not _is_passed(before, "being_counted"):  # else the lock would be waited for in vain
        raise GatesOpen(folder.name, _shut(before, overruled))
    with open_for_a_moment(folder) as ledger:
        if (signed := ledger.signature()) is not None:
            raise SessionSigned(ledger.folder.name, signed)
        for fault in anchored_faults(ledger.folder):
            raise LedgerUnusable(ledger.path, fault, "look for a later copy; keep the folder as it is")
        now = _standing(ledger, counting=False)
        if seen is not None and now.number != seen:
            raise ResultChanged(ledger.folder.name)
        if shut := _shut(now.gates, overruled):
            raise GatesOpen(ledger.folder.name, shut)
        event = Signed(
            by=by,
            signed_at_ns=time.time_ns(),
            ordinal=now.fold.signatures + 1,
            result=as_signed(now.fold.result),
            weights=ledger.weights(),
            overruled=tuple(Overruled(gate, overruled[gate]) for gate in overruled if not _is_passed(now.gates, gate)),
            note=note,
        )
        ledger.append([event])
    return event


def amend(folder: Path, *, by: str, reason: str) -> Amended:
    """Reopen a signed session.

    Raises
    ------
    NotSigned
        It is not signed.
    SessionBusy, SessionMissing, LedgerUnusable
        It cannot be written.
    """
    with open_for_a_moment(folder) as ledger:
        signed = ledger.signature()
        if signed is None:
            raise NotSigned(ledger.folder.name)
        event = Amended(by, reason, time.time_ns(), signed.ordinal)
        ledger.append([event])
    return event


def _shut(gates: tuple[Gate, ...], overruled: Mapping[OverruledName, str]) -> tuple[Gate, ...]:
    return tuple(gate for gate in gates if not gate.passed and not (gate.can_be_overruled and gate.name in overruled))


def _is_passed(gates: tuple[Gate, ...], name: str) -> bool:
    return next(gate.passed for gate in gates if gate.name == name)
