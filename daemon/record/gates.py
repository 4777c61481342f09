"""The gates before a signature: what should be done first, computed in one place from the tally."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from smearwatch.daemon.record.signature import OVERRULABLE, OverruledName
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.targets import Progress

GateName: TypeAlias = Literal[OverruledName, "nothing_counted", "being_counted"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate before a signature.

    Attributes
    ----------
    passed
        Whether it lets the signature through.
    n
        How many cells or pictures keep it shut; 0 where it is passed, or not about a number.
    says
        How it stands, in a few words.
    hint
        How to pass it.
    """

    name: GateName
    passed: bool
    n: int
    says: str
    hint: str

    @property
    def can_be_overruled(self) -> bool:
        """Whether a person may sign all the same, with a reason."""
        return self.name in OVERRULABLE


_SEE: Final = "see each and name it: smearwatch review {session}, or smearwatch watch {session}"
_COUNT_ON: Final = "count on: smearwatch run --watch DIR --session {session}"


def gates_of(fold: TallyFold, session: str, *, counting: bool, in_disorder: bool) -> tuple[Gate, ...]:
    """Return every gate, passed or not, in the order in which they are shown.

    Parameters
    ----------
    session
        Its name.
    counting
        Whether it is being counted right now.
    in_disorder
        Whether its last count ended without being closed.
    """
    result = fold.result
    see, count_on = _SEE.format(session=session), _COUNT_ON.format(session=session)
    drift, scale = fold.drift["drift"], fold.scale_contradicted
    return (
        _gate("flagged", result.flagged, _cells(result.flagged, "flagged"), "every flagged cell has a label", see),
        _gate("rejected", result.rejected, _cells(result.rejected, "rejected"), "every rejected cell has a label", see),
        Gate(
            "drift",
            not fold.alarmed,
            0,
            f"the drift alarm is on since cell {drift['since_cell']}: {drift['says']}" if drift else "no drift alarm",
            drift["mend"] if drift else "",
        ),
        Gate(
            "scale",
            scale is None,
            0,
            f"the scale is contradicted by the red cells: {scale['says']}" if scale else "no scale is contradicted",
            scale["mend"] if scale else "",
        ),
        _target(fold.result_targets, count_on),
        _complete(fold, count_on, counting=counting, in_disorder=in_disorder),
        Gate(
            "nothing_counted",
            result.cells > 0,
            0,
            f"{result.cells} leukocytes" if result.cells else "no leukocyte is in the result",
            "there is nothing to sign: count first",
        ),
        Gate(
            "being_counted",
            not counting,
            0,
            "it is being counted right now" if counting else "nobody counts it now",
            "wait for the end of the count, or stop it",
        ),
    )


def _target(targets: list[Progress], hint: str) -> Gate:
    short = [each for each in targets if not each.reached]
    says = ", ".join(_how_far(each) for each in short or targets) or "no target is set"
    if short:
        says += f": the {'target is' if len(targets) == 1 else 'targets are'} not reached"
    missing = max((int(each.wanted - each.have) for each in short if each.kind != "within"), default=0)
    return Gate("target", not short, missing, says, hint)


def _how_far(target: Progress) -> str:
    if target.kind == "within":
        return f"{target.of} \N{PLUS-MINUS SIGN}{target.have:.1f} (wanted \N{PLUS-MINUS SIGN}{target.wanted:g})"
    what = "leukocytes" if target.kind == "cells" else target.of
    return (
        f"{target.have:.0f} {what}, target {target.wanted:.0f}"
        if target.reached
        else f"{target.have:.0f} of {target.wanted:.0f} {what}"
    )


def _complete(fold: TallyFold, hint: str, *, counting: bool, in_disorder: bool) -> Gate:
    says, pending, files = "every picture has its outcome", fold.frames["pending"], fold.left["files_left"]
    waiting = pending + files
    if waiting and fold.ended_at_target and not in_disorder:
        left = f"{waiting} {'picture was' if waiting == 1 else 'pictures were'} not counted"
        return Gate("incomplete", True, 0, f"it ended at its target, as it was to: {left}", hint)
    if waiting:
        wait = f"{pending} {'picture waits' if pending == 1 else 'pictures wait'} to be counted" if pending else ""
        were = f"{files} {'file was' if files == 1 else 'files were'} not counted when the run ended" if files else ""
        says = "; ".join(each for each in (wait, were) if each)
    elif in_disorder and not counting:
        says = "the last count ended in disorder: what came last may be missing"
    return Gate("incomplete", not waiting and (counting or not in_disorder), waiting, says, hint)


def _gate(name: GateName, n: int, shut: str, passed: str, hint: str) -> Gate:
    return Gate(name, n == 0, n, shut if n else passed, hint)


def _cells(n: int, what: str) -> str:
    return f"{n} {what} {'cell has' if n == 1 else 'cells have'} no label"
