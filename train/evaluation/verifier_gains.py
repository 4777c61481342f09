"""Does the paper's claim hold, that verifiers find and mend the ResNet's errors? Counted verifier by verifier.

Nozaka et al. (APAMI 2020) propose to detect and correct wrong answers of the six-class network by two-class networks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Outputs
from smearwatch.models.verdict import Overrule, Policy, decide
from smearwatch.train.statistics import NetGain, Share

CLAIM_AT = 0.5
"""A verifier that may overrule claims a cell for its class from here on, as it does in the paper."""

_NEVER = 2.0  # above every reject score

Places = NDArray[np.int64]


def verifier_gains(outputs: Outputs, truth: Places, policy: Policy) -> dict[str, Any]:
    """Count what each verifier notices, what it challenges wrongly, and what it would win by overruling.

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
        By class: `errors_noticed` (of the wrong answers of this class, those that its verifier does not share),
        `right_challenged` (the same of the right ones), `missed_claimed` (of this class's cells that were called
        otherwise, those that its verifier claims), and `overruling`, the net gain if this verifier alone were allowed
        to put its class in the place of an answer whose own verifier disagrees. "together" has the same for all six.
    """
    said = outputs.probabilities.argmax(axis=1)
    own = outputs.verifiers[np.arange(len(said)), said]
    challenged = own < np.array(policy.agree_at)[said]
    table: dict[str, Any] = {}
    for place, name in enumerate(CLASSES):
        here, right = said == place, truth == said
        missed = (truth == place) & ~here
        claimed = outputs.verifiers[missed, place] >= CLAIM_AT
        table[name] = {
            "errors_noticed": _share(challenged[here & ~right]),
            "right_challenged": _share(challenged[here & right]),
            "missed_claimed": _share(claimed),
            "overruling": _overruling(outputs, truth, policy, (place,)),
        }
    wrong = truth != said
    table["together"] = {
        "errors_noticed": _share(challenged[wrong]),
        "right_challenged": _share(challenged[~wrong]),
        "missed_claimed": _share(outputs.verifiers[wrong, truth[wrong]] >= CLAIM_AT),
        "overruling": _overruling(outputs, truth, policy, tuple(range(len(CLASSES)))),
    }
    return table


def _overruling(outputs: Outputs, truth: Places, policy: Policy, allowed: tuple[int, ...]) -> dict[str, Any]:
    """Let some verifiers overrule every answer, by the rules of the verdict itself."""
    pairs = [(said, instead) for said in range(len(CLASSES)) for instead in allowed if said != instead]
    free = Policy(
        agree_at=policy.agree_at,
        overrules=tuple(Overrule(said=said, instead=instead, claim_at=CLAIM_AT) for said, instead in pairs),
        reject_at=_NEVER,
    )
    rows = zip(outputs.probabilities.tolist(), outputs.verifiers.tolist(), strict=True)
    after = np.array([decide(p, v, 0.0, free).place for p, v in rows], dtype=np.int64)
    return NetGain.of(outputs.probabilities.argmax(axis=1) == truth, after == truth).to_json()


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    return Share(int(hits.sum()), len(hits)).to_json()
