"""From the networks' numbers to a verdict about one cell. Pure; the policy is data, chosen on validation cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from smearwatch.models.classes import CLASSES, NEUTROPHILS, Verdict, check_number, per_class


class Overrule(BaseModel):
    """Permission for one verifier to put its class in the place of the ResNet's.

    Attributes
    ----------
    said, instead
        Indices of the ResNet's class and of the verifier's in `CLASSES`.
    claim_at
        The least output of the verifier of `instead` at which it may do so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    said: int = Field(ge=0, lt=len(CLASSES))
    instead: int = Field(ge=0, lt=len(CLASSES))
    claim_at: float = Field(ge=0, le=1)


class Policy(BaseModel):
    """When a verifier agrees, when it may overrule, and when a cell is of none of the classes.

    Attributes
    ----------
    agree_at
        For each class, the least output of its own verifier that confirms the ResNet's answer.
    overrules
        The pairs for which overruling earned a net gain on validation cells; often none.
    reject_at
        The least reject score at which a cell is rejected.
    doubtful_from
        The least reject score at which a cell is flagged, for it may be of none of the classes; None for no such limit.
    doubt_below
        An answer whose probability is lower is flagged whatever its verifier's output; None for no such limit.
    doubt_five_below
        The same, the probabilities of band and segmented taken together where one of them is the answer.
    unfamiliar_beyond
        How many times a cell may look beyond what the weights were trained on before it is unfamiliar, and flagged
        whatever the networks say (see `smearwatch.models.appearance.is_unfamiliar`); None for no such limit. Where it
        is given, the ranges of the weights decide verdicts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agree_at: Annotated[tuple[float, ...], AfterValidator(per_class)] = (0.5,) * len(CLASSES)
    overrules: tuple[Overrule, ...] = ()
    reject_at: float = Field(default=0.5, ge=0)
    doubtful_from: float | None = Field(default=None, ge=0, le=1)
    doubt_below: float | None = Field(default=None, ge=0, le=1)
    doubt_five_below: float | None = Field(default=None, ge=0, le=1)
    unfamiliar_beyond: float | None = Field(default=None, ge=1, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """The index of the class that stands, and how it came to stand."""

    index: int
    verdict: Verdict


def decide(
    probabilities: Sequence[float],
    verifiers: Sequence[float],
    reject_score: float,
    policy: Policy,
    *,
    unfamiliar: bool = False,
) -> Decision:
    """Weigh the ResNet's answer against the verifiers'.

    Parameters
    ----------
    probabilities : one float for each class
        Calibrated, in the order of `CLASSES`.
    verifiers : one float for each class, 0..1
        Each LeNet's own answer, one class against the rest.
    reject_score : float, 0..1
    policy : Policy
    unfamiliar : bool
        Whether it looks unlike what the weights were trained on: then the class stands, but nothing confirms it.

    Returns
    -------
    Decision
        "rejected" keeps the ResNet's class, as the best guess at what it was.

    Raises
    ------
    ValueError
        Where there is not one probability and one verifier for each class.
    """
    check_number(probabilities)
    check_number(verifiers)
    decision = _weigh(probabilities, verifiers, reject_score, policy)
    return Decision(decision.index, "flagged") if unfamiliar and decision.verdict != "rejected" else decision


def _weigh(probabilities: Sequence[float], verifiers: Sequence[float], reject_score: float, policy: Policy) -> Decision:
    predicted = max(range(len(CLASSES)), key=lambda index: probabilities[index])
    if reject_score >= policy.reject_at:
        return Decision(predicted, "rejected")
    maybe_none = policy.doubtful_from is not None and reject_score >= policy.doubtful_from
    if verifiers[predicted] >= policy.agree_at[predicted]:
        doubted = maybe_none or _is_doubted(probabilities, predicted, policy)
        return Decision(predicted, "flagged" if doubted else "confirmed")
    others = [index for index in range(len(CLASSES)) if index != predicted]
    challenger = max(others, key=lambda index: verifiers[index])
    for overrule in policy.overrules:
        if (overrule.said, overrule.instead) == (predicted, challenger) and verifiers[challenger] >= overrule.claim_at:
            return Decision(challenger, "flagged" if maybe_none else "corrected")
    return Decision(predicted, "flagged")


def _is_doubted(probabilities: Sequence[float], predicted: int, policy: Policy) -> bool:
    """Return whether an answer is too improbable, as one of six classes or as one of five."""
    six = probabilities[predicted]
    five = sum(probabilities[index] for index in NEUTROPHILS) if predicted in NEUTROPHILS else six
    return (policy.doubt_below is not None and six < policy.doubt_below) or (
        policy.doubt_five_below is not None and five < policy.doubt_five_below
    )
