"""Does the paper's claim hold, that verifiers find and mend the ResNet's errors? Counted verifier by verifier.

Nozaka et al. (APAMI 2020) propose to detect and correct wrong answers of the six-class network by two-class networks.
"""

from dataclasses import dataclass

import numpy as np

from smearwatch.models.classes import CLASSES
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Overrule, Policy, decide
from smearwatch.train.evaluation.confusion import ClassIndices
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import NetGain, Share

CLAIM_AT = 0.5
"""A verifier that may overrule claims a cell for its class from here on, as it does in the paper."""

_NEVER = 2.0  # above every reject score


@dataclass(frozen=True, slots=True)
class VerifierGain(JsonRecord):
    """What a verifier notices, what it challenges wrongly, and what it would win by overruling.

    Attributes
    ----------
    errors_noticed
        Of the wrong answers of this class, those that its verifier does not share.
    right_challenged
        The same of the right ones.
    missed_claimed
        Of this class's cells that were called otherwise, those that its verifier claims.
    overruling
        The net gain if this verifier alone were allowed to put its class in place of an answer whose own verifier
        disagrees.
    """

    errors_noticed: Share
    right_challenged: Share
    missed_claimed: Share
    overruling: NetGain


def verifier_gains(outputs: Outputs, truth: ClassIndices, policy: Policy) -> dict[str, VerifierGain]:
    """Count what each verifier gains.

    Parameters
    ----------
    outputs
        Of n cells with a label of the six.
    truth : int64 array of shape [n]
    policy
        Says from where on a verifier agrees.

    Returns
    -------
    dict
        By class; "together" has the same for all six.
    """
    predicted = outputs.probabilities.argmax(axis=1)
    own = outputs.verifiers[np.arange(len(predicted)), predicted]
    challenged = own < np.array(policy.agree_at)[predicted]
    wrong = truth != predicted
    table: dict[str, VerifierGain] = {}
    for index, name in enumerate(CLASSES):
        here = predicted == index
        missed = (truth == index) & ~here
        table[name] = VerifierGain(
            errors_noticed=Share.of(challenged[here & wrong]),
            right_challenged=Share.of(challenged[here & ~wrong]),
            missed_claimed=Share.of(outputs.verifiers[missed, index] >= CLAIM_AT),
            overruling=_overruling(outputs, truth, policy, (index,)),
        )
    table["together"] = VerifierGain(
        errors_noticed=Share.of(challenged[wrong]),
        right_challenged=Share.of(challenged[~wrong]),
        missed_claimed=Share.of(outputs.verifiers[wrong, truth[wrong]] >= CLAIM_AT),
        overruling=_overruling(outputs, truth, policy, tuple(range(len(CLASSES)))),
    )
    return table


def _overruling(outputs: Outputs, truth: ClassIndices, policy: Policy, allowed: tuple[int, ...]) -> NetGain:
    """Let some verifiers overrule every answer, by the rules of the verdict itself."""
    pairs = [(answer, instead) for answer in range(len(CLASSES)) for instead in allowed if answer != instead]
    free = Policy(
        agree_at=policy.agree_at,
        overrules=tuple(Overrule(said=answer, instead=instead, claim_at=CLAIM_AT) for answer, instead in pairs),
        reject_at=_NEVER,
    )
    rows = zip(outputs.probabilities.tolist(), outputs.verifiers.tolist(), strict=True)
    after = np.array([decide(p, v, 0.0, free).index for p, v in rows], dtype=np.int64)
    return NetGain.of(outputs.probabilities.argmax(axis=1) == truth, after == truth)
